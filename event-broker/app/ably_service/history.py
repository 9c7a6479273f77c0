"""Reads a channel's history as raw rows, oldest first.

Not through the SDK's own `history()`: one message that it cannot decode would make that fail for
ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from ably.util.exceptions import AblyException

from .server_time import to_milliseconds

#: The most that Ably gives a page (ably.com/docs/storage-history/history).
_PAGE = 1_000
#: A million messages in ten minutes are no strategy's.
_PAGES = 1_000
_PROTOCOL = "5"


class HistoryError(Exception):
    """Nothing or not all was read; try again later."""


class HistoryForbidden(Exception):
    """The key may not read this channel's history."""


class History:
    """Pages of history, by a REST client of the SDK."""

    def __init__(self, rest: Any, request_seconds: float) -> None:
        self._rest = rest
        self._seconds = request_seconds

    async def rows(self, channel: str, start: datetime) -> AsyncIterator[list[dict[str, Any]]]:
        """Every page since `start` (server time, inclusive).

        Raises `HistoryForbidden` when the key lacks the capability, `HistoryError` for all else.
        """
        path = f"/channels/{quote(channel, safe='')}/messages"
        params = {
            "start": str(to_milliseconds(start)),
            "direction": "forwards",
            "limit": str(_PAGE),
        }
        page = await self._first(path, params)
        last_ids: list[object] = []
        for _ in range(_PAGES):
            rows = [row for row in page.items if isinstance(row, dict)]
            ids = [row.get("id") for row in rows]
            if rows and ids == last_ids:
                raise HistoryError(f"history of {channel} repeats a page")
            last_ids = ids
            yield rows
            if not page.has_next():
                return
            page = _checked(await self._ask(page.next()))
        raise HistoryError(f"history of {channel} has more than {_PAGES} pages")

    async def _first(self, path: str, params: dict[str, str]) -> Any:
        page = await self._ask(self._rest.request("GET", path, _PROTOCOL, params=params))
        if page.status_code == 401 and _is_token_error(page.error_code):
            # The SDK renews a token by itself for every request but this one.
            await self._ask(self._rest.auth.authorize())
            page = await self._ask(self._rest.request("GET", path, _PROTOCOL, params=params))
        return _checked(page)

    async def _ask(self, request: Any) -> Any:
        """Raises `HistoryError` for everything that the SDK, HTTP and time can do."""
        try:
            async with asyncio.timeout(self._seconds):
                return await request
        except TimeoutError:
            raise HistoryError(f"no answer within {self._seconds:g} s") from None
        # ValueError: a body that is neither JSON nor msgpack.
        except (httpx.HTTPError, AblyException, ValueError, OSError) as error:
            raise HistoryError(f"{type(error).__name__}: {error}") from error


def _checked(page: Any) -> Any:
    if page.success:
        return page
    if page.error_code == "40160":
        raise HistoryForbidden
    raise HistoryError(f"HTTP {page.status_code}, error {page.error_code}: {page.error_message}")


def _is_token_error(code: str | None) -> bool:
    """40140 to 40149 (github.com/ably/ably-common, errors.json)."""
    return bool(code) and str(code).startswith("4014")
