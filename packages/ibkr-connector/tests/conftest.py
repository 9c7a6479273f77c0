"""A simulated gateway on a loopback port, for every test that wants one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

pytest.register_assert_rewrite("broker_connector_base.testing")

from ibkr_connector.testing.world import World, open_world  # noqa: E402


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world
