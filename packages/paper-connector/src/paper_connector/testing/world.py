"""The books of one small account on the disk, and sessions on them that can be killed.

Comes in: what a test wants of time and market. Goes out: connected clients. It needs a
`VirtualTimeLoop`, since the market's time is the loop's.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from paper_connector import PaperBroker, PaperClient, StandingQuotes
from simulated_exchange import Instrument, LatencyModel, Quote, Scenario

#: Monday 5 January 2026, 10:00 in New York.
START = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)


class World:
    """The books of one account on the disk; every `login` is a process of its own.

    AAA at 99.99 to 100.01, 50 ms of latency, and 10,000 dollars. Time is the loop's, from `START`
    on; `late` puts the wall clock forward or back.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.late = timedelta(0)
        self.market = self.scenario()
        self._clients: list[PaperClient] = []

    def now(self) -> datetime:
        """What the wall clock shows."""
        return START + timedelta(seconds=asyncio.get_running_loop().time()) + self.late

    @staticmethod
    def scenario() -> Scenario:
        """What the books are opened with, unless the test sets another `market`."""
        quote = Quote(bid=Decimal("99.99"), ask=Decimal("100.01"), close=Decimal(100))
        return Scenario(
            name="test",
            instruments=(Instrument(con_id=1, symbol="AAA"),),
            quotes={1: quote},
            latency=LatencyModel.fixed(0.05),
            accounts={"P1": {"cash": {"USD": Decimal(10_000)}}},
        )

    def broker(self, **options: Any) -> PaperBroker:
        """The broker's side, as a process of its own has it."""
        settings = {"quotes": StandingQuotes(), "now": self.now, **options}
        return PaperBroker(self.directory, lambda: self.market, **settings)

    async def login(self, client_id: int = 1, **options: Any) -> PaperClient:
        """A connected session; `options` are those of `broker`."""
        client = PaperClient(client_id, self.broker(**options))
        self._clients.append(client)
        await client.connect()
        return client

    def crash(self, client: PaperClient) -> None:
        """End it as `kill -9` does: what is not on the disk is gone."""
        client.lose("killed")

    def end(self) -> None:
        """Close every session."""
        for client in self._clients:
            client.lose("the test is over")
