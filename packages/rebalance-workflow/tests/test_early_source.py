"""An allocation asked for early: one question, its answer or its error, and no task left over."""

from __future__ import annotations

import asyncio

import pytest

from broker_connector_base.models import AllocationItem
from rebalance_workflow import AllocationSourceError, SourceFault, TargetAllocation, asked_early


class SlowSource:
    """Answers when told to, and counts its questions."""

    def __init__(self, error: AllocationSourceError | None = None) -> None:
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.given_up = False
        self._error = error

    async def fetch(self, strategy_name: str) -> TargetAllocation:
        self.asked.append(strategy_name)
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.given_up = True
            raise
        if self._error is not None:
            raise self._error
        item = AllocationItem(symbol="SPY", allocation=1)
        return TargetAllocation(strategy=strategy_name, items=(item,), source="test")


async def test_the_question_is_asked_before_anybody_needs_its_answer() -> None:
    source = SlowSource()
    async with asked_early(source, "core") as early:
        await asyncio.sleep(0)
        assert source.asked == ["core"]
        source.may_answer.set()
        assert (await early.fetch("core")).strategy == "core"
        assert (await early.fetch("core")).strategy == "core"
    assert source.asked == ["core"]


async def test_its_error_is_raised_where_the_answer_is_needed() -> None:
    source = SlowSource(AllocationSourceError(SourceFault.TIMEOUT, "no answer"))
    source.may_answer.set()
    async with asked_early(source, "core") as early:
        await asyncio.sleep(0)
        with pytest.raises(AllocationSourceError, match="no answer"):
            await early.fetch("core")


async def test_another_strategy_is_asked_for_in_the_usual_way() -> None:
    source = SlowSource()
    source.may_answer.set()
    async with asked_early(source, "core") as early:
        assert (await early.fetch("other")).strategy == "other"
    assert "other" in source.asked


async def test_a_question_that_nobody_needs_any_more_is_given_up() -> None:
    source = SlowSource()
    async with asked_early(source, "core"):
        await asyncio.sleep(0)
    assert source.given_up
