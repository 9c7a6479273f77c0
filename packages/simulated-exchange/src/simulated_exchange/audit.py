"""Whether the books are sound, worked out again from the first entry to the last.

Comes in: books. Goes out: sentences, one for each contradiction. Never: a repair, and never the
running totals that the floor keeps, except to compare them with what they should be.
"""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from .accounts import Ledger
from .books import Books
from .events import Execution
from .families import means
from .orders import Order, OrderState, Side

ZERO = Decimal(0)


def audit(books: Books) -> list[str]:
    """Every contradiction in the books, empty when there is none."""
    fills: dict[int, list[Execution]] = defaultdict(list)
    for _, fill in books.effective_executions():
        fills[fill.order_id].append(fill)
    violations = list(_records(books))
    for order in books.orders.values():
        violations += _order(books, order, fills[order.order_id])
    for ledger in books.ledgers.values():
        violations += _balances(books, ledger)
        violations += _holds(books, ledger)
    return violations


def _records(books: Books) -> Iterator[str]:
    exec_ids = [fill.exec_id for fill in books.executions]
    if len(set(exec_ids)) != len(exec_ids):
        yield "an execution id was used twice"
    if set(exec_ids) != books.reports.keys():
        yield "executions and commission reports do not pair up"
    live = {order_id for order_id, order in books.orders.items() if not order.is_done}
    if live != books.tickets.keys():
        yield f"live orders {sorted(live)} and tickets {sorted(books.tickets)} differ"


def _order(books: Books, order: Order, fills: list[Execution]) -> Iterator[str]:
    name = f"order {order.order_id}"
    filled = sum((fill.quantity for fill in fills), ZERO)
    value = sum((fill.quantity * fill.price for fill in fills), ZERO)
    if (order.filled, order.filled_value) != (filled, value):
        yield (
            f"{name} says it filled {order.filled} for {order.filled_value}, "
            f"its executions say {filled} for {value}"
        )
    if filled > order.request.quantity:
        yield f"{name} filled {filled} of {order.request.quantity}"
    corrected = [fill for fill in fills if not fill.exec_id.endswith(".01")]
    complete = filled == order.request.quantity
    if (order.status is OrderState.FILLED) != complete and not corrected:
        yield f"{name} is {order.status} with {filled} of {order.request.quantity} filled"
    for fill in fills:
        limit, side = fill.request.limit_price, fill.request.side
        if (
            limit is not None
            and fill not in corrected
            and (fill.price > limit if side is Side.BUY else fill.price < limit)
        ):
            yield f"{name} was to {side} at {limit} and traded through it at {fill.price}"
    charged = sum((books.reports[fill.exec_id].commission for fill in fills), ZERO)
    multiplier = books.instruments[order.request.con_id].multiplier
    owed = books.commissions.charge(filled, value * multiplier) if fills else ZERO
    if charged != owed:
        yield f"{name} was charged {charged} and owes {owed}"


def _balances(books: Books, ledger: Ledger) -> Iterator[str]:
    cash = defaultdict(Decimal, ledger.opening_cash)
    quantities = defaultdict(Decimal, ledger.opening_quantities)
    for _, fill in books.effective_executions():
        if fill.request.account_id == ledger.account_id:
            instrument = books.instruments[fill.request.con_id]
            paid = fill.signed_quantity * fill.price * instrument.multiplier
            cash[instrument.currency] -= paid + books.reports[fill.exec_id].commission
            if instrument.is_pair:
                cash[instrument.symbol] += fill.signed_quantity
            else:
                quantities[fill.request.con_id] += fill.signed_quantity
    for adjustment in books.adjustments:
        if adjustment.account_id == ledger.account_id:
            if adjustment.cash:
                cash[adjustment.currency] += adjustment.cash
            if adjustment.quantity:
                quantities[adjustment.con_id] += adjustment.quantity
    for currency in cash.keys() | ledger.cash.keys():
        if ledger.cash.get(currency) != cash[currency]:
            yield (
                f"{ledger.account_id} has {ledger.cash.get(currency)} {currency}, "
                f"its fills leave {cash[currency]}"
            )
    for con_id in quantities.keys() | ledger.holdings.keys():
        held, opening = ledger.quantity(con_id), ledger.opening_quantities.get(con_id, ZERO)
        if held != quantities[con_id]:
            yield f"{ledger.account_id} holds {held} of {con_id}, its fills {quantities[con_id]}"
        # A purchase that is undone after the shares were sold leaves a short that nobody sold.
        is_short = held < min(ZERO, opening) and not books.corrections
        if is_short and not ledger.allow_short:
            yield f"{ledger.account_id} may not go short and holds {held} of {con_id}"


def _holds(books: Books, ledger: Ledger) -> Iterator[str]:
    """What live orders tie up must be what the ledger has set aside, no more and no less."""
    holds: dict[str | int, dict[str | int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for order_id, ticket in books.tickets.items():
        request = books.orders[order_id].request
        if request.account_id != ledger.account_id:
            continue
        held = holds[means(request, books.instruments[request.con_id])]
        # Of a one-cancels-all group no more than one order will be needed.
        group = request.oca_group or order_id
        held[group] = max(held[group], ticket.hold)
    for currency, amount in ledger.reserved.items():
        if amount != (needed := sum(holds[currency].values(), ZERO)):
            yield f"{ledger.account_id} reserves {amount} {currency}, orders {needed}"
    for con_id, quantity in ledger.offered.items():
        if quantity != (needed := sum(holds[con_id].values(), ZERO)):
            yield f"{ledger.account_id} offers {quantity} of {con_id}, orders {needed}"
