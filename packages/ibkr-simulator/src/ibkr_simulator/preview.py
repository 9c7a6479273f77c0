"""What an order would do, found out on a copy of the exchange.

An exchange and a request come in; the account before and after the order comes out, with the
commission. The exchange itself is only read: the order is carried out on its restored copy, so the
margin rules stay where they are.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from simulated_exchange import (
    Account,
    Exchange,
    ExchangeError,
    FillPolicy,
    OrderRequest,
    OrderState,
    Reason,
    Side,
    VirtualClock,
)

from .translate.texts import average

#: seconds; longer than any request travels
_ARRIVED = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """One order's effect, had it filled whole at its limit or at the market."""

    before: Account
    after: Account
    #: in the instrument's currency
    commission: Decimal


def preview(exchange: Exchange, request: OrderRequest) -> Preview:
    """Raises `ExchangeError` for an order that the exchange would refuse."""
    clock = VirtualClock(exchange.clock.now())
    copy = Exchange.restore(exchange.save(), clock=clock)
    _stand_still(copy)
    order_id = copy.submit(request).order_id
    for other in copy.open_orders():
        if other.order_id != order_id:
            copy.cancel(other.order_id)
    clock.advance(_ARRIVED)
    _wait_for_open(copy, clock, order_id)
    _offer(copy, request)
    before = copy.account(request.account_id)
    copy.fill_policy = FillPolicy.immediate()
    after = copy.account(request.account_id)
    fills = [fill for fill in copy.executions() if fill.order_id == order_id]
    reports = [copy.commission_report(fill.exec_id) for fill in fills]
    commission = sum((report.commission for report in reports), Decimal(0))
    return Preview(before=before, after=after, commission=commission)


def preview_fields(found: Preview, currency: str) -> dict[str, Any]:
    """The margin fields of the openOrder that answers a what-if order."""
    before, after = found.before, found.after
    figures = {
        "initMargin": (before.initial_margin, after.initial_margin),
        "maintMargin": (before.maintenance_margin, after.maintenance_margin),
        "equityWithLoan": (before.net_liquidation, after.net_liquidation),
    }
    fields: dict[str, Any] = {"commission": found.commission, "commissionCurrency": currency}
    for name, (old, new) in figures.items():
        fields[f"{name}Before"] = average(old)
        fields[f"{name}After"] = average(new)
        fields[f"{name}Change"] = average(new - old)
    return fields


def _stand_still(copy: Exchange) -> None:
    """Nothing but the order is to happen on the copy."""
    for instrument in copy.find_instruments():
        copy.walk(instrument.con_id, None)
        copy.set_fill_policy(instrument.symbol, None)
    copy.fill_policy = FillPolicy.never()


def _wait_for_open(copy: Exchange, clock: VirtualClock, order_id: int) -> None:
    order = copy.order(order_id)
    if order.status is OrderState.HELD:
        instrument = copy.instrument(order.request.con_id)
        hours = instrument.trading_hours if order.request.outside_rth else instrument.liquid_hours
        if opens := hours.next_open(clock.now()):
            clock.advance((opens - clock.now()).total_seconds())


def _offer(copy: Exchange, request: OrderRequest) -> None:
    """A market that takes the whole order at its limit, or at the price there is."""
    quote = copy.quote(request.con_id)
    market = quote.ask if request.side is Side.BUY else quote.bid
    price = request.limit_price or market or quote.mark
    if price is None:
        raise ExchangeError(Reason.NO_PRICE, "there is no price to value the order with")
    size = request.quantity
    offer = replace(quote, bid=price, ask=price, bid_size=size, ask_size=size, halted=0)
    copy.set_quote(request.con_id, offer)
