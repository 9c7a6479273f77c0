"""Service processes that are stopped, killed and ended, beside each other and beside commands."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from subprocess import Popen, TimeoutExpired
from typing import TYPE_CHECKING

import pytest

from app import file_lock
from app.events import AttemptOutcome, Command, EventState
from rebalance_workflow import AccountLock

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Installation

pytestmark = pytest.mark.acceptance


def shares_bought(installation: Installation, account_id: str) -> dict[str, Decimal]:
    """By all runs of the account together."""
    bought: dict[str, Decimal] = {}
    for run in installation.store.runs.list(account_id=account_id):
        for fill in run.fills:
            bought[fill.symbol] = bought.get(fill.symbol, Decimal(0)) + fill.quantity
    return bought


def stop_without_the_machines_locks(installation: Installation, process: Popen[str]) -> None:
    """Stop it at a moment when it holds neither the database's only writer lock, without which
    nobody records anything, nor the one without which no new account gets a client id.
    """
    client_ids = installation.home / "data" / "client-ids.lock"
    while True:
        process.send_signal(signal.SIGSTOP)
        # None of its threads runs any more.
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        with (
            suppress(sqlite3.OperationalError, file_lock.StillLocked),
            closing(sqlite3.connect(installation.store.place, timeout=0)) as database,
            file_lock.held(client_ids, 0),
        ):
            database.execute("BEGIN IMMEDIATE")
            return
        process.send_signal(signal.SIGCONT)


async def test_two_services_share_the_work_and_end_in_order(installation: Installation) -> None:
    services = [installation.serve(), installation.serve()]
    ids = [installation.enqueue(account) for account in ("P1", "P2")]
    ended = [await installation.end_of(event_id) for event_id in ids]
    assert [event.state for event in ended] == [EventState.DONE] * 2
    for event_id in ids:
        assert len(installation.store.events.attempts(event_id)) == 1
    for service in services:
        service.send_signal(signal.SIGTERM)
    assert [service.wait(20) for service in services] == [0, 0]
    assert installation.store.workers.list() == ()


async def test_the_event_of_a_killed_worker_runs_again_once(installation: Installation) -> None:
    lock = AccountLock(installation.home / "data" / "simulation" / "locks", "P1")
    first = installation.serve()
    lock.acquire()
    event_id = installation.enqueue("P1")
    claimed = await installation.running(event_id)
    assert claimed.worker is not None
    assert claimed.worker.endswith(f"-{first.pid}")
    os.killpg(first.pid, signal.SIGKILL)
    lock.release()
    installation.serve()
    event = await installation.end_of(event_id)
    assert event.state is EventState.DONE, event.error
    attempts = installation.store.events.attempts(event_id)
    # The account may still have been in use.
    outcomes = [a.outcome for a in attempts if "is in use by" not in (a.error or "")]
    assert outcomes == [AttemptOutcome.LEASE_EXPIRED, AttemptOutcome.DONE]


async def test_a_stopped_worker_can_neither_trade_nor_close_what_another_has_taken_over(
    installation: Installation,
) -> None:
    first = installation.serve()
    lock = AccountLock(installation.home / "data" / "simulation" / "locks", "P1")
    lock.acquire()
    event_id = installation.enqueue("P1")
    await installation.running(event_id)
    # Its account process goes on without it, and gives up when its lease is over.
    stop_without_the_machines_locks(installation, first)
    installation.serve()
    await installation.running(event_id, attempt=2)
    lock.release()
    event = await installation.end_of(event_id, seconds=90)
    first.send_signal(signal.SIGCONT)
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0
    assert event.state is EventState.DONE, event.error
    assert installation.store.events.get(event_id) == event
    assert event.result is not None
    assert event.result["status"] == "success"
    (run,) = [run for run in installation.store.runs.list() if run.orders_sent]
    assert run.event_id == event_id
    assert shares_bought(installation, "P1") == {o.symbol: o.quantity for o in run.orders}


async def test_a_service_goes_on_trading_when_nobody_reads_its_log(
    installation: Installation,
) -> None:
    # What could not be written once is then tried at every later occasion.
    installation.forget("PYTHONUNBUFFERED")
    service = installation.serve()
    for stream in (service.stdout, service.stderr):
        assert stream is not None
        stream.close()
    # As a terminal tells that it was closed.
    service.send_signal(signal.SIGHUP)
    for account_id in ("P1", "P2"):
        event = await installation.end_of(installation.enqueue(account_id))
        assert event.state is EventState.DONE, event.error
    service.send_signal(signal.SIGTERM)
    assert service.wait(30) == 0


async def test_a_command_waits_for_the_account_and_a_service_never_runs_beside_it(
    installation: Installation,
) -> None:
    installation.serve()
    lock = AccountLock(installation.home / "data" / "simulation" / "locks", "P1")
    lock.acquire()
    running = installation.enqueue("P1", Command.CANCEL_ORDERS)
    await installation.running(running)
    command = installation.start("rebalance", "-account", "P1", "-exec", "rebalance", "--json")
    lock.release()
    output, errors = command.communicate(timeout=60)
    assert command.returncode == 0, errors
    document = json.loads(output)
    assert document["error"] is None
    assert document["result"]["status"] == "done"
    assert (await installation.end_of(running)).state is EventState.DONE
    (run,) = installation.store.runs.list()
    attempts = [
        attempt
        for event in installation.store.events.list()
        for attempt in installation.store.events.attempts(event.event_id)
    ]
    spans = sorted((a.started_at, a.finished_at) for a in attempts if a.finished_at is not None)
    assert all(ended <= begun for (_, ended), (begun, _) in pairwise(spans))
    assert run.status == "done"


def test_a_command_says_that_its_account_is_paused_and_leaves_nothing_behind(
    installation: Installation,
) -> None:
    installation.store.controls.pause(None, "somebody", "holidays")
    command = installation.start("rebalance", "-account", "P1", "-exec", "rebalance", "--json")
    output, _ = command.communicate(timeout=60)
    document = json.loads(output)
    assert command.returncode == 1
    assert document["error"] == {
        "kind": "Paused",
        "message": "rebalances of P1 are paused; nothing was sent. Resume, then try again.",
    }
    (event,) = installation.store.events.list()
    assert event.state is EventState.CANCELLED
    assert event.reason == "rebalances of P1 are paused, and the command does not wait for it"


LIVE_ACCOUNTS = "accounts: [{account_id: U1, type: live, strategy_name: alpha}]"
#: Nobody is asked there before the gates.
LIVE = {"TRADING_MODE": "live", "ALLOCATIONS_BASE_URL": "http://127.0.0.1:9"}
REBALANCE_LIVE = ("rebalance", "-account", "U1", "-exec", "rebalance", "--json")


def test_a_command_whose_live_trading_is_not_armed_leaves_nothing_to_retry_and_says_so(
    installation: Installation, home: Path
) -> None:
    (home / "accounts.yaml").write_text(LIVE_ACCOUNTS)
    command = installation.start(*REBALANCE_LIVE, **LIVE)
    output, _ = command.communicate(timeout=60)
    assert json.loads(output)["error"] == {
        "kind": "ARMING",
        "message": "live trading is not armed; arm it, then try again. Nothing was sent. "
        "No event is left waiting: run the command again after that.",
    }
    assert command.returncode == 1
    (event,) = installation.store.events.list()
    assert event.state is EventState.CANCELLED


def test_a_command_for_an_event_of_others_too_says_that_it_needs_attention(
    installation: Installation, home: Path
) -> None:
    (home / "accounts.yaml").write_text(LIVE_ACCOUNTS)
    event_id = installation.enqueue("U1")
    command = installation.start(*REBALANCE_LIVE, **LIVE)
    output, _ = command.communicate(timeout=60)
    assert json.loads(output)["error"]["message"].endswith(
        "Nothing was sent. Its event waits for a person: see `attention`."
    )
    assert command.returncode == 3
    assert installation.store.events.get(event_id).state is EventState.NEEDS_ATTENTION


def test_a_command_that_comes_at_the_wrong_time_says_that_nothing_waits(
    installation: Installation, home: Path
) -> None:
    (home / "accounts.yaml").write_text(LIVE_ACCOUNTS)
    now = datetime.now(UTC)
    installation.store.controls.arm(now + timedelta(hours=1), "somebody")
    restart = {"AUTO_RESTART_TIME": f"{now:%H:%M}", "TIME_ZONE": "UTC"}
    command = installation.start(*REBALANCE_LIVE, **LIVE, **restart)
    output, _ = command.communicate(timeout=60)
    assert json.loads(output)["error"] == {
        "kind": "RESTART",
        "message": f"the gateway restarts at {now:%H:%M} UTC (AUTO_RESTART_TIME). Nothing was "
        "sent. No event is left waiting: run the command again after that.",
    }
    assert command.returncode == 1
    (event,) = installation.store.events.list()
    assert event.state is EventState.CANCELLED


async def test_an_interrupted_command_that_waits_takes_its_event_back(
    installation: Installation,
) -> None:
    # Somebody else, who never gets any further, has the account.
    installation.enqueue("P1", Command.CANCEL_ORDERS)
    claim = installation.store.events.claim("somebody")
    assert claim is not None
    command = installation.start("rebalance", "-account", "P1", "-exec", "rebalance", "--json")

    def waits() -> bool:
        installation.store.events.heartbeat(claim)
        return len(installation.store.events.list()) == 2

    def has_ended() -> bool:
        installation.store.events.heartbeat(claim)
        return command.poll() is not None

    await installation.until(waits)
    command.send_signal(signal.SIGINT)
    await installation.until(has_ended)
    output, _ = command.communicate(timeout=30)
    assert command.returncode == 1
    assert "no order was sent" in json.loads(output)["error"]["message"]
    assert installation.store.events.list()[0].state is EventState.CANCELLED


def interrupt_while_nothing_can_be_recorded(
    installation: Installation, command: Popen[str]
) -> None:
    """Again and again."""
    with closing(sqlite3.connect(installation.store.place)) as database:
        database.execute("BEGIN IMMEDIATE")
        for _ in range(4):
            command.send_signal(signal.SIGINT)
            with suppress(TimeoutExpired):
                command.wait(0.5)
        database.rollback()


async def test_a_command_that_is_interrupted_again_while_it_works_claims_nothing(
    installation: Installation,
) -> None:
    with AccountLock(installation.home / "data" / "simulation" / "locks", "P1"):
        command = installation.start("rebalance", "-account", "P1", "-exec", "rebalance", "--json")
        await installation.until(
            lambda: [e.state for e in installation.store.events.list()] == [EventState.RUNNING]
        )
        interrupt_while_nothing_can_be_recorded(installation, command)
    _, errors = command.communicate(timeout=30)
    assert command.returncode == 3
    assert "Orders may be working or filled" in errors
    assert "sent nothing" not in errors


async def test_a_command_that_is_interrupted_twice_while_it_takes_its_event_back_says_so(
    installation: Installation,
) -> None:
    installation.enqueue("P1", Command.CANCEL_ORDERS)
    assert installation.store.events.claim("somebody") is not None
    command = installation.start("rebalance", "-account", "P1", "-exec", "rebalance", "--json")
    await installation.until(lambda: len(installation.store.events.list()) == 2)
    interrupt_while_nothing_can_be_recorded(installation, command)
    output, errors = command.communicate(timeout=30)
    assert command.returncode == 1
    assert json.loads(output)["error"]["kind"] == "RunInterrupted"
    assert "this command sent nothing" in errors
    assert "Traceback" not in errors


async def joined(installation: Installation, paused: bool) -> tuple[Popen[str], str]:
    """A command whose event somebody else's has merged into while it waited, and that event."""
    installation.enqueue("P1")
    claim = installation.store.events.claim("somebody")
    assert claim is not None
    command = installation.start("rebalance", "-account", "P1", "-exec", "rebalance", "--json")

    def waits() -> bool:
        installation.store.events.heartbeat(claim)
        return len(installation.store.events.list()) == 2

    await installation.until(waits)
    if paused:
        installation.store.controls.pause("P1", "somebody")
    return command, installation.store.events.release(claim).event_id


