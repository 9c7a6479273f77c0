"""A simulated gateway on a loopback port, for every test that wants one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ibkr_connector.testing.world import World, open_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world
