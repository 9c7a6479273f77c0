"""One holder per account, across processes; the others wait or learn who it is."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rebalance_workflow import AccountBusy, AccountLock

SINCE = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
HOLD = """
import sys
from pathlib import Path
from rebalance_workflow.account_lock import AccountLock
with AccountLock(Path(sys.argv[1]), "DU1", command="a test"):
    print("held", flush=True)
    sys.stdin.read()
"""

MakeLock = Callable[[], AccountLock]


@pytest.fixture
def lock(tmp_path: Path) -> MakeLock:
    return lambda: AccountLock(tmp_path, "DU1", command="rebalance", now=lambda: SINCE)


def test_the_lock_tells_who_holds_it(lock: MakeLock) -> None:
    with lock(), pytest.raises(AccountBusy) as busy:
        lock().acquire()
    assert str(busy.value) == (
        f"account DU1 is in use by rebalance (process {os.getpid()}, since 2026-01-05 15:00:00 "
        "UTC); try again when it has finished"
    )
    assert busy.value.holder is not None
    assert busy.value.holder.pid == os.getpid()


def test_the_lock_is_free_again_after_its_block(lock: MakeLock) -> None:
    with lock():
        pass
    assert lock().holder() is None
    with lock():
        pass


def test_locks_of_different_accounts_do_not_meet(tmp_path: Path) -> None:
    with AccountLock(tmp_path, "DU1"), AccountLock(tmp_path, "DU2"):
        pass


def test_a_holder_that_is_killed_lets_go(lock: MakeLock, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(AccountBusy, match=f"a test .process {holder.pid}"):
            lock().acquire()
        holder.kill()
        lock().acquire(timeout_seconds=30)


def test_a_waiter_gets_the_lock_when_it_is_released(lock: MakeLock) -> None:
    first, second = lock(), lock()
    first.acquire()
    threading.Timer(0.05, first.release).start()
    second.acquire(timeout_seconds=30)
    with pytest.raises(AccountBusy):
        lock().acquire()
    second.release()


def test_a_waiter_that_gave_up_does_not_take_the_lock_later(lock: MakeLock) -> None:
    first = lock()
    first.acquire()
    with pytest.raises(AccountBusy):
        lock().acquire(timeout_seconds=0.01)
    first.release()
    # The abandoned waiter may hold the lock for a moment before it gives it back.
    third = lock()
    third.acquire(timeout_seconds=30)
    third.release()


def test_a_holder_that_did_not_say_who_it_is(lock: MakeLock, tmp_path: Path) -> None:
    with lock():
        (tmp_path / "DU1.lock").write_text("{}")
        with pytest.raises(AccountBusy, match="another process"):
            lock().acquire()


def test_a_full_disk_takes_the_holders_name_and_not_the_lock(lock: MakeLock) -> None:
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))
    try:
        with lock(), pytest.raises(AccountBusy, match="another process"):
            lock().acquire()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))
    with lock():
        pass


async def test_the_event_loop_stays_free_while_waiting(lock: MakeLock) -> None:
    order: list[str] = []

    async def use(name: str) -> None:
        async with lock().held(30):
            order.append(name)
            await asyncio.sleep(0)
            order.append(name)

    await asyncio.gather(use("first"), use("second"))
    assert order in (["first"] * 2 + ["second"] * 2, ["second"] * 2 + ["first"] * 2)


async def test_a_cancelled_wait_gives_the_lock_back(lock: MakeLock) -> None:
    first = lock()
    first.acquire()
    waiting = asyncio.ensure_future(lock().held(30).__aenter__())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    first.release()
    async with lock().held(30):
        pass


def test_a_wait_that_ends_with_its_event_loop_gives_the_lock_back(lock: MakeLock) -> None:
    first = lock()
    first.acquire()

    async def begin_to_wait() -> None:
        waiting = asyncio.ensure_future(lock().held(30).__aenter__())
        await asyncio.sleep(0)
        threading.Timer(0.05, first.release).start()
        assert not waiting.done()

    asyncio.run(begin_to_wait())
    lock().acquire(timeout_seconds=10)


def test_an_account_id_cannot_leave_the_directory(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot name a file"):
        AccountLock(tmp_path, "../DU1")
