"""The service in the test's own process: its parts together, its health, its roles."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.events import Command, EventState
from app.service import Role
from app.store.records import Message, MessageOrigin

if TYPE_CHECKING:
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


async def test_a_healthy_service_is_ready_and_says_who_it_is(installation: Installation) -> None:
    async with installation.serving(Role.WORKER) as here:
        await installation.until(lambda: bool(installation.store.workers.list()))
        health = await here.service.health()
    assert (health.ready, health.degraded) == (True, ())
    assert (health.role, health.mode, health.accounts) == ("worker", "simulation", 2)


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
    async with installation.serving(role) as here:
        assert (await here.service.health()).role == role
