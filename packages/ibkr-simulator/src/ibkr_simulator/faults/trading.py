"""Faults of trading: what a market or a broker does to an order at the worst moment.

A `Hit` on a request about an order comes in. Whatever trades here trades on the exchange, so its
books stay the truth; only what clients are told may be wrong, and for a time.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from ibkr_simulator.handlers.order_reports import tell
from ibkr_simulator.refusals import Refusal
from simulated_exchange import Exchange, ExchangeError, FillPolicy, OrderState

from .hit import Hit

if TYPE_CHECKING:
    from ibkr_simulator.gateway import SimulatedGateway


@dataclass(frozen=True, kw_only=True, slots=True)
class Partial:
    """The order fills in part and then stalls.

    Either in `sizes`, one after the other, or in one piece of that `fraction`. After `seconds` (0:
    never, as far as this rule goes) it trades as usual again.
    """

    sizes: tuple[Decimal, ...] = ()
    fraction: Decimal = Decimal("0.5")
    seconds: float = 0.0

    def __call__(self, hit: Hit) -> None:
        desk, session = hit.gateway.desk, hit.session
        if session is None:
            hit.proceed()
            return
        try:
            instrument = desk.instrument(hit.message.fields)
        except Refusal:
            # It will be refused as ever.
            hit.proceed()
            return
        size = hit.message.fields["totalQuantity"] * self.fraction
        size -= size % instrument.lot_size
        policy = FillPolicy.partial(*(self.sizes or ((size,) if size > 0 else ())), stall=True)
        owner = session.client_id, hit.message.fields["orderId"]
        desk.exchange.set_owner_policy(owner, policy)
        hit.proceed()
        if self.seconds:
            hit.later(self.seconds, lambda: desk.exchange.set_owner_policy(owner, None))


@dataclass(frozen=True, kw_only=True, slots=True)
class Unconfirmed:
    """The order waits at a window of the gateway until somebody confirms it, `seconds` later.

    Until then it is on no list, and nobody is told of it. A session that ends within the first
    `fragile` seconds takes it along; one that ends later does not.
    """

    seconds: float
    fragile: float = 5.0

    def __call__(self, hit: Hit) -> None:
        fragile = min(self.fragile, self.seconds)

        def keep() -> None:
            if hit.connection.is_open:
                hit.later(self.seconds - fragile, hit.proceed)

        hit.later(fragile, keep)


@dataclass(frozen=True, kw_only=True, slots=True)
class FillAfterCancel:
    """The cancellation comes too late: the order fills whole, `seconds` later.

    The client hears that its order is cancelled if this is `confirmed`, else that it is about to
    be, and 10148 after the fill. An order that waits (for the open, a trigger) is cancelled.
    """

    seconds: float = 0.0
    confirmed: bool = False

    def __call__(self, hit: Hit) -> None:
        order, session = hit.order, hit.session
        if order is None or session is None or order.is_done:
            hit.proceed()
            return
        told = OrderState.CANCELLED if self.confirmed else OrderState.PENDING_CANCEL
        tell(session, replace(order, status=told))
        if self.confirmed:
            hit.tell_error(202, "Order Canceled - reason:")

        def fill() -> None:
            filled = _fill_now(session.desk.exchange, order.order_id)
            if not (filled and self.confirmed):
                hit.proceed()

        if self.seconds:
            hit.later(self.seconds, fill)
        else:
            fill()


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelOrder:
    """The broker cancels the order of its own accord, as soon as it works."""

    def __call__(self, hit: Hit) -> None:
        hit.proceed()
        order = hit.order
        if order is not None and not order.is_done:
            hit.gateway.desk.exchange.cancel(order.order_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Correct:
    """The exchange corrects the execution: the same id with its last group one higher.

    `price` and `quantity` (0: a bust) are what it should have been; without them it is repeated.
    The client hears of both, one after the other.
    """

    price: Decimal | None = None
    quantity: Decimal | None = None

    def __call__(self, hit: Hit) -> None:
        hit.proceed()
        exchange, exec_id = hit.gateway.desk.exchange, hit.message.fields["execId"]
        # A correction may be reported again, when executions are asked for, and is not corrected.
        with suppress(ExchangeError):
            exchange.correct(exec_id, price=self.price, quantity=self.quantity)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stale:
    """For so many seconds accounts and positions are told as they are now, whatever trades.

    Then everybody who listens hears how they stand. Orders and executions are told as ever.
    """

    seconds: float

    def __call__(self, gateway: "SimulatedGateway") -> None:
        thaw = gateway.freeze_accounts()
        gateway.desk.exchange.clock.call_later(self.seconds, thaw)


def _fill_now(exchange: Exchange, order_id: int) -> bool:
    """Fill the rest of a working order; whether there was one."""
    try:
        exchange.fill(order_id)
    except ExchangeError:
        return False
    return True
