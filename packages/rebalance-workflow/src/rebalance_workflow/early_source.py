"""An allocation that is asked for before it is needed, so that asking costs a run no time.

Comes in: a source and a strategy, at the start of a block. Goes out: a source that gives that one
answer, or raises that one error, when it is asked. The question ends with the block.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .allocation_sources import AllocationSource, TargetAllocation


@asynccontextmanager
async def asked_early(source: AllocationSource, strategy_name: str) -> AsyncIterator[EarlySource]:
    """Ask now, in the background, for as long as the block lasts."""
    question = asyncio.ensure_future(source.fetch(strategy_name))
    try:
        yield EarlySource(source, strategy_name, question)
    finally:
        question.cancel()
        # Whoever needed the answer has had it, errors included.
        await asyncio.gather(question, return_exceptions=True)


class EarlySource:
    """The answer to an early question; other strategies are asked for in the usual way."""

    def __init__(
        self,
        source: AllocationSource,
        strategy_name: str,
        question: asyncio.Future[TargetAllocation],
    ) -> None:
        self._source = source
        self._strategy = strategy_name
        self._question = question

    async def fetch(self, strategy_name: str) -> TargetAllocation:
        """The allocation; raises `AllocationSourceError`."""
        if strategy_name != self._strategy:
            return await self._source.fetch(strategy_name)
        return await asyncio.shield(self._question)
