"""A simulated gateway on a loopback port, for every test that wants one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from broker_connector_base.testing import VirtualTimeLoop
from ibkr_connector.testing.world import World, open_world

#: They measure a pace, which a busy machine must not change.
_VIRTUAL_TIME = {"test_pace.py", "test_rebalancer.py"}


class _LateLoop(VirtualTimeLoop):
    """Wakes a moment after each deadline, as a real one does: ib_async's throttle counts on it."""

    def jump(self, seconds: float | None) -> None:
        super().jump(None if seconds is None else seconds + 1e-6)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop of each test module."""
    if item.path.name in _VIRTUAL_TIME:
        return {"virtual-time": _LateLoop}
    return {"real-time": asyncio.SelectorEventLoop}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world
