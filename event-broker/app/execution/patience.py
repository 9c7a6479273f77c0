"""Transactions that must happen, however long the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import structlog

from app.store import Store, StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")

_log = structlog.get_logger(__name__)

_FIRST_PAUSE = 0.2
#: A database that is back is used within seconds.
_LONGEST_PAUSE = 2.0


async def insist(store: Store, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of a transaction, which is tried until the database can be used.

    Raises what the transaction raises otherwise, such as `LeaseLost`.
    """
    pause = _FIRST_PAUSE
    while True:
        try:
            return await store.call(work, *args, **kwargs)
        except StoreUnavailable as error:
            _log.warning("store.unavailable", error=str(error), pause=pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
