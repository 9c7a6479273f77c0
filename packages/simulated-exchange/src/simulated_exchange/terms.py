"""The terms of an order as such, whoever asks.

Comes in: a request and the instrument it is for. Goes out: nothing, or an `ExchangeError`. Never:
an account, a quote.
"""

from collections.abc import Mapping
from decimal import Decimal

from .errors import ExchangeError, Reason
from .instruments import Instrument
from .orders import OrderRequest, OrderType

_TRAIL = ("trail_amount", "trail_percent")
_PRICES = ("limit_price", "stop_price", *_TRAIL, "limit_offset")
#: order type -> the prices that it must have, and those that it may have
_TERMS: Mapping[OrderType, tuple[frozenset[str], frozenset[str]]] = {
    OrderType.MKT: (frozenset(), frozenset()),
    OrderType.LMT: (frozenset({"limit_price"}), frozenset()),
    OrderType.STP: (frozenset({"stop_price"}), frozenset()),
    OrderType.STP_LMT: (frozenset({"stop_price", "limit_price"}), frozenset()),
    OrderType.TRAIL: (frozenset(), frozenset({"stop_price", *_TRAIL})),
    OrderType.TRAIL_LIMIT: (frozenset({"limit_offset"}), frozenset({"stop_price", *_TRAIL})),
    OrderType.MIDPRICE: (frozenset(), frozenset({"limit_price"})),
}
#: prices on the tick grid; the others are distances
_ON_TICK = ("limit_price", "stop_price")


def check_terms(request: OrderRequest, instrument: Instrument) -> None:
    """Raises `ExchangeError` for a quantity or a price that no market would take."""
    quantity = request.quantity
    if not (quantity.is_finite() and quantity > 0 and instrument.is_whole_lots(quantity)):
        raise ExchangeError(
            Reason.BAD_QUANTITY,
            f"{instrument.symbol} trades in positive multiples of {instrument.lot_size}, "
            f"not {quantity}",
        )
    kind = request.order_type
    required, optional = _TERMS[kind]
    for name in _PRICES:
        price = getattr(request, name)
        if price is None:
            if name in required:
                raise _bad_price(f"a {kind} order needs a {_words(name)}")
            continue
        if name not in required and name not in optional:
            raise _bad_price(f"a {kind} order has no {_words(name)}")
        _check_price(name, price, instrument)
    if kind in (OrderType.TRAIL, OrderType.TRAIL_LIMIT):
        _check_trail(request)


def _check_price(name: str, price: Decimal, instrument: Instrument) -> None:
    if not (price.is_finite() and (price > 0 or (price == 0 and name == "limit_offset"))):
        raise _bad_price(f"a {_words(name)} is positive, not {price}")
    if name in _ON_TICK and not instrument.is_on_tick(price):
        raise ExchangeError(
            Reason.OFF_TICK,
            f"{price} is not a multiple of {instrument.tick_at(price)}, the minimum tick there "
            f"of {instrument.symbol}",
        )


def _check_trail(request: OrderRequest) -> None:
    if (request.trail_amount is None) is (request.trail_percent is None):
        raise _bad_price("a trailing order needs either an amount or a percentage to trail by")
    if request.trail_percent is not None and request.trail_percent >= 100:
        raise _bad_price(f"a stop cannot trail by {request.trail_percent} percent")


def _bad_price(why: str) -> ExchangeError:
    return ExchangeError(Reason.BAD_PRICE, why)


def _words(name: str) -> str:
    return name.replace("_", " ")
