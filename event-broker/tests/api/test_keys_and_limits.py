"""Keys, roles, and how much a caller may ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from app.api import Backend, create_api
from app.api.limits import BodyLimit

from .conftest import KEY, READ_KEY, Service

EVENT = {"account_id": "DU100", "exec_command": "rebalance"}
GONE = {"type": "http.disconnect"}
#: Looked up with a key, these are there or not; without one nobody learns which.
_PLACES = {
    "event_id": "00000000-0000-0000-0000-000000000000",
    "account_id": "DU100",
    "run_id": "r-1",
    "gap_id": "1",
}
#: Every endpoint but the probes, by method and path.
_ENDPOINTS = [
    (method.upper(), path.format(**_PLACES))
    for path, methods in create_api(cast(Backend, None)).openapi()["paths"].items()
    for method in methods
    if path not in ("/live", "/ready", "/health")
]
READS = [path for method, path in _ENDPOINTS if method == "GET"]
CHANGES = [endpoint for endpoint in _ENDPOINTS if endpoint[0] != "GET"]


def test_there_is_something_to_read_and_to_change() -> None:
    assert {"/queue/status", "/metrics", "/workers", "/accounts/DU100/preview"} <= set(READS)
    assert {("POST", "/queue/events"), ("POST", "/arm"), ("DELETE", "/schedule")} <= set(CHANGES)
    assert (len(READS), len(CHANGES)) == (19, 12)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


class TestWithoutAnyKeySet:
    @pytest.fixture
    def variables(self) -> dict[str, str]:
        return {}

    @pytest.mark.parametrize(("method", "path"), CHANGES)
    async def test_nothing_can_be_changed_and_the_answer_says_why(
        self, anybody: httpx.AsyncClient, method: str, path: str
    ) -> None:
        answer = await anybody.request(method, path, json=EVENT, headers=bearer("any"))
        assert answer.status_code == 503
        assert "MANAGEMENT_API_KEY is not set" in answer.json()["detail"]

    @pytest.mark.parametrize("path", READS)
    async def test_looking_is_free(self, anybody: httpx.AsyncClient, path: str) -> None:
        assert (await anybody.get(path)).status_code in (200, 404)


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("headers", [{}, bearer("wrong"), bearer(KEY[:-1]), {"Authorization": KEY}])
async def test_a_change_needs_the_right_key(
    service: Service,
    anybody: httpx.AsyncClient,
    method: str,
    path: str,
    headers: dict[str, str],
) -> None:
    answer = await anybody.request(method, path, json=EVENT, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert service.store.events.list() == ()


class TestWithAKeyForReading:
    @pytest.fixture
    def variables(self) -> dict[str, str]:
        return {"MANAGEMENT_API_KEY": KEY, "MANAGEMENT_READ_API_KEY": READ_KEY}

    @pytest.mark.parametrize("path", READS)
    async def test_looking_needs_either_key(self, anybody: httpx.AsyncClient, path: str) -> None:
        codes = [
            (await anybody.get(path, headers=headers)).status_code
            for headers in ({}, bearer("wrong"), bearer(READ_KEY), bearer(KEY))
        ]
        assert codes[:2] == [401, 401]
        assert set(codes[2:]) in ({200}, {404})

    async def test_an_answer_without_a_key_names_those_that_would_do(
        self, anybody: httpx.AsyncClient
    ) -> None:
        looking = await anybody.get("/queue/events")
        changing = await anybody.post("/queue/events", json=EVENT)
        assert (looking.status_code, changing.status_code) == (401, 401)
        assert "MANAGEMENT_READ_API_KEY (or MANAGEMENT_API_KEY)" in looking.json()["detail"]
        assert "MANAGEMENT_READ_API_KEY" not in changing.json()["detail"]

    async def test_a_reader_changes_nothing(
        self, service: Service, anybody: httpx.AsyncClient
    ) -> None:
        answer = await anybody.post("/queue/events", json=EVENT, headers=bearer(READ_KEY))
        assert answer.status_code == 403
        assert service.store.events.list() == ()

    @pytest.mark.parametrize("path", ["/live", "/ready", "/health", "/docs", "/openapi.json"])
    async def test_probes_and_the_description_need_no_key(
        self, anybody: httpx.AsyncClient, path: str
    ) -> None:
        assert (await anybody.get(path)).status_code == 200


async def test_guessing_keys_ends_soon_and_does_not_lock_the_operator_out(
    anybody: httpx.AsyncClient,
) -> None:
    codes = [
        # Whatever a sender says of where it is.
        (
            await anybody.post(
                "/pause", json={}, headers=bearer(f"guess {n}") | {"X-Forwarded-For": f"10.0.0.{n}"}
            )
        ).status_code
        for n in range(100)
    ]
    # One more guess every ten seconds.
    assert codes[:10] == [401] * 10
    assert codes.count(429) > 80
    assert (await anybody.post("/pause", json={}, headers=bearer(KEY))).status_code == 200


async def test_a_caller_gone_wild_is_told_to_wait(operator: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(operator.post("/resume", json={}) for _ in range(100)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert int(refused[0].headers["Retry-After"]) >= 1


async def test_a_huge_body_is_refused_when_it_is_announced(operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/queue/events", content=b" " * 100_000)
    assert answer.status_code == 413


async def test_a_huge_body_is_refused_when_it_is_not_announced(
    operator: httpx.AsyncClient,
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 10_000

    try:
        code = (await operator.post("/queue/events", content=endless())).status_code
    except httpx.TransportError:
        code = 413  # the connection was closed before all was sent
    assert code == 413


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize(
    ("messages", "answered"),
    [
        # The sender leaves: what has arrived would be a request of its own.
        ([{"type": "http.request", "body": b"{}", "more_body": True}, GONE], []),
        ([GONE], []),
        # Nothing more comes.
        ([{"type": "http.request", "body": b"{}", "more_body": True}], [408]),
    ],
)
async def test_a_body_that_does_not_come_whole_is_no_request(
    messages: list[Message], answered: list[int]
) -> None:
    statuses: list[int] = []

    async def receive() -> Message:
        return messages.pop(0) if messages else await never()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def act(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("it was taken for a request")

    await BodyLimit(act, max_seconds=0.01)({"type": "http", "headers": []}, receive, send)
    assert statuses == answered
