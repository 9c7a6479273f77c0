"""The service in the test's own process: its parts together, its health, its roles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.events import Command, EventState
from app.service import Role, Service
from app.settings import load_settings
from app.store.records import Message, MessageOrigin

if TYPE_CHECKING:
    from .conftest import Installation


@asynccontextmanager
async def serving(installation: Installation, role: Role) -> AsyncIterator[Service]:
    settings = load_settings(installation.home, {"API_PORT": "0"})
    for directory in (settings.state_directory, settings.log_directory):
        directory.mkdir(parents=True, exist_ok=True)
    service = Service(settings, installation.store, role, variables={"API_PORT": "0"})
    end = asyncio.Event()
    running = asyncio.create_task(service.run(end, asyncio.Event()))
    try:
        yield service
    finally:
        end.set()
        await running


async def test_a_recorded_message_ends_as_a_rebalance_of_every_follower(
    installation: Installation,
) -> None:
    async with serving(installation, Role.ALL):
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


async def test_a_healthy_service_is_ready_and_says_who_it_is(installation: Installation) -> None:
    async with serving(installation, Role.WORKER) as service:
        await installation.until(lambda: bool(installation.store.workers.list()))
        health = await service.health()
    assert (health.ready, health.alive, health.degraded) == (True, True, ())
    assert (health.role, health.mode, health.accounts) == ("worker", "simulation", 2)


async def test_trouble_degrades_the_service_and_does_not_end_it(
    installation: Installation, home: Path
) -> None:
    async with serving(installation, Role.WORKER) as service:
        installation.enqueue("P9")
        await installation.end_of(installation.store.events.list()[0].event_id)
        (home / "accounts.yaml").write_text("accounts: 7\n")
        assert not service.reload()
        health = await service.health()
    assert health.ready
    assert any(
        line.startswith("configuration refused: accounts.yaml:1") for line in health.degraded
    )
    assert "1 events need attention" in health.degraded


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_begins_and_ends_in_order(installation: Installation, role: Role) -> None:
    async with serving(installation, role) as service:
        assert (await service.health()).role == role
