"""The lease of an account process: without news from its parent it stops sending orders in time."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import sys
from pathlib import Path

import pytest

from app.account_process.lease import Lease, steady_now
from app.account_process.messages import AccountJob, Operation
from app.account_process.process import run_account_process
from app.settings import load_settings, select_account
from app.testing import chatter, work_until_the_lease_is_over

#: Extends the lease of its account process by half a second ten times a second.
PARENT = """\
import asyncio, pickle, sys
from pathlib import Path
from app.account_process.lease import Lease, steady_now
from app.account_process.process import run_account_process
from app.testing import chatter, work_until_the_lease_is_over

async def main():
    job = pickle.loads(Path(sys.argv[1]).read_bytes())
    # The first one has to wait until the fork server has loaded.
    await run_account_process(job, lambda _: None, deadline_seconds=60, target=chatter)
    lease = Lease(steady_now() + 2)
    ready = asyncio.Event()
    running = asyncio.create_task(run_account_process(
        job, lambda _: ready.set(), deadline_seconds=60, lease=lease,
        target=work_until_the_lease_is_over))
    await ready.wait()
    print("ready", flush=True)
    while not running.done():
        lease.extend(steady_now() + 0.5)
        await asyncio.sleep(0.1)

asyncio.run(main())
"""


@pytest.fixture
async def job(home: Path) -> AccountJob:
    settings = load_settings(home, {})
    os.mkfifo(home / "ended")
    job = AccountJob(
        operation=Operation.REBALANCE,
        account=select_account(settings, "DU100"),
        settings=settings,
        host="127.0.0.1",
        port=1,
        client_id=1001,
        lock_timeout_seconds=1,
    )
    # The first one has to wait until the fork server has loaded.
    await run_account_process(job, lambda _: None, deadline_seconds=60, target=chatter)
    return job


async def end_of(job: AccountJob) -> dict[str, object]:
    """What the account process wrote at its end."""
    written: dict[str, object] = json.loads(
        await asyncio.to_thread((job.settings.home / "ended").read_text)
    )
    return written


async def test_an_account_process_ends_in_order_when_its_lease_is_over(job: AccountJob) -> None:
    lease = Lease(steady_now() + 5)
    ended, _ = await asyncio.gather(
        end_of(job),
        run_account_process(
            job,
            lambda _: lease.extend(lease.until + 0.2),
            deadline_seconds=30,
            lease=lease,
            target=work_until_the_lease_is_over,
        ),
    )
    assert ended["permitted"] == [True, False]
    assert isinstance(ended["at"], float)
    assert ended["at"] >= lease.until


async def test_a_stopped_parents_process_sends_no_order_after_its_lease(
    job: AccountJob, tmp_path: Path
) -> None:
    (tmp_path / "job").write_bytes(pickle.dumps(job))
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path / "job"), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    try:
        assert await parent.stdout.readline() == b"ready\n"
        parent.send_signal(signal.SIGSTOP)
        stopped = steady_now()
        async with asyncio.timeout(20):
            ended = await end_of(job)
        assert ended["permitted"] == [True, False]
        assert isinstance(ended["at"], float)
        # The last extension was heard before the parent stood still.
        assert ended["at"] < stopped + 2.5
    finally:
        parent.kill()
        await parent.wait()