async def test_a_command_that_gives_up_leaves_what_others_have_merged_into(
    installation: Installation,
) -> None:
    command, event_id = await joined(installation, paused=True)
    output, _ = command.communicate(timeout=60)
    assert json.loads(output)["error"] == {
        "kind": "Paused",
        "message": f"rebalances of P1 are paused; this command sent nothing. Event {event_id} goes "
        "on without it once they are resumed: it is not this command's alone.",
    }
    assert installation.store.events.get(event_id).state is EventState.QUEUED


async def test_a_command_that_is_interrupted_at_work_puts_back_what_others_have_merged_into(
    installation: Installation,
) -> None:
    lock = AccountLock(installation.home / "data" / "simulation" / "locks", "P1")
    lock.acquire()
    command, event_id = await joined(installation, paused=False)
    await installation.running(event_id)
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=60)
    lock.release()
    assert installation.store.events.get(event_id).state is EventState.QUEUED


async def test_a_command_that_loses_the_account_does_not_say_that_nothing_was_sent(
    installation: Installation,
) -> None:
    lock = AccountLock(installation.home / "data" / "simulation" / "locks", "P1")
    lock.acquire()
    command = installation.start("rebalance", "-account", "P1", "-exec", "rebalance", "--json")
    await installation.until(lambda: bool(installation.store.events.list()))
    (event,) = installation.store.events.list()
    await installation.running(event.event_id)
    with closing(sqlite3.connect(installation.store.place)) as database, database:
        database.execute("UPDATE events SET token = 'of somebody else'")
    output, _ = command.communicate(timeout=60)
    lock.release()
    error = json.loads(output)["error"]
    assert (command.returncode, error["kind"]) == (3, "LeaseLost")
    assert "another worker may have it" in error["message"]
    assert "Orders may be working or filled" in error["message"]
