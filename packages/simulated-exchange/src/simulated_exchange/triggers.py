"""When a stop is reached, and how a trailing one follows the market.

Comes in: an order's terms and a quote. Goes out: where its stop stands, and whether the market has
reached it. Never: a fill; what is triggered goes to the floor.
"""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from .instruments import Instrument
from .orders import Order, OrderRequest, Side, TriggerMethod
from .quotes import Quote

_TWO = Decimal(2)
_HUNDRED = Decimal(100)

#: Interactive Brokers' default by kind of instrument (interactivebrokers.github.io/tws-api/
#: trigger_method_limit.html); what is not listed here goes by the last price. US options go by two
#: consecutive bids or asks there, by the last price here.
DEFAULT_METHODS: Mapping[str, TriggerMethod] = {"CASH": TriggerMethod.BID_ASK}
#: A last price triggers when it lies within the spread or at most this fraction outside it (TWS
#: User's Guide, Modify the Stop Trigger Method): a bad print far from the market does not.
LAST_LEEWAY = Decimal("0.005")


def reference_price(request: OrderRequest, quote: Quote, instrument: Instrument) -> Decimal | None:
    """The price that a stop is compared with and that a trailing stop follows."""
    method = request.trigger_method
    if method is TriggerMethod.DEFAULT:
        method = DEFAULT_METHODS.get(instrument.sec_type, TriggerMethod.LAST)
    if method is TriggerMethod.LAST:
        return _credible_last(quote)
    if method is TriggerMethod.BID_ASK:
        return quote.bid if request.side is Side.BUY else quote.ask
    if quote.bid is None or quote.ask is None:
        return None
    return (quote.bid + quote.ask) / _TWO


def is_reached(side: Side, stop: Decimal, price: Decimal) -> bool:
    return price >= stop if side is Side.BUY else price <= stop


def distance(request: OrderRequest, price: Decimal) -> Decimal:
    """How far from a price its trailing stop stands."""
    if request.trail_amount is not None:
        return request.trail_amount
    return price * (request.trail_percent or Decimal(0)) / _HUNDRED


def stop_after(order: Order, price: Decimal, instrument: Instrument) -> Decimal | None:
    """Where the order's stop stands once the market has been at `price`.

    A trailing stop comes closer, never back, and stands on the tick grid, not closer than asked.
    """
    request = order.request
    if request.trail_amount is None and request.trail_percent is None:
        return order.stop_price
    if request.side is Side.BUY:
        trailed = _round(price + distance(request, price), instrument, ROUND_CEILING)
        return trailed if order.stop_price is None else min(order.stop_price, trailed)
    trailed = _round(price - distance(request, price), instrument, ROUND_FLOOR)
    return trailed if order.stop_price is None else max(order.stop_price, trailed)


def _round(price: Decimal, instrument: Instrument, rounding: str) -> Decimal:
    tick = instrument.tick_at(price)
    return (price / tick).to_integral_value(rounding) * tick


def _credible_last(quote: Quote) -> Decimal | None:
    last = quote.last
    if last is None:
        return None
    if quote.ask is not None and last > quote.ask * (1 + LAST_LEEWAY):
        return None
    if quote.bid is not None and last < quote.bid * (1 - LAST_LEEWAY):
        return None
    return last
