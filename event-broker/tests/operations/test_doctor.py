"""What the doctor finds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.account_process.messages import Operation
from ibkr_connector import IBKRClient
from ibkr_simulator import SimulatedGateway
from simulated_exchange import QuoteKind, WallClock, load_scenario

from .conftest import ACCOUNT, GOOD, MakeJob, allocations, result


async def test_the_doctor_names_what_is_wrong(make_job: MakeJob, home: Path) -> None:
    (home / "demo" / "allocations" / "etf-blend-301-20.json").unlink()
    job = make_job(Operation.DIAGNOSE)
    account = job.account.model_copy(update={"account_id": "DU404"})
    found = await result(job.model_copy(update={"account": account}))
    checks = {check["name"]: check for check in found["checks"]}
    assert checks["gateway reachable"]["verdict"] == "ok"
    assert checks["account present"]["verdict"] == "failed"
    assert ACCOUNT in checks["account present"]["detail"]
    assert checks["allocations"]["verdict"] == "failed"
    assert all(check["fix"] for check in checks.values() if check["verdict"] == "failed")


async def test_the_doctor_sees_a_taken_client_id(make_job: MakeJob) -> None:
    job = make_job(Operation.DIAGNOSE)
    other = IBKRClient(job.client_id, host=job.host, port=job.port)
    await other.connect()
    found = await result(job)
    await other.disconnect()
    login = next(check for check in found["checks"] if check["name"] == "logged in")
    assert login["verdict"] == "failed"
    assert "client id" in login["fix"]


async def test_the_doctor_sees_a_gateway_that_takes_no_orders(make_job: MakeJob) -> None:
    exchange = load_scenario("demo").build(WallClock(asyncio.get_running_loop()))
    async with SimulatedGateway(exchange, read_only=True) as unwilling:
        found = await result(make_job(Operation.DIAGNOSE, port=unwilling.port))
    checks = {check["name"]: check for check in found["checks"]}
    assert checks["API not read-only"]["verdict"] == "failed"
    assert "Read-Only API" in checks["API not read-only"]["fix"]
    assert checks["market data"]["verdict"] == "ok"


async def test_the_doctor_asks_for_symbols_as_a_run_does(
    make_job: MakeJob, serve: Callable[[bytes], Any]
) -> None:
    lines = [("BRK B", 0.6), ("agg", 0.3), ("GONE", 0), ("Cash", 0.1)]
    url = await serve(allocations([{"symbol": s, "allocation": w} for s, w in lines]))
    found = await result(make_job(Operation.DIAGNOSE, variables={"ALLOCATIONS_BASE_URL": url}))
    checks = {check["name"]: check for check in found["checks"]}
    for name in ("API not read-only", "market data", "contracts", "allocations"):
        assert checks[name]["verdict"] == "ok", checks[name]
    assert checks["contracts"]["detail"].startswith("2 symbols")


async def test_the_doctor_sees_delayed_quotes(make_job: MakeJob, gateway: SimulatedGateway) -> None:
    gateway.desk.exchange.set_quote_kind(QuoteKind.DELAYED)
    found = await result(make_job(Operation.DIAGNOSE))
    quotes = next(check for check in found["checks"] if check["name"] == "market data")
    assert quotes["verdict"] in ("warning", "failed")
    assert quotes["fix"]


async def test_the_doctor_sees_a_disagreement_of_mode_and_port(
    make_job: MakeJob, serve: Callable[[bytes], Any]
) -> None:
    url = await serve(allocations(GOOD))
    variables = {"TRADING_MODE": "paper", "IB_PORT": "4001", "ALLOCATIONS_BASE_URL": url}
    job = make_job(Operation.DIAGNOSE, variables=variables, host="127.0.0.1", port=9)
    found = await result(job)
    checks = {check["name"]: check for check in found["checks"]}
    assert checks["gateway reachable"]["verdict"] == "failed"
    assert checks["logged in"]["verdict"] == "skipped"
    assert "live gateway's port" in checks["paper/live agreement"]["detail"]


async def test_the_doctor_sees_a_login_of_the_other_kind(
    make_job: MakeJob, gateway: SimulatedGateway
) -> None:
    gateway.desk.exchange.open_account("U300", cash={"USD": Decimal(1)})
    found = await result(make_job(Operation.DIAGNOSE))
    checks = {check["name"]: check for check in found["checks"]}
    assert checks["paper/live agreement"]["verdict"] == "failed"
    assert "live accounts U300" in checks["paper/live agreement"]["detail"]
