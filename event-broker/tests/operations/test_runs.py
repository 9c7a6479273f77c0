"""Previews and runs, and those that a run keeps waiting."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from app.account_process.messages import Operation
from app.account_process.operations import perform
from broker_connector_base import AccountConfig
from ibkr_connector import IBKRClient
from ibkr_simulator import SimulatedGateway
from rebalance_workflow import AccountBusy, AccountLock
from simulated_exchange import Event, WallClock, load_scenario

from .conftest import ACCOUNT, MakeJob, failure, result


async def test_a_preview_sends_nothing_and_a_run_trades_it(
    make_job: MakeJob, sent: list[Event]
) -> None:
    previewed = await result(make_job(Operation.PREVIEW))
    assert sent == []
    ran = await result(make_job(Operation.REBALANCE))
    assert ran["status"] == "done"
    assert sorted((t["symbol"], t["quantity"]) for t in previewed["proposed_trades"]) == sorted(
        (o["symbol"], o["quantity"]) for o in ran["orders"]
    )
    again = await result(make_job(Operation.PREVIEW))
    assert again["proposed_trades"] == []


async def test_progress_is_told_as_json(make_job: MakeJob) -> None:
    events: list[dict[str, Any]] = []
    await perform(make_job(Operation.REBALANCE), lambda body: events.append(json.loads(body)))
    stages = [event["stage"] for event in events]
    assert stages[0] == "reading"
    assert stages[-1] == "finished"
    assert any(event["order"] for event in events)


async def test_a_second_run_waits_and_says_who_holds_the_account(make_job: MakeJob) -> None:
    job = make_job(Operation.PREVIEW)
    held = AccountLock(job.settings.state_directory / "locks", ACCOUNT, command="the first run")
    heard: list[str] = []
    waiting = asyncio.Event()

    def listen(body: bytes) -> None:
        heard.append(json.loads(body)["message"])
        waiting.set()

    with held:
        second = asyncio.create_task(perform(job, listen))
        await waiting.wait()
    await second
    assert "the first run" in heard[0]


async def test_a_run_that_waited_in_vain_says_who_holds_the_account(make_job: MakeJob) -> None:
    job = make_job(Operation.REBALANCE, lock_timeout_seconds=0.05)
    lock = AccountLock(job.settings.state_directory / "locks", ACCOUNT, command="the first run")
    with lock:
        failed = await failure(job)
    assert failed.kind == AccountBusy.__name__
    assert "the first run" in failed.message
    assert failed.attention is None


async def test_looking_does_not_wait_for_a_run(make_job: MakeJob) -> None:
    job = make_job(Operation.POSITIONS, lock_timeout_seconds=0.05)
    with AccountLock(job.settings.state_directory / "locks", ACCOUNT):
        assert (await result(job))["account_id"] == ACCOUNT


async def test_orders_of_the_accounts_runs_are_told_from_those_of_others(
    make_job: MakeJob,
) -> None:
    job = make_job(Operation.ORDERS, client_id=1002)
    trading = IBKRClient(1001, host=job.host, port=job.port)
    await trading.connect()
    for reference in (f"rb:250624140000abc:{ACCOUNT}:SPY:B:1", "by hand"):
        await trading.place_order(ACCOUNT, "SPY", 1, "LIMIT", Decimal(1), client_order_id=reference)
    found = await result(job)
    await trading.disconnect()
    assert {o["client_order_id"]: o["own"] for o in found["orders"]} == {
        f"rb:250624140000abc:{ACCOUNT}:SPY:B:1": True,
        "by hand": False,
    }


async def test_an_unsupported_broker_is_refused(make_job: MakeJob) -> None:
    job = make_job(Operation.PREVIEW)
    account = job.account.model_copy(update={"broker": "bank"})
    failed = await failure(job.model_copy(update={"account": account}))
    assert failed.kind == "UnsupportedBroker"
    assert "bank" in failed.message


@pytest.mark.parametrize("operation", [Operation.REBALANCE, Operation.CANCEL_ORDERS])
async def test_paper_trading_stops_at_a_gateway_that_is_logged_in_to_a_live_account(
    make_job: MakeJob, gateway: SimulatedGateway, sent: list[Event], operation: Operation
) -> None:
    gateway.desk.exchange.open_account("U300", cash={"USD": Decimal(1)})
    failed = await failure(make_job(operation))
    assert failed.kind == "NotPermitted"
    assert "logged in to the live accounts U300" in failed.message
    assert failed.attention is None
    assert sent == []


async def test_a_live_account_is_not_traded_in_the_simulation(
    make_job: MakeJob, sent: list[Event]
) -> None:
    account = AccountConfig(account_id="U300", type="live", strategy_name="etf-blend-301-20")
    failed = await failure(make_job(Operation.REBALANCE, account=account))
    assert "TRADING_MODE=simulation processes paper accounts only" in failed.message
    assert sent == []


async def test_a_run_at_a_gateway_that_takes_no_orders_trades_nothing(make_job: MakeJob) -> None:
    exchange = load_scenario("demo").build(WallClock(asyncio.get_running_loop()))
    async with SimulatedGateway(exchange, read_only=True) as unwilling:
        ran = await result(make_job(Operation.REBALANCE, port=unwilling.port))
    assert ran["status"] in ("failed", "needs attention")
    assert ran["fills"] == []
    assert "read-only" in json.dumps(ran).lower()
