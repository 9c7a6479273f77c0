"""A preview of a strategy, in this process, against a simulated gateway over real sockets."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.account_process.messages import AccountJob, Operation, StrategyJob
from app.account_process.operations import describe_failure, perform
from app.settings import Settings, load_settings, select_account, select_followers
from broker_connector_base import AccountConfig
from ibkr_simulator import SimulatedGateway
from rebalance_workflow import AllocationSourceError
from simulated_exchange import Event, OrderChanged, WallClock, load_scenario

REPOSITORY = Path(__file__).resolve().parents[2]
STRATEGY = "global-core-60-40"
FOLLOWERS = """\
accounts:
  - {account_id: DU789012, type: paper, strategy_name: global-core-60-40, cash_reserve_percent: 2.5}
  - {account_id: DUM959247, type: paper, strategy_name: global-core-60-40}
  - {account_id: DU555555, type: paper, strategy_name: global-core-60-40}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("config.yaml", "replacement-sets.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    shutil.copytree(REPOSITORY / "demo", tmp_path / "demo")
    (tmp_path / "accounts.yaml").write_text(FOLLOWERS)
    return tmp_path


@pytest.fixture
async def gateway() -> AsyncIterator[SimulatedGateway]:
    exchange = load_scenario("demo").build(WallClock(asyncio.get_running_loop()))
    async with SimulatedGateway(exchange) as gateway:
        yield gateway


def ignore(_: bytes) -> None:
    """Progress that nobody watches."""


def way(settings: Settings, gateway: SimulatedGateway) -> dict[str, Any]:
    return {
        "settings": settings,
        "host": gateway.host,
        "port": gateway.port,
        "client_id": 1001,
        "lock_timeout_seconds": 5,
    }


def plan_job(home: Path, gateway: SimulatedGateway, **changes: Any) -> StrategyJob:
    settings = load_settings(home, changes.pop("variables", {}))
    fields = {
        "strategy_name": STRATEGY,
        "accounts": select_followers(settings, STRATEGY),
        **way(settings, gateway),
    }
    return StrategyJob.model_validate(fields | changes)


async def planned(job: StrategyJob) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(await perform(job, ignore))
    return document


async def test_exact_trades_are_those_of_each_preview(
    home: Path, gateway: SimulatedGateway
) -> None:
    events: list[Event] = []
    gateway.desk.exchange.subscribe(events.append)
    job = plan_job(home, gateway, exact=True)
    found = await planned(job)
    assert [row["account_id"] for row in found["accounts"]] == ["DU789012", "DUM959247", "DU555555"]
    for row in found["accounts"]:
        account = select_account(job.settings, row["account_id"])
        single = AccountJob(
            operation=Operation.PREVIEW, account=account, **way(job.settings, gateway)
        )
        preview = json.loads(await perform(single, ignore))
        assert row["figures"]["proposed_trades"] == preview["proposed_trades"]
        assert row["figures"]["cash_after"] == preview["cash_after"]
        assert row["figures"]["warnings"] == preview["warnings"]
    assert not [event for event in events if isinstance(event, OrderChanged)]


async def test_an_account_that_the_gateway_does_not_have_is_a_row(
    home: Path, gateway: SimulatedGateway
) -> None:
    with (home / "accounts.yaml").open("a") as file:
        file.write(f"  - {{account_id: DU404, type: paper, strategy_name: {STRATEGY}}}\n")
        file.write(f"  - {{account_id: U405, type: paper, strategy_name: {STRATEGY}}}\n")
    other = AccountConfig(account_id="DU406", broker="other", strategy_name=STRATEGY, type="paper")
    followers = select_followers(load_settings(home, {}), STRATEGY)
    found = await planned(plan_job(home, gateway, accounts=(*followers, other)))
    errors = {row["account_id"]: row["error"] for row in found["accounts"]}
    assert {key: error["kind"] if error else None for key, error in errors.items()} == {
        "DU789012": None,
        "DUM959247": None,
        "DU555555": None,
        "DU404": "AccountNotFound",
        "U405": "NotPermitted",
        "DU406": "UnsupportedBroker",
    }
    assert "accounts.yaml says type: paper" in errors["U405"]["message"]


async def test_a_gateway_that_is_away_is_the_reason_of_every_row(
    home: Path, gateway: SimulatedGateway
) -> None:
    job = plan_job(home, gateway)
    await gateway.stop()
    found = await planned(job)
    assert {row["error"]["kind"] for row in found["accounts"]} == {"BrokerConnectionError"}
    assert found["totals"] == []


async def test_without_targets_there_is_no_preview(home: Path, gateway: SimulatedGateway) -> None:
    for path in (home / "demo" / "allocations").iterdir():
        path.unlink()
    job = plan_job(home, gateway)
    with pytest.raises(AllocationSourceError) as caught:
        await perform(job, ignore)
    failure = describe_failure(job, caught.value)
    assert failure.message.endswith("Nothing was sent.")
    assert failure.attention is None
