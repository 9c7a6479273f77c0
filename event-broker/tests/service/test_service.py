"""The service in the test's own process: its parts together, its health, its roles."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, redirect_stderr
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from app.account_process.forking import fork
from app.events import Command, EventState
from app.service import Role, Service
from app.store import Store
from app.store.records import Message, MessageOrigin

if TYPE_CHECKING:
    from app.service.health import Health

    from .conftest import Installation


async def test_a_recorded_message_ends_as_a_rebalance_of_every_follower(
    installation: Installation,
) -> None:
    async with installation.serving(Role.ALL):
        installation.store.messages.record(
            Message(
                channel="global-core-60-40",
                message_id="m1",
                timestamp=datetime.now(UTC),
                raw='{"data": {"exec": "rebalance"}}',
                origin=MessageOrigin.LIVE,
            )
        )
        await installation.until(lambda: len(installation.store.events.list()) == 2)
        events = installation.store.events.list()
        ended = [await installation.end_of(event.event_id) for event in events]
    assert {(e.account_id, e.command, e.state) for e in ended} == {
        ("P1", Command.REBALANCE, EventState.DONE),
        ("P2", Command.REBALANCE, EventState.DONE),
    }


async def test_a_healthy_service_is_ready_and_has_nothing_to_tell(
    installation: Installation,
) -> None:
    async with installation.serving(Role.WORKER) as here:
        await installation.until(lambda: bool(installation.store.workers.list()))
        health = await here.service.health()
    assert (health.ready, health.degraded) == (True, ())


async def test_a_flood_of_probes_asks_the_store_once(installation: Installation) -> None:
    async with installation.serving(Role.WORKER) as here:
        first, *others = await asyncio.gather(*(here.service.health() for _ in range(100)))
        assert all(answer is first for answer in others)
        assert await here.service.health() is not first


async def test_a_probe_that_hangs_up_costs_the_others_no_answer(
    installation: Installation,
) -> None:
    async with installation.serving(Role.WORKER) as here:
        gone, waiting = (asyncio.create_task(here.service.health()) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        assert (await waiting).statistics is not None
        assert gone.cancelled()


async def test_trouble_degrades_the_service_and_does_not_end_it(
    installation: Installation, home: Path
) -> None:
    async with installation.serving(Role.WORKER) as here:
        installation.enqueue("P9")
        await installation.end_of(installation.store.events.list()[0].event_id)
        (home / "accounts.yaml").write_text("accounts: 7\n")
        assert not here.service.reload()
        health = await here.service.health()
    assert health.ready
    assert any(
        line.startswith("configuration refused: accounts.yaml:1") for line in health.degraded
    )
    assert "1 events need attention" in health.degraded


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_begins_and_ends_in_order(installation: Installation, role: Role) -> None:
    async with installation.serving(role):
        await installation.until(lambda: bool(installation.store.workers.list()))
        (process,) = installation.store.workers.list()
        assert process.role == role
    assert installation.store.workers.list() == ()


async def test_a_fork_server_that_stands_still_holds_up_no_end(
    installation: Installation, fork_server_stopped: Callable[[], AbstractContextManager[None]]
) -> None:
    fork(None).end()
    with fork_server_stopped():
        async with asyncio.timeout(15), installation.serving(Role.WORKER):
            # Between them nothing runs, and a process is to be forked; they need none.
            for _ in range(4):
                await installation.end_of(installation.enqueue("P9"))


class _Terminal(StringIO):
    """Python flushes it before it forks."""

    is_closed = True

    def flush(self) -> None:
        if self.is_closed:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


async def _health_when(service: Service, *, ready: bool) -> Health:
    async with asyncio.timeout(30):
        while True:
            health = await service.health()
            if health.ready is ready:
                return health
            # Nothing tells of it.
            await asyncio.sleep(0.02)


async def test_a_service_that_cannot_fork_account_processes_is_not_ready_until_it_can(
    installation: Installation,
) -> None:
    terminal = _Terminal()
    with redirect_stderr(terminal):
        async with installation.serving(Role.WORKER) as here:
            (reason,) = (await _health_when(here.service, ready=False)).degraded
            terminal.is_closed = False
            health = await _health_when(here.service, ready=True)
    assert reason == "no account process can be started: OSError(5, 'Input/output error')"
    assert health.degraded == ()


async def test_where_nobody_works_events_the_others_say_so(installation: Installation) -> None:
    async with installation.serving(Role.API) as here:
        assert (await here.service.health()).degraded == ("no process works events",)
        async with installation.serving(Role.WORKER):
            await installation.until(lambda: installation.store.workers.at_work() == 1)
            assert (await here.service.health()).degraded == ()


async def test_a_gap_degrades_the_service_until_somebody_has_looked(
    installation: Installation,
) -> None:
    now = datetime.now(UTC)
    gap = installation.store.feeds.record_gap("alpha", now - timedelta(hours=3), now, "was down")
    assert gap is not None
    async with installation.serving(Role.WORKER) as here:
        await installation.until(lambda: installation.store.workers.at_work() > 0)
        degraded = (await here.service.health()).degraded
        assert degraded == ("1 times for which messages may be lost",)
        installation.store.feeds.acknowledge(gap.gap_id, "somebody")
        assert (await here.service.health()).degraded == ()


async def _start_threads(store: Store) -> None:
    """All of the event loop and of the store, so that none is left to be started."""
    loop, many = asyncio.get_running_loop(), 8
    loop.set_default_executor(ThreadPoolExecutor(many))
    for call in (asyncio.to_thread, store.call):
        together = threading.Barrier(many)
        await asyncio.gather(*(call(together.wait, 20) for _ in range(many)))


async def _spare_process(fork_servers: Callable[[], list[psutil.Process]]) -> psutil.Process:
    """The account process that waits for its job."""
    async with asyncio.timeout(30):
        while True:
            for server in fork_servers():
                if spare := server.children():
                    return spare[0]
            # Nothing tells of it.
            await asyncio.sleep(0.02)


async def test_a_service_that_can_start_no_thread_is_not_ready_until_it_can(
    installation: Installation,
    no_thread_left: Callable[[], AbstractContextManager[None]],
    fork_servers: Callable[[], list[psutil.Process]],
) -> None:
    await _start_threads(installation.store)
    async with installation.serving(Role.WORKER) as here:
        spare = await _spare_process(fork_servers)
        with no_thread_left():
            spare.kill()
            await installation.end_of(installation.enqueue("P9"))
            health = await _health_when(here.service, ready=False)
        reasons = {reason for reason in health.degraded if "can be started" in reason}
        await _health_when(here.service, ready=True)
    told = 'no account process can be started: RuntimeError("can\'t start new thread")'
    assert reasons == {told}
