"""What an account process does, in this process, against a simulated gateway over real sockets."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.account_process.messages import AccountJob, Failure, Operation
from app.account_process.operations import describe_failure, perform
from app.account_process.rebalancing import RunInterrupted
from app.settings import load_settings, select_account
from broker_connector_base import AccountConfig, Attention, Claim
from ibkr_connector import IBKRClient
from ibkr_simulator import SimulatedGateway
from rebalance_workflow import AccountBusy, AccountLock
from simulated_exchange import Event, OrderChanged, QuoteKind, WallClock, load_scenario

REPOSITORY = Path(__file__).resolve().parents[2]
ACCOUNT = "DUM959247"

GOOD = [{"symbol": "SPY", "allocation": 0.6}, {"symbol": "AGG", "allocation": 0.4}]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("accounts.yaml", "config.yaml", "replacement-sets.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    shutil.copytree(REPOSITORY / "demo", tmp_path / "demo")
    return tmp_path


@pytest.fixture
async def gateway() -> AsyncIterator[SimulatedGateway]:
    exchange = load_scenario("demo").build(WallClock(asyncio.get_running_loop()))
    async with SimulatedGateway(exchange) as gateway:
        yield gateway


@pytest.fixture
def sent(gateway: SimulatedGateway) -> list[Event]:
    """What happens to orders at the exchange."""
    events: list[Event] = []

    def note(event: Event) -> None:
        if isinstance(event, OrderChanged):
            events.append(event)

    gateway.desk.exchange.subscribe(note)
    return events


MakeJob = Callable[..., AccountJob]


@pytest.fixture
def make_job(home: Path, gateway: SimulatedGateway) -> MakeJob:
    def make(operation: Operation, **changes: Any) -> AccountJob:
        settings = load_settings(home, changes.pop("variables", {}))
        fields = {
            "operation": operation,
            "account": select_account(settings, ACCOUNT),
            "settings": settings,
            "host": gateway.host,
            "port": gateway.port,
            "client_id": 1001,
            "lock_timeout_seconds": 5,
        }
        return AccountJob.model_validate({**fields, **changes})

    return make


def ignore(_: bytes) -> None:
    """Progress that nobody watches."""


async def result(job: AccountJob) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(await perform(job, ignore))
    return document


async def failure(job: AccountJob) -> Failure:
    try:
        await perform(job, ignore)
    except Exception as error:
        return describe_failure(job, error)
    raise AssertionError("it did not fail")


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


async def test_a_fault_in_the_program_during_a_run_needs_attention(make_job: MakeJob) -> None:
    for operation, needs_attention in ((Operation.REBALANCE, True), (Operation.PREVIEW, False)):
        failed = describe_failure(make_job(operation), ZeroDivisionError("oops"))
        assert (failed.attention is not None) is needs_attention
        assert "ZeroDivisionError: oops" in failed.message


async def test_an_interruption_that_may_have_left_orders_needs_attention(
    make_job: MakeJob,
) -> None:
    looked = describe_failure(make_job(Operation.PREVIEW), asyncio.CancelledError())
    assert looked.message == "print-rebalance was interrupted; no order was sent"
    assert looked.attention is None
    for operation in (Operation.REBALANCE, Operation.CANCEL_ORDERS):
        traded = describe_failure(make_job(operation), asyncio.CancelledError())
        assert "orders may be working or filled" in traded.message
        assert traded.attention == Attention(claim=Claim.NO_RESULT)


async def test_a_run_that_is_interrupted_while_it_waits_has_sent_nothing(
    make_job: MakeJob,
) -> None:
    job = make_job(Operation.REBALANCE)
    waiting = asyncio.Event()
    with AccountLock(job.settings.state_directory / "locks", ACCOUNT):
        run = asyncio.create_task(perform(job, lambda _: waiting.set()))
        await waiting.wait()
        run.cancel()
        with pytest.raises(RunInterrupted) as caught:
            await run
    failed = describe_failure(job, caught.value)
    assert failed.message == "rebalance was interrupted; no order was sent"
    assert failed.attention is None


async def test_a_run_that_is_told_to_end_after_its_end_still_reports(make_job: MakeJob) -> None:
    def interrupt_at_the_end(body: bytes) -> None:
        if json.loads(body)["stage"] == "finished":
            run.cancel()

    run = asyncio.create_task(perform(make_job(Operation.REBALANCE), interrupt_at_the_end))
    assert json.loads(await run)["status"] == "done"


def answer(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def allocations(items: object, status: str = "success") -> bytes:
    return answer("200 OK", json.dumps({"status": status, "data": {"allocations": items}}).encode())


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[bytes | None], Any]]:
    """Start an allocation service that always gives one answer, or none at all."""
    servers: list[asyncio.Server] = []

    async def start(reply: bytes | None) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            if reply is None:
                # Silent until the client gives up.
                await reader.read()
            else:
                writer.write(reply)
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


async def test_allocations_come_from_the_service_when_one_is_configured(
    make_job: MakeJob, serve: Callable[[bytes], Any]
) -> None:
    variables = {"ALLOCATIONS_BASE_URL": await serve(allocations(GOOD))}
    previewed = await result(make_job(Operation.PREVIEW, variables=variables))
    assert {line["symbol"] for line in previewed["target"]["items"]} == {"SPY", "AGG"}


@pytest.mark.parametrize(
    ("reply", "part"),
    [
        (answer("401 Unauthorized", b""), "ALLOCATIONS_API_KEY"),
        (answer("200 OK", b"<html>"), "cannot be used"),
        (allocations(GOOD, status="error"), "cannot be used"),
        (allocations([]), "empty"),
        (allocations([*GOOD, {"symbol": "TLT", "allocation": 1}]), "sum to 2"),
        (allocations([{"symbol": "SPY", "allocation": 100}]), "percent"),
        (allocations([{"symbol": "SPY", "allocation": "nan"}]), "allocations.0"),
        (allocations([{"symbol": "SPY", "allocation": -1}]), "negative"),
        (allocations([*GOOD, GOOD[0]]), "repeats SPY"),
        (allocations([{"symbol": "NOPE", "allocation": 1}]), "NOPE"),
    ],
)
async def test_bad_allocations_stop_a_run_before_anything_is_sent(
    make_job: MakeJob,
    sent: list[Event],
    serve: Callable[[bytes], Any],
    reply: bytes,
    part: str,
) -> None:
    variables = {"ALLOCATIONS_BASE_URL": await serve(reply), "ALLOCATIONS_API_KEY": "sesame"}
    failed = await failure(make_job(Operation.REBALANCE, variables=variables))
    assert part in failed.message
    assert "sesame" not in failed.message
    assert sent == []


async def test_targets_that_cannot_be_used_are_told_with_their_strategy_and_origin(
    make_job: MakeJob, serve: Callable[[bytes], Any]
) -> None:
    address = await serve(allocations([]))
    job = make_job(
        Operation.PREVIEW,
        variables={"ALLOCATIONS_BASE_URL": address.replace("://", "://me:sesame@")},
    )
    failed = await failure(job)
    assert failed.kind == "AllocationError"
    assert failed.message.startswith(f"targets of {job.account.strategy_name} from {address}: ")
    assert failed.message.endswith(". Nothing was sent.")


async def test_targets_that_cannot_be_had_are_told_with_what_was_sent(
    make_job: MakeJob, serve: Callable[[bytes], Any]
) -> None:
    variables = {"ALLOCATIONS_BASE_URL": await serve(answer("401 Unauthorized", b""))}
    failed = await failure(make_job(Operation.REBALANCE, variables=variables))
    assert failed.message.endswith(". Nothing was sent.")


@pytest.mark.acceptance
async def test_a_service_that_fails_or_is_silent_is_given_up_in_the_end(
    make_job: MakeJob, serve: Callable[[bytes | None], Any], write: Callable[[str, str], Path]
) -> None:
    write("config.yaml", "api:\n  allocation_timeout_seconds: 1\n")
    jobs = [
        make_job(
            Operation.PREVIEW,
            variables={"ALLOCATIONS_BASE_URL": await serve(reply)},
            account=AccountConfig(account_id=account, type="paper", strategy_name="any"),
            client_id=number,
        )
        for number, (account, reply) in enumerate(
            [(ACCOUNT, answer("500 Internal Server Error", b"")), ("DU789012", None)], start=1
        )
    ]
    broken, silent = await asyncio.gather(*map(failure, jobs))
    assert broken.kind == silent.kind == "AllocationSourceError"
    assert "answered 500" in broken.message
    assert "no answer" in silent.message


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


async def test_a_run_at_a_gateway_that_takes_no_orders_trades_nothing(make_job: MakeJob) -> None:
    exchange = load_scenario("demo").build(WallClock(asyncio.get_running_loop()))
    async with SimulatedGateway(exchange, read_only=True) as unwilling:
        ran = await result(make_job(Operation.REBALANCE, port=unwilling.port))
    assert ran["status"] in ("failed", "needs attention")
    assert ran["fills"] == []
    assert "read-only" in json.dumps(ran).lower()


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
