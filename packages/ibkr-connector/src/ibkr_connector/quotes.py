"""Quotes: one snapshot request per symbol, all in one burst, each waited for by its own deadline.

Comes in: listings. Goes out: a `ContractPrice` each, with the kind of feed that IB says it is, or
the reason why there is none. Snapshots end by themselves, so no message is spent on cancelling. It
never fills a missing price from another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from ib_async import Contract

from broker_connector_base import BrokerError, ContractPrice, MarketDataError, QuoteQuality

from . import convert
from .models import CachedPrice
from .session import Session
from .wire import MARKET_DATA_TYPE, Tick

#: Tick types, live and delayed.
#: Source: https://interactivebrokers.github.io/tws-api/tick_types.html
_BID, _ASK, _LAST, _CLOSE, _HALTED = {1, 66}, {2, 67}, {4, 68}, {9, 75}, {49, 90}
_DELAYED = {66, 67, 68, 75}
_QUALITY = {
    1: QuoteQuality.LIVE,
    2: QuoteQuality.FROZEN,
    3: QuoteQuality.DELAYED,
    4: QuoteQuality.DELAYED_FROZEN,
}


class Quotes:
    """Quotes by conId, remembered for a while."""

    def __init__(
        self,
        session: Session,
        *,
        timeout_seconds: float,
        cache_ttl_seconds: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._timeout = timeout_seconds
        self._ttl = timedelta(seconds=cache_ttl_seconds)
        self._clock = clock
        self._cache: dict[int, CachedPrice] = {}

    def forget(self) -> None:
        """Trust no remembered quote: the link to the market was interrupted."""
        self._cache.clear()

    async def of(
        self, contracts: Sequence[tuple[str, Contract]], *, use_cache: bool
    ) -> dict[int, ContractPrice | BrokerError]:
        """The quote of each (symbol, contract), by conId, or the reason why there is none."""
        quotes: dict[int, ContractPrice | BrokerError] = {}
        wanted = {}
        for symbol, contract in contracts:
            cached = self._cached(contract.conId) if use_cache else None
            if cached is None:
                wanted[contract.conId] = (symbol, contract)
            else:
                quotes[contract.conId] = cached
        answers = await asyncio.gather(*(self._ask(*item) for item in wanted.values()))
        quotes.update(zip(wanted, answers, strict=True))
        return quotes

    def _cached(self, con_id: int) -> ContractPrice | None:
        found = self._cache.get(con_id)
        if found is None or self._clock() - found.cached_at > self._ttl:
            return None
        return found.price

    async def _ask(self, symbol: str, contract: Contract) -> ContractPrice | BrokerError:
        try:
            ticks = await self._session.ask(
                lambda client, key: client.reqMktData(key, contract, "", True, False, []),
                what=f"a quote of {symbol}",
                timeout_seconds=self._timeout,
                keep_partial=True,
            )
        except BrokerError as error:
            return error
        if not ticks:
            return MarketDataError(f"no quote arrived within {self._timeout:g} s")
        now = self._clock()
        price = assemble(symbol, ticks, now)
        self._cache[contract.conId] = CachedPrice(price=price, cached_at=now)
        return price


def assemble(symbol: str, ticks: Sequence[Tick], as_of: datetime) -> ContractPrice:
    """The quote that the ticks amount to; of several ticks of a kind the last one counts."""
    values: dict[str, Decimal | None] = {}
    quality, halted = QuoteQuality.LIVE, None
    for tick in ticks:
        if tick.type == MARKET_DATA_TYPE:
            quality = _QUALITY.get(int(tick.value), quality)
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
        if tick.type in _DELAYED and quality is QuoteQuality.LIVE:
            quality = QuoteQuality.DELAYED
    return ContractPrice(symbol=symbol, quality=quality, halted=halted, as_of=as_of, **values)


def mark(quote: ContractPrice) -> Decimal | None:
    """What a share is worth by the quote: the last price held within bid and ask, else the close.

    Without a last price a two-sided market gives its middle.
    """
    bid, ask, last = quote.bid, quote.ask, quote.last
    if bid is not None and ask is not None and bid <= ask:
        return (bid + ask) / 2 if last is None else min(max(last, bid), ask)
    return last or quote.close
