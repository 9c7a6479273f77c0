"""Quotes as ticks.

A `Quote`, and the one before it if there is one, comes in; the messages that tell a client of the
difference go out. Tick types: interactivebrokers.github.io/tws-api/tick_types.html.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from ibkr_simulator.codec import Message
from simulated_exchange import Quote

#: a side without a price is told as this price with size 0
NO_PRICE = Decimal(-1)
#: the bit of `attribMask` that says that an order at this price may execute automatically
_CAN_AUTO_EXECUTE = 1
_SEQUENCE = ("bid", "ask", "last")


class Feed(NamedTuple):
    """The tick types of one kind of market data."""

    #: what `marketDataType` says: 1 live, 3 delayed
    market_data_type: int
    #: of bid, ask and last: price and size
    pairs: tuple[tuple[int, int], ...]
    prices: dict[str, int]
    volume: int
    time: int
    halted: int


LIVE = Feed(1, ((1, 0), (2, 3), (4, 5)), {"high": 6, "low": 7, "close": 9, "open": 14}, 8, 45, 49)
DELAYED = Feed(
    3, ((66, 69), (67, 70), (68, 71)), {"high": 72, "low": 73, "close": 75, "open": 76}, 74, 88, 90
)


def tick_messages(
    feed: Feed, request_id: int, quote: Quote, before: Quote | None = None
) -> Iterator[Message]:
    """What changed since `before`; everything there is, and the halt, when there is no before."""
    for name, types in zip(_SEQUENCE, feed.pairs, strict=True):
        now = _pair(quote, name)
        if now is not None and (before is None or now != _pair(before, name)):
            yield from _price_and_size(request_id, types, *now)
    for name, tick_type in feed.prices.items():
        price = getattr(quote, name)
        if price is not None and (before is None or price != getattr(before, name)):
            yield _tick(
                "tickPrice", request_id, tick_type, price=price, size=Decimal(0), attribMask=0
            )
    if before is None or quote.volume != before.volume:
        yield _tick("tickSize", request_id, feed.volume, size=quote.volume)
    if quote.at is not None and quote.last is not None and _traded(quote, before):
        yield _tick("tickString", request_id, feed.time, value=str(int(quote.at.timestamp())))
    if before is None or quote.halted != before.halted:
        yield _tick("tickGeneric", request_id, feed.halted, value=Decimal(quote.halted))


def _pair(quote: Quote, name: str) -> tuple[Decimal, Decimal] | None:
    """Price and size of bid, ask or last; None for a last that never was."""
    price, size = getattr(quote, name), getattr(quote, f"{name}_size")
    if price is not None:
        return price, size
    return None if name == "last" else (NO_PRICE, Decimal(0))


def _price_and_size(
    request_id: int, types: tuple[int, int], price: Decimal, size: Decimal
) -> Iterator[Message]:
    mask = _CAN_AUTO_EXECUTE if types[0] in (1, 2) else 0
    yield _tick("tickPrice", request_id, types[0], price=price, size=size, attribMask=mask)
    yield _tick("tickSize", request_id, types[1], size=size)


def _traded(quote: Quote, before: Quote | None) -> bool:
    return before is None or (quote.last, quote.last_size, quote.volume) != (
        before.last,
        before.last_size,
        before.volume,
    )


def _tick(name: str, request_id: int, tick_type: int, **values: Any) -> Message:
    return Message(name, {"reqId": request_id, "tickType": tick_type, **values})
