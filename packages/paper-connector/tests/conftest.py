"""Tests of this package run on a loop whose time passes only when nothing else can happen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from broker_connector_base.testing import VirtualTimeLoop
from paper_connector.testing import World

#: Wait for threads and processes: time must pass by itself.
_REAL_TIME = {"test_lock.py", "test_processes.py"}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop of each test module."""
    if item.path.name in _REAL_TIME:
        return {"real-time": asyncio.SelectorEventLoop}
    return {"virtual-time": VirtualTimeLoop}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "books")
    yield world
    world.end()
