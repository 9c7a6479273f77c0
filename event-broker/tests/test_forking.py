"""Account processes that were forked before there was a job for them."""

from __future__ import annotations

import json
import multiprocessing
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest

from app.account_process.forking import Reserve, fork
from app.account_process.messages import AccountJob, Operation
from app.account_process.process import run_account_process
from app.settings import load_settings, select_account
from app.testing import chatter

_FILL_AND_DIE = """
import os, signal
from app.account_process.forking import Reserve

if __name__ == "__main__":
    reserve = Reserve()
    reserve.fill(None)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def job(home: Path) -> AccountJob:
    settings = load_settings(home, {})
    return AccountJob(
        operation=Operation.REBALANCE,
        account=select_account(settings, "DU100"),
        settings=settings,
        host="127.0.0.1",
        port=1,
        client_id=1001,
        lock_timeout_seconds=1,
    )


@pytest.fixture
def reserve() -> Iterator[Reserve]:
    reserve = Reserve()
    reserve.fill(None)
    yield reserve
    reserve.close()


def _waiting() -> psutil.Process:
    """The one child of this process."""
    (child,) = multiprocessing.active_children()
    return psutil.Process(child.pid)


async def _pid_of_run(job: AccountJob, reserve: Reserve) -> int:
    result = await run_account_process(
        job, lambda _: None, deadline_seconds=30, target=chatter, reserve=reserve
    )
    pid = json.loads(result)["pid"]
    assert isinstance(pid, int)
    return pid


async def test_a_job_is_done_by_the_process_that_waits_and_the_next_one_by_another(
    job: AccountJob, reserve: Reserve
) -> None:
    waiting = _waiting()
    assert await _pid_of_run(job, reserve) == waiting.pid
    assert not reserve.is_filled
    assert await _pid_of_run(job, reserve) != waiting.pid


async def test_a_process_that_was_killed_while_it_waited_costs_no_job(
    job: AccountJob, reserve: Reserve
) -> None:
    killed = _waiting()
    killed.kill()
    killed.wait(10)
    assert not reserve.is_filled
    assert await _pid_of_run(job, reserve) != killed.pid


def test_a_process_that_stands_still_does_not_hold_up_whoever_has_a_large_job_for_it(
    job: AccountJob, reserve: Reserve
) -> None:
    forked = reserve.take()
    assert forked is not None
    still = psutil.Process(forked.process.pid)
    still.suspend()
    errors: list[BaseException] = []

    def give() -> None:
        try:
            # More than a pipe holds.
            forked.give(chatter, job.model_copy(update={"host": "x" * 300_000}), seconds=0.1)
        except OSError as error:
            errors.append(error)

    giving = threading.Thread(target=give, daemon=True)
    giving.start()
    giving.join(20)
    assert not giving.is_alive()
    assert [type(error) for error in errors] == [BrokenPipeError]
    forked.end()
    assert not still.is_running()


def test_no_second_process_is_forked_while_one_waits(reserve: Reserve) -> None:
    waiting = _waiting()
    reserve.fill(None)
    assert _waiting() == waiting


def test_a_process_that_waits_ends_when_the_reserve_is_closed(reserve: Reserve) -> None:
    waiting = _waiting()
    reserve.close()
    assert not waiting.is_running()


def test_a_process_that_is_forked_while_the_reserve_is_closed_ends(
    reserve: Reserve, fork_server_stopped: Callable[[], AbstractContextManager[None]]
) -> None:
    waiting = _waiting()
    late = Reserve()
    filling = threading.Thread(target=late.fill, args=(None,), daemon=True)
    with fork_server_stopped():
        filling.start()
        late.close()
    filling.join(30)
    assert not filling.is_alive()
    # The one that is forked with the fork server awake again is nobody's.
    assert not late.is_filled
    assert _waiting() == waiting


def test_a_fork_server_that_does_not_answer_is_not_waited_for_for_ever(
    reserve: Reserve, fork_server_stopped: Callable[[], AbstractContextManager[None]]
) -> None:
    waiting = _waiting()
    threads = set(threading.enumerate())
    with (
        fork_server_stopped(),
        pytest.raises(TimeoutError, match=r"fork server has not answered for 0\.01 s"),
    ):
        fork(None, seconds=0.01)
    for late in set(threading.enumerate()) - threads:
        late.join(30)
    # What it still forked has ended by now.
    assert _waiting() == waiting


def test_a_process_that_waits_ends_with_its_parent_however_that_ends() -> None:
    command = [sys.executable, "-P", "-c", _FILL_AND_DIE]
    # It returns when nobody holds the output any more.
    died = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL
