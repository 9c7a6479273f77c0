"""When a state is written."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ibkr_simulator.saver import Saver
from simulated_exchange import (
    Exchange,
    Instrument,
    OrderRequest,
    Quote,
    Side,
    StateFile,
    VirtualClock,
)


class CountedFile(StateFile):
    """A state file that says when it was written, and can fail."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.writes = 0
        self.failures = 0
        self.written = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def write(self, state: dict[str, Any]) -> None:
        self._loop.call_soon_threadsafe(self.written.set)
        if self.failures:
            self.failures -= 1
            raise OSError("disk full")
        self.writes += 1
        super().write(state)


def exchange() -> Exchange:
    clock = VirtualClock(datetime(2026, 11, 20, 17, tzinfo=UTC))
    made = Exchange(clock=clock, instruments=[Instrument(con_id=1, symbol="A")])
    made.set_quote(1, Quote(bid=Decimal(9), ask=Decimal(10)))
    made.open_account("DU1", cash={"USD": Decimal(1000)})
    return made


def buy(market: Exchange) -> None:
    request = OrderRequest(account_id="DU1", con_id=1, side=Side.BUY, quantity=Decimal(1))
    market.submit(request)


async def test_a_burst_of_changes_is_written_once_and_once_more_at_the_end(tmp_path: Path) -> None:
    market, file = exchange(), CountedFile(tmp_path / "state.json")
    async with Saver(market, file):
        for _ in range(5):
            buy(market)
        await asyncio.wait_for(file.written.wait(), 5)
    assert file.writes == 2
    assert file.read() == market.save()


async def test_quotes_alone_are_written_at_the_end_only(tmp_path: Path) -> None:
    market, file = exchange(), CountedFile(tmp_path / "state.json")
    async with Saver(market, file):
        market.set_quote(1, Quote(bid=Decimal(8), ask=Decimal(9)))
    assert file.writes == 1
    assert file.read() == market.save()


async def test_a_write_that_fails_is_logged_and_the_next_change_tries_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    market, file = exchange(), CountedFile(tmp_path / "state.json")
    file.failures = 1
    async with Saver(market, file):
        buy(market)
        await asyncio.wait_for(file.written.wait(), 5)
        file.written.clear()
        buy(market)
        await asyncio.wait_for(file.written.wait(), 5)
    assert "disk full" in caplog.text
    assert file.writes == 2
