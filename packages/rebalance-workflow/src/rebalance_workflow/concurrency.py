"""Several questions at once, and none left running when one of them fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")


async def all_of(questions: Iterable[Coroutine[Any, Any, A]]) -> list[A]:
    """The results in order; the first exception is raised once all others have been stopped."""
    tasks = [asyncio.ensure_future(question) for question in questions]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def together(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """Both results, as `all_of`."""
    one: Coroutine[Any, Any, Any] = first
    other: Coroutine[Any, Any, Any] = second
    a, b = await all_of((one, other))
    return a, b
