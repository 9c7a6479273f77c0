"""An account process asks its broker whether the market is open, before it sends anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.account_process.market_hours import MarketClosed, require_open_market
from app.account_process.messages import AccountJob, Operation
from app.account_process.operations import describe_failure
from app.settings import load_settings, select_account
from broker_connector_base.models import AllocationItem
from broker_connector_base.testing import Books, FakeBroker
from rebalance_workflow import TargetAllocation


class Targets:
    """60 % SPY, 40 % QQQ or what a test says; nothing of the symbols without weight."""

    def __init__(self, **weights: float) -> None:
        self.weights = weights or {"SPY": 0.6, "QQQ": 0.4, "GLD": 0}

    async def fetch(self, strategy_name: str) -> TargetAllocation:
        items = tuple(
            AllocationItem.model_validate({"symbol": symbol, "allocation": weight})
            for symbol, weight in self.weights.items()
        )
        return TargetAllocation(strategy=strategy_name, items=items, source="test")


@pytest.fixture
def books() -> Books:
    books = Books()
    for symbol in ("SPY", "QQQ"):
        books.add_instrument(symbol)
    return books


@pytest.fixture
async def broker(books: Books) -> AsyncIterator[FakeBroker]:
    client = FakeBroker(books)
    await client.connect()
    yield client
    await client.disconnect()


def job(home: Path, mode: str) -> AccountJob:
    settings = load_settings(home, {"TRADING_MODE": mode})
    return AccountJob(
        operation=Operation.REBALANCE,
        account=select_account(settings, "DU100"),
        settings=settings,
        host="127.0.0.1",
        port=1,
        client_id=1,
        lock_timeout_seconds=1,
    )


async def test_a_run_goes_on_while_the_broker_says_open(
    home: Path, books: Books, broker: FakeBroker
) -> None:
    hours = books.instruments["SPY"].liquid_hours[0]
    after = hours.opens + timedelta(minutes=5)
    await require_open_market(job(home, "paper"), broker, Targets(), after)


async def test_a_closing_that_no_calendar_knows_stops_it_and_passes(
    home: Path, books: Books, broker: FakeBroker
) -> None:
    hours = books.instruments["SPY"].liquid_hours[0]
    paper = job(home, "paper")
    before = hours.opens - timedelta(minutes=1)
    with pytest.raises(MarketClosed, match=r"the market of QQQ, SPY is closed until") as caught:
        await require_open_market(paper, broker, Targets(), before)
    failure = describe_failure(paper, caught.value)
    assert (failure.passing, failure.attention) == (True, None)
    assert failure.opens == hours.opens
    assert "Nothing was sent" in failure.message


async def test_the_delay_after_the_open_counts_from_the_open_that_the_broker_tells(
    home: Path, books: Books, broker: FakeBroker
) -> None:
    hours = books.instruments["SPY"].liquid_hours[0]
    (home / "config.yaml").write_text("gates: {delay_after_open_seconds: 60}")
    paper, targets = job(home, "paper"), Targets()
    with pytest.raises(MarketClosed) as caught:
        await require_open_market(paper, broker, targets, hours.opens + timedelta(seconds=59))
    assert caught.value.opens == hours.opens
    await require_open_market(paper, broker, targets, hours.opens + timedelta(seconds=60))


async def test_the_simulated_market_never_closes(
    home: Path, books: Books, broker: FakeBroker
) -> None:
    hours = books.instruments["SPY"].liquid_hours[0]
    await require_open_market(
        job(home, "simulation"), broker, Targets(), hours.opens - timedelta(minutes=1)
    )


async def test_a_symbol_that_the_broker_does_not_know_is_the_run_s_to_judge(
    home: Path, books: Books, broker: FakeBroker
) -> None:
    hours = books.instruments["SPY"].liquid_hours[0]
    before = hours.opens - timedelta(minutes=1)
    await require_open_market(job(home, "paper"), broker, Targets(SPY=0.5, NOPE=0.5), before)
