"""Locks on files, in real time: the waiting is done by a thread."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from paper_connector import lock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books" / "state.json.lock"


def is_free(path: Path) -> bool:
    descriptor = lock.take_now(path)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is not None


async def test_a_lock_is_free_after_its_block(path: Path) -> None:
    async with lock.held(path, 1):
        assert not is_free(path)
    assert is_free(path)


async def test_who_waits_gets_the_lock_when_it_is_let_go(path: Path) -> None:
    holder = lock.take_now(path)
    assert holder is not None
    asyncio.get_running_loop().call_later(0.02, os.close, holder)
    async with lock.held(path, 10):
        assert not is_free(path)
    assert is_free(path)


async def test_a_lock_that_comes_too_late_is_given_back(path: Path) -> None:
    holder = lock.take_now(path)
    assert holder is not None
    with pytest.raises(TimeoutError):
        async with lock.held(path, 0.02):
            pytest.fail("nobody let it go")
    os.close(holder)
    # The thread that waited gets it now, and has nobody left to give it to.
    async with lock.held(path, 10):
        pass
    assert is_free(path)


async def test_who_gives_up_waiting_leaves_no_lock_behind(path: Path) -> None:
    holder = lock.take_now(path)
    assert holder is not None

    async def wait() -> None:
        async with lock.held(path, 10):
            pytest.fail("it was given up")

    waiting = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    os.close(holder)
    async with lock.held(path, 10):
        pass
