"""History over REST when the other side behaves oddly: always an error of ours, never a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from app.ably_service.history import History, HistoryError, HistoryForbidden
from app.ably_service.server_time import ServerTime

START = datetime(2026, 11, 20, 15, tzinfo=UTC)


@dataclass
class Page:
    """An answer as the SDK gives it; `following` makes the next one."""

    items: list[Any] = field(default_factory=list)
    status_code: int = 200
    error_code: str | None = None
    error_message: str | None = None
    following: Callable[[], Any] | None = None

    @property
    def success(self) -> bool:
        return self.status_code == 200

    def has_next(self) -> bool:
        return self.following is not None

    async def next(self) -> Any:
        assert self.following is not None
        return self.following()


class Rest:
    """The SDK's REST client, with one answer to everything."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.requests: list[tuple[str, dict[str, str]]] = []

    async def request(self, _: str, path: str, __: str, params: dict[str, str]) -> Any:
        self.requests.append((path, params))
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    async def time(self) -> Any:
        return self._answer


async def read(rest: Rest, seconds: float = 5.0) -> list[list[dict[str, Any]]]:
    return [rows async for rows in History(rest, seconds).rows("strat a/1", START)]


async def test_the_first_request_names_channel_start_and_order() -> None:
    rest = Rest(Page(items=[{"id": "a"}, "not a message"]))
    assert await read(rest) == [[{"id": "a"}]]
    (request,) = rest.requests
    assert request == (
        "/channels/strat%20a%2F1/messages",
        {"start": "1795186800000", "direction": "forwards", "limit": "1000"},
    )


async def test_a_page_that_repeats_itself_is_an_error() -> None:
    page = Page(items=[{"id": "a"}])
    page.following = lambda: page
    with pytest.raises(HistoryError, match="repeats a page"):
        await read(Rest(page))


async def test_pages_without_end_are_an_error() -> None:
    page = Page()
    page.following = lambda: page
    with pytest.raises(HistoryError, match="more than 1000 pages"):
        await read(Rest(page))


async def test_a_missing_capability_is_told_apart_from_other_errors() -> None:
    with pytest.raises(HistoryForbidden):
        await read(Rest(Page(status_code=401, error_code="40160")))
    with pytest.raises(HistoryError, match="HTTP 429, error 42910"):
        await read(Rest(Page(status_code=429, error_code="42910")))
    with pytest.raises(HistoryError, match="HTTP 502, error None"):
        await read(Rest(Page(status_code=502)))


async def test_an_error_on_a_later_page_is_an_error_of_the_whole() -> None:
    page = Page(items=[{"id": "a"}], following=lambda: Page(status_code=500))
    with pytest.raises(HistoryError, match="HTTP 500"):
        await read(Rest(page))


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("refused"), ValueError("Unsupported content type"), OSError("no route")],
)
async def test_what_the_transport_raises_becomes_one_error(error: Exception) -> None:
    with pytest.raises(HistoryError, match=str(error)):
        await read(Rest(error))


async def test_a_page_that_does_not_come_is_given_up() -> None:
    never = asyncio.get_running_loop().create_future()

    class Silent(Rest):
        async def request(self, *_: Any, **__: Any) -> Any:
            await never

    with pytest.raises(HistoryError, match=r"no answer within 0\.01 s"):
        await read(Silent(None), 0.01)


async def test_a_time_that_is_none_is_not_believed() -> None:
    time = ServerTime()
    with pytest.raises(ValueError, match="is not a time"):
        await time.ask(Rest(0), 5.0)
    assert time.now() is None
