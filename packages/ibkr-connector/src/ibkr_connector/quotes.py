"""Quotes: one market data line per symbol, opened in one burst and kept for the session.

Comes in: contracts. Goes out: a `ContractPrice` each, or the reason why there is none. A line that
stands answers without a message, so that orders need not queue behind quotes. Lines are given up
when they would be more than IB allows and when the link to the market was interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from ib_async import Client, Contract

from broker_connector_base import BrokerError, ContractPrice, MarketDataError

from .models import CachedPrice
from .quote_line import QuoteLine
from .session import Session
from .wire import Stream

#: Lines that may stand at a time. IB gives every user 100; a few are left for TWS itself.
#: Source: https://www.interactivebrokers.com/campus/ibkr-api-page/market-data-subscriptions/
MAX_LINES = 90


class Quotes:
    """Quotes by conId, remembered for a while."""

    def __init__(
        self,
        session: Session,
        *,
        timeout_seconds: float,
        cache_ttl_seconds: float,
        max_lines: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._timeout = timeout_seconds
        self._ttl = timedelta(seconds=cache_ttl_seconds)
        self._max_lines = max_lines
        self._clock = clock
        self._cache: dict[int, CachedPrice] = {}
        #: Least recently used first.
        self._lines: dict[int, QuoteLine] = {}

    def forget(self) -> None:
        """Trust nothing that was told so far: the link to the market was interrupted."""
        self._cache.clear()
        for con_id in tuple(self._lines):
            self._close(con_id)

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
        items = list(wanted.values())
        for start in range(0, len(items), self._max_lines):
            quotes.update(await self._read(items[start : start + self._max_lines]))
        return quotes

    def _cached(self, con_id: int) -> ContractPrice | None:
        found = self._cache.get(con_id)
        if found is None or self._clock() - found.cached_at > self._ttl:
            return None
        return found.price

    async def _read(
        self, items: Sequence[tuple[str, Contract]]
    ) -> dict[int, ContractPrice | BrokerError]:
        """Open the lines that are missing, wait until all are ready, and read them."""
        kept = {contract.conId for _, contract in items}
        lines = {}
        for symbol, contract in items:
            line = self._lines.pop(contract.conId, None) or self._open(symbol, contract, kept)
            lines[contract.conId] = self._lines[contract.conId] = line
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.gather(*(line.ready.wait() for line in lines.values()))
        except TimeoutError:
            for line in lines.values():
                line.settle()
        return {con_id: self._answer(con_id, line) for con_id, line in lines.items()}

    def _answer(self, con_id: int, line: QuoteLine) -> ContractPrice | BrokerError:
        if line.error is None and self._lines.get(con_id) is not line:
            return MarketDataError("the market data line ended while the quote was read; ask again")
        price = line.price()
        if line.error is not None or price is None:
            self._close(con_id)
            return line.error or MarketDataError(f"no quote arrived within {self._timeout:g} s")
        self._cache[con_id] = CachedPrice(price=price, cached_at=self._clock())
        return price

    def _open(self, symbol: str, contract: Contract, kept: set[int]) -> QuoteLine:
        if len(self._lines) >= self._max_lines:
            self._close(next(con_id for con_id in self._lines if con_id not in kept))
        line = QuoteLine(symbol, self._clock)

        def send(client: Client, request_id: int) -> None:
            client.reqMktData(request_id, contract, "", False, False, [])

        line.request_id = self._session.open_stream(
            send, Stream(on_tick=line.see, on_error=line.fail)
        )
        return line

    def _close(self, con_id: int) -> None:
        line = self._lines.pop(con_id, None)
        if line is not None and line.request_id is not None:
            line.settle()
            self._session.close_stream(
                line.request_id, lambda client, request_id: client.cancelMktData(request_id)
            )
