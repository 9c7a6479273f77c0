"""Invariant 12: one run at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from broker_connector_base import RunStatus
from rebalance_workflow import AccountBusy, AccountLock
from rebalance_workflow.testing import ACCOUNT, make_world

from .conftest import CLEAN, SWITCH


class TestInvariant12:
    """At most one run per account at a time (across machines: the event store's business)."""

    async def test_a_second_run_waits_for_the_first_and_then_finds_nothing_to_do(
        self, tmp_path: Path
    ) -> None:
        world = make_world(**SWITCH)
        await world.broker.connect()
        statuses: list[RunStatus] = []

        async def locked_run() -> None:
            async with AccountLock(tmp_path, ACCOUNT).held(30):
                statuses.append((await world.run()).status)

        await asyncio.gather(locked_run(), locked_run())
        assert statuses == [RunStatus.DONE, RunStatus.NOTHING_TO_DO]
        assert world.traded() == CLEAN

    async def test_a_run_that_may_not_wait_is_told_who_holds_the_account(
        self, tmp_path: Path
    ) -> None:
        with (
            AccountLock(tmp_path, ACCOUNT, command="rebalance"),
            pytest.raises(AccountBusy, match="in use by rebalance"),
        ):
            AccountLock(tmp_path, ACCOUNT).acquire()
