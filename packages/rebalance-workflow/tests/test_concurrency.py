"""Several questions at once."""

from __future__ import annotations

import asyncio

import pytest

from rebalance_workflow.concurrency import all_of, together


async def test_results_keep_their_order() -> None:
    assert await together(asyncio.sleep(2, "slow"), asyncio.sleep(1, "fast")) == ("slow", "fast")
    assert await all_of(asyncio.sleep(n, n) for n in (3, 1, 2)) == [3, 1, 2]


async def test_the_first_failure_stops_the_others_before_it_is_raised() -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("endless")

    async def fails() -> None:
        await asyncio.sleep(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await together(endless(), fails())
    assert ended == ["endless"]
