"""One market data line: the ticks of one symbol, and the quote that they amount to.

Comes in: ticks in any order. Goes out: whether the picture is complete, and a `ContractPrice`. It
asks for nothing and never fills a missing price from another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal

from broker_connector_base import BrokerError, ContractPrice, QuoteQuality

from . import convert
from .messages import MARKET_DATA_TYPE, Tick

#: Tick types, live and delayed.
#: Source: https://interactivebrokers.github.io/tws-api/tick_types.html
_BID, _ASK, _LAST, _CLOSE, _HALTED = {1, 66}, {2, 67}, {4, 68}, {9, 75}, {49, 90}
_DELAYED = {66, 67, 68, 75, 90}
_QUALITY = {
    1: QuoteQuality.LIVE,
    2: QuoteQuality.FROZEN,
    3: QuoteQuality.DELAYED,
    4: QuoteQuality.DELAYED_FROZEN,
}

#: With both sides told, a last price or a halt that belongs to the picture follows at once.
_STRAGGLER_SECONDS = 0.25
#: With less than that (no market at night, say), this much silence means that no more will come.
_SILENCE_SECONDS = 2.0


class QuoteLine:
    """What IB has told about one symbol since the line was opened."""

    def __init__(self, symbol: str, clock: Callable[[], datetime]) -> None:
        self.symbol = symbol
        self._clock = clock
        #: When the last tick came; None while nothing was told.
        self.told_at: datetime | None = None
        self.request_id: int | None = None
        #: Set when the opening picture is complete, as complete as it gets, or refused.
        self.ready = asyncio.Event()
        self.error: BrokerError | None = None
        self._ticks: dict[int, Tick] = {}
        self._timer: asyncio.TimerHandle | None = None

    def see(self, tick: Tick) -> None:
        """Take a tick; of several of a type the last one counts."""
        self._ticks.pop(tick.type, None)
        self._ticks[tick.type] = tick
        if tick.type == MARKET_DATA_TYPE:
            return  # comes with the subscription, however long the first price takes
        self.told_at = self._clock()
        if self.ready.is_set():
            return
        self._stop_timer()
        told = self._ticks.keys()
        two_sided = bool(told & _BID and told & _ASK)
        if two_sided and told & (_LAST | _CLOSE) and told & _HALTED:
            self.ready.set()
        else:
            wait = _STRAGGLER_SECONDS if two_sided else _SILENCE_SECONDS
            self._timer = asyncio.get_running_loop().call_later(wait, self.ready.set)

    def fail(self, error: BrokerError) -> None:
        """IB ended the line."""
        self.error = error
        self.settle()

    def settle(self) -> None:
        """Wait for nothing more."""
        self._stop_timer()
        self.ready.set()

    def price(self) -> ContractPrice | None:
        """The quote as of the last tick; None while nothing was told."""
        if self.told_at is None:
            return None
        return assemble(self.symbol, self._ticks.values(), self.told_at)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def assemble(symbol: str, ticks: Iterable[Tick], as_of: datetime) -> ContractPrice:
    """The quote that the ticks amount to; of several of a kind the last one counts."""
    values: dict[str, Decimal | None] = {}
    feed, delayed, halted = QuoteQuality.LIVE, False, None
    for tick in ticks:
        if tick.type == MARKET_DATA_TYPE:
            feed = _QUALITY.get(int(tick.value), feed)
        elif tick.type in _HALTED:
            # 0 is trading, 1 and 2 are halts, -1 and nan are "not known".
            code = convert.number(tick.value)
            halted = code > 0 if code is not None and code >= 0 else None
        elif tick.type in _BID | _ASK:
            # A side without size holds no shares, whatever price stands beside it.
            side = "bid" if tick.type in _BID else "ask"
            values[side] = convert.price(tick.value) if tick.size else None
        elif tick.type in _LAST | _CLOSE:
            values["last" if tick.type in _LAST else "close"] = convert.price(tick.value)
        delayed = delayed or tick.type in _DELAYED
    # Delayed ticks are delayed even if nobody said so.
    quality = QuoteQuality.DELAYED if delayed and feed is QuoteQuality.LIVE else feed
    return ContractPrice(symbol=symbol, quality=quality, halted=halted, as_of=as_of, **values)


def mark(quote: ContractPrice) -> Decimal | None:
    """What a share is worth by the quote: the last price held within bid and ask, else the close.

    Without a last price a two-sided market gives its middle.
    """
    bid, ask, last = quote.bid, quote.ask, quote.last
    if bid is not None and ask is not None and bid <= ask:
        return (bid + ask) / 2 if last is None else min(max(last, bid), ask)
    return last or quote.close
