"""The desk that takes orders: what may be asked for, and what it ties up.

Comes in: a request. Goes out: nothing, or an `ExchangeError` with its reason; and the hold that a live
order puts on its account. Never: a fill, a change of state of an order.
"""

from collections.abc import Mapping
from decimal import Decimal

from .accounts import INITIAL_MARGIN, Ledger
from .book import Ticket
from .errors import ExchangeError, Reason
from .instruments import Instrument
from .market import Market
from .orders import OrderRequest, OrderType, Side
from .policies import CommissionSchedule

ZERO = Decimal(0)


class Desk:
    """Checks requests against the accounts and keeps the holds of live orders."""

    def __init__(
        self, market: Market, ledgers: Mapping[str, Ledger], commissions: CommissionSchedule
    ) -> None:
        self._market = market
        self._ledgers = ledgers
        self.commissions = commissions

    def admit(self, request: OrderRequest) -> tuple[Instrument, Ledger]:
        """Everything that can be wrong with a new order, in the order a client can mend it."""
        ledger = self.ledger(request.account_id)
        instrument = self._market.instrument(request.con_id)
        check_terms(request, instrument)
        self.check_means(request, request.quantity, instrument, ledger)
        return instrument, ledger

    def ledger(self, account_id: str) -> Ledger:
        found = self._ledgers.get(account_id)
        if found is None:
            raise ExchangeError(Reason.UNKNOWN_ACCOUNT, f"there is no account {account_id!r}")
        return found

    def check_means(
        self,
        request: OrderRequest,
        quantity: Decimal,
        instrument: Instrument,
        ledger: Ledger,
        released: Decimal = ZERO,
    ) -> None:
        """Whether the account has the shares or the money for `quantity` more.

        `released` is the hold of the order itself when it is already live.
        """
        if request.side is Side.SELL:
            offered = ledger.offered.get(request.con_id, ZERO) - released
            short = quantity - max(ZERO, ledger.quantity(request.con_id) - offered)
            if short <= 0:
                return
            if not ledger.allow_short:
                raise ExchangeError(
                    Reason.NO_SHORT,
                    f"selling {quantity} {instrument.symbol} would leave {ledger.account_id} "
                    f"{short} short; it holds {ledger.quantity(request.con_id)} and offers "
                    f"{offered} in other orders",
                )
            quantity, released = short, ZERO
        cost = self._cost(request, quantity, instrument)
        self._check_funds(cost, instrument.currency, ledger, released)

    def _check_funds(self, cost: Decimal, currency: str, ledger: Ledger, released: Decimal) -> None:
        committed = ledger.reserved.get(currency, ZERO) - released
        if not ledger.margin:
            # A cash account pays in the currency of the instrument; it has no credit in another.
            available = ledger.cash.get(currency, ZERO) - committed
            if cost > available:
                raise _insufficient(ledger, cost, available, currency)
            return
        base = ledger.base_currency
        rate = self._market.rate
        others = sum((rate(c, base) * held for c, held in ledger.reserved.items()), ZERO)
        committed_base = others - released * rate(currency, base)
        available = (
            ledger.available_funds(self._market.mark, rate) - committed_base * INITIAL_MARGIN
        )
        needed = cost * rate(currency, base) * INITIAL_MARGIN
        if needed > available:
            raise _insufficient(ledger, needed, available, base)

    def _cost(self, request: OrderRequest, quantity: Decimal, instrument: Instrument) -> Decimal:
        """The most that an order may cost, at its limit or else at the ask, with commission."""
        price = request.limit_price
        if price is None or request.side is Side.SELL:
            quote = self._market.quote(request.con_id)
            price = quote.ask or quote.mark or price
        if price is None:
            raise ExchangeError(
                Reason.NO_PRICE, f"{instrument.symbol} has no price to value the order with"
            )
        value = quantity * price * instrument.multiplier
        return value + self.commissions.charge(quantity, value)

    def hold(self, ticket: Ticket, remaining: Decimal) -> None:
        """Let a live order tie up what its remaining quantity needs, 0 when it ends."""
        request, ledger = ticket.order.request, ticket.ledger
        held: Decimal
        if request.side is Side.SELL:
            held = remaining
            offered = ledger.offered.get(request.con_id, ZERO)
            ledger.offered[request.con_id] = offered + held - ticket.hold
        else:
            held = self._cost(request, remaining, ticket.instrument) if remaining else ZERO
            currency = ticket.instrument.currency
            reserved = ledger.reserved.get(currency, ZERO)
            ledger.reserved[currency] = reserved + held - ticket.hold
        ticket.hold = held


def check_terms(request: OrderRequest, instrument: Instrument) -> None:
    """Quantity and price as such, whoever asks."""
    quantity, limit = request.quantity, request.limit_price
    if not quantity.is_finite() or quantity <= 0 or not instrument.is_whole_lots(quantity):
        raise ExchangeError(
            Reason.BAD_QUANTITY,
            f"{instrument.symbol} trades in positive multiples of {instrument.lot_size}, "
            f"not {quantity}",
        )
    if request.order_type is OrderType.MKT:
        if limit is not None:
            raise ExchangeError(Reason.BAD_PRICE, "a market order has no limit price")
        return
    if limit is None or not limit.is_finite() or limit <= 0:
        raise ExchangeError(Reason.BAD_PRICE, f"a limit order needs a positive price, not {limit}")
    if not instrument.is_on_tick(limit):
        raise ExchangeError(
            Reason.OFF_TICK,
            f"{limit} is not a multiple of {instrument.symbol}'s minimum tick {instrument.min_tick}",
        )


def _insufficient(
    ledger: Ledger, needed: Decimal, available: Decimal, currency: str
) -> ExchangeError:
    what = "initial margin" if ledger.margin else "cash"
    return ExchangeError(
        Reason.INSUFFICIENT_FUNDS,
        f"{ledger.account_id} has {available:.2f} {currency} available and the order needs "
        f"{needed:.2f} {currency} of {what}",
    )
