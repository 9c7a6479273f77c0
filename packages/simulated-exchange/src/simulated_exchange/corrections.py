"""Fills that were not as they were reported.

Comes in: a fill, and what it should have been. Goes out: the books as if it had always been so.
Never: another fill in its place; what a correction takes from a live order, that order may trade
again.
"""

from dataclasses import replace
from decimal import Decimal

from .accounts import Holding, Ledger
from .books import Books
from .errors import ExchangeError, Reason
from .events import CommissionReport, Execution


def correct_fill(
    books: Books, exec_id: str, price: Decimal | None, quantity: Decimal | None
) -> Execution:
    """Put a corrected execution beside the one that it replaces, and move cash and shares.

    It has the same prefix and the next suffix, as Interactive Brokers numbers corrections. Raises
    `ExchangeError` for an execution that is unknown or corrected already, and for one before a
    split: its shares are no longer those that are held.
    """
    index, old = _find(books, exec_id)
    request = old.request
    instrument, ledger = books.instruments[request.con_id], books.ledgers[request.account_id]
    if index < books.last_adjustments(request.account_id).get(request.con_id, 0):
        raise ExchangeError(
            Reason.NOT_MODIFIABLE, f"{instrument.symbol} was split or renamed since {exec_id}"
        )
    new = _revised(old, price, quantity)
    cost_before = books.reports[exec_id].commission
    books.executions.append(new)
    books.corrections[exec_id] = new.exec_id
    commission = _charge(books, old, new, cost_before)
    books.reports[new.exec_id] = CommissionReport(
        exec_id=new.exec_id,
        commission=commission,
        currency=instrument.currency,
        realized_pnl=None,
    )
    paid_before = old.signed_quantity * old.price * instrument.multiplier + cost_before
    paid = new.signed_quantity * new.price * instrument.multiplier + commission
    ledger.cash[instrument.currency] += paid_before - paid
    if instrument.is_pair:
        ledger.cash[instrument.symbol] += new.signed_quantity - old.signed_quantity
    else:
        _rebuild(books, ledger, request.con_id)
    return new


def _find(books: Books, exec_id: str) -> tuple[int, Execution]:
    for index, fill in enumerate(books.executions):
        if fill.exec_id == exec_id:
            if exec_id in books.corrections:
                break
            return index, fill
    raise ExchangeError(
        Reason.UNKNOWN_ORDER, f"there is no execution {exec_id}, or it was corrected already"
    )


def _revised(old: Execution, price: Decimal | None, quantity: Decimal | None) -> Execution:
    price = old.price if price is None else price
    quantity = old.quantity if quantity is None else quantity
    if not (price.is_finite() and price > 0):
        raise ExchangeError(Reason.BAD_PRICE, f"a fill has a positive price, not {price}")
    if not (quantity.is_finite() and 0 <= quantity <= old.quantity):
        raise ExchangeError(
            Reason.BAD_QUANTITY, f"of {old.quantity} filled, {quantity} cannot be left"
        )
    prefix, _, revision = old.exec_id.rpartition(".")
    cumulative = old.cumulative_quantity - old.quantity + quantity
    value = old.average_price * old.cumulative_quantity
    value += quantity * price - old.quantity * old.price
    return replace(
        old,
        exec_id=f"{prefix}.{int(revision) + 1:02d}",
        price=price,
        quantity=quantity,
        cumulative_quantity=cumulative,
        average_price=value / cumulative if cumulative else price,
    )


def _charge(books: Books, old: Execution, new: Execution, charged: Decimal) -> Decimal:
    """What the corrected fill costs, so that its order costs what it should as a whole."""
    order, multiplier = books.orders[old.order_id], books.instruments[old.request.con_id].multiplier
    filled = order.filled - old.quantity + new.quantity
    value = order.filled_value - old.quantity * old.price + new.quantity * new.price
    before = books.commissions.charge(order.filled, order.filled_value * multiplier)
    return charged + books.commissions.charge(filled, value * multiplier) - before


def _rebuild(books: Books, ledger: Ledger, con_id: int) -> None:
    """Book all fills of a position again, in the order in which they happened."""
    holding = replace(ledger.anchors.get(con_id, Holding()))
    multiplier = books.instruments[con_id].multiplier
    first = books.last_adjustments(ledger.account_id).get(con_id, 0)
    for _, fill in books.effective_executions(first):
        if fill.request.account_id == ledger.account_id and fill.request.con_id == con_id:
            report = books.reports[fill.exec_id]
            value = fill.signed_quantity * fill.price * multiplier
            realized = holding.book(fill.signed_quantity, value, report.commission)
            books.reports[fill.exec_id] = replace(report, realized_pnl=realized)
    ledger.holdings[con_id] = holding
