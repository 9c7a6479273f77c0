"""Blocking calls whose result is wanted, comes too late, or is given up; the tests decide when."""

from __future__ import annotations

import asyncio
import threading

import pytest

from broker_connector_base.blocking import BlockingCall

_PATIENCE = 30


class Slow:
    """A call that ends when it is let go, and what was given back of it."""

    def __init__(self) -> None:
        self._go_on = threading.Event()
        self.given_back: list[str] = []
        self._was_given_back = threading.Event()

    def __call__(self) -> str:
        self._go_on.wait()
        return "a lock"

    def let_go(self) -> None:
        self._go_on.set()

    def take_back(self, result: str) -> None:
        self.given_back.append(result)
        self._was_given_back.set()

    def until_given_back(self) -> None:
        assert self._was_given_back.wait(_PATIENCE)

    def begin(self) -> BlockingCall[str]:
        return BlockingCall(self, self.take_back)


@pytest.fixture
def slow() -> Slow:
    return Slow()


def test_a_result_in_time_is_the_callers(slow: Slow) -> None:
    slow.let_go()
    assert slow.begin().result(_PATIENCE) == "a lock"
    assert slow.given_back == []


def test_a_result_that_comes_too_late_is_given_back(slow: Slow) -> None:
    call = slow.begin()
    with pytest.raises(TimeoutError):
        call.result(0.001)
    assert slow.given_back == []
    slow.let_go()
    slow.until_given_back()
    assert slow.given_back == ["a lock"]


async def test_the_event_loop_stays_free_while_a_result_is_waited_for(slow: Slow) -> None:
    waiting = asyncio.create_task(slow.begin().wait(_PATIENCE))
    await asyncio.sleep(0)
    slow.let_go()
    assert await waiting == "a lock"
    assert slow.given_back == []


async def test_a_cancelled_wait_gives_back_what_comes_afterwards(slow: Slow) -> None:
    waiting = asyncio.create_task(slow.begin().wait(_PATIENCE))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert slow.given_back == []
    slow.let_go()
    slow.until_given_back()
    assert slow.given_back == ["a lock"]


async def test_a_result_that_came_in_the_moment_of_the_cancellation_is_given_back(
    slow: Slow,
) -> None:
    call = slow.begin()
    waiting = asyncio.create_task(call.wait(_PATIENCE))
    await asyncio.sleep(0)
    slow.let_go()
    # The result is there, and the loop has not heard of it yet.
    assert call.result(_PATIENCE) == "a lock"
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert slow.given_back == ["a lock"]


def test_what_is_given_up_twice_is_given_back_once(slow: Slow) -> None:
    call = slow.begin()
    slow.let_go()
    call.result(_PATIENCE)
    call.give_up()
    call.give_up()
    assert slow.given_back == ["a lock"]


def test_what_goes_wrong_in_the_call_is_raised_and_nothing_is_given_back() -> None:
    given_back: list[object] = []

    def fail() -> None:
        raise OSError("no locks available")

    with pytest.raises(OSError, match="no locks available"):
        BlockingCall(fail, given_back.append).result(_PATIENCE)
    assert given_back == []
