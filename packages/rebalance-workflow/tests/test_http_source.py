"""Allocations over HTTP, against a real server on the loopback and against scripted answers."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from rebalance_workflow import AllocationSourceError, HttpAllocationSource, SourceFault

KEY = "key-4711"
BODY = {
    "status": "success",
    "data": {
        "allocations": [
            {"symbol": "EDC", "allocation": 0.2141},
            {"ticker": "QLD", "allocation": 0.7859},
        ],
        "name": "etf-blend-301-20",
        "strategy_long_name": "ETF Blend 301-20",
        "last_rebalance_on": "2025-06-24",
        "as_of": "2025-06-25",
        "something_new": [1, 2],
    },
}

Answer = httpx.Response | Exception


class Script(httpx.AsyncBaseTransport):
    """Gives one answer after the other, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def scripted(*answers: Answer) -> tuple[HttpAllocationSource, Script, list[float]]:
    script, pauses = Script(*answers), list[float]()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    source = HttpAllocationSource(
        "https://api.example/v1", KEY, transport=script, sleep=sleep, timeout_seconds=0.2
    )
    return source, script, pauses


def ok(body: Any = BODY) -> httpx.Response:
    return httpx.Response(200, json=body)


async def test_the_answer_is_read_from_a_real_server_with_the_key_in_its_header() -> None:
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        body = json.dumps(BODY).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        source = HttpAllocationSource(f"http://127.0.0.1:{port}/api/", KEY)
        target = await source.fetch("etf-blend-301-20")
    request = received[0].decode().lower()
    assert request.startswith("get /api/etf-blend-301-20/allocations http/1.1\r\n")
    assert f"x-api-key: {KEY}\r\n" in request
    assert [(item.symbol, item.allocation) for item in target.items] == [
        ("EDC", Decimal("0.2141")),
        ("QLD", Decimal("0.7859")),
    ]
    assert (target.as_of, target.last_rebalance_on) == ("2025-06-25", "2025-06-24")
    assert (target.name, target.long_name) == ("etf-blend-301-20", "ETF Blend 301-20")


@pytest.mark.parametrize(
    "fault",
    [
        httpx.Response(500),
        httpx.Response(503),
        httpx.Response(429),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("closed"),
    ],
)
async def test_a_transient_fault_is_tried_again_after_growing_pauses(fault: Answer) -> None:
    source, script, pauses = scripted(fault, fault, ok())
    target = await source.fetch("blend")
    assert len(target.items) == 2
    assert (len(script.requests), pauses) == (3, [0.5, 1.0])


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (httpx.Response(500), SourceFault.UNAVAILABLE),
        (httpx.ConnectError("refused"), SourceFault.UNAVAILABLE),
        (httpx.ReadTimeout("slow"), SourceFault.TIMEOUT),
        (httpx.Response(408), SourceFault.TIMEOUT),
    ],
)
async def test_a_fault_that_stays_is_reported_after_the_last_attempt(
    answer: Answer, fault: SourceFault
) -> None:
    source, script, pauses = scripted(answer)
    with pytest.raises(AllocationSourceError) as failed:
        await source.fetch("blend")
    assert (failed.value.fault, failed.value.retryable) == (fault, True)
    assert (len(script.requests), pauses) == (4, [0.5, 1.0, 2.0])


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (httpx.Response(401), SourceFault.UNAUTHORIZED),
        (httpx.Response(403), SourceFault.UNAUTHORIZED),
        (httpx.Response(404), SourceFault.NOT_FOUND),
        (httpx.Response(400), SourceFault.REFUSED),
        (httpx.Response(302, headers={"location": "https://evil.example"}), SourceFault.REFUSED),
        (httpx.Response(299), SourceFault.REFUSED),
        (httpx.Response(200, text="<html>"), SourceFault.MALFORMED),
        (ok([]), SourceFault.MALFORMED),
        (ok({"status": "error", "data": {"allocations": []}}), SourceFault.MALFORMED),
        (ok({"status": "success"}), SourceFault.MALFORMED),
    ],
)
async def test_a_refusal_or_a_broken_answer_is_final_at_once(
    answer: httpx.Response, fault: SourceFault
) -> None:
    source, script, pauses = scripted(answer)
    with pytest.raises(AllocationSourceError) as failed:
        await source.fetch("blend")
    assert (failed.value.fault, failed.value.retryable) == (fault, False)
    assert (len(script.requests), pauses) == (1, [])


async def test_a_malformed_line_is_named() -> None:
    lines = [{"symbol": "A", "allocation": 0.5}, {"symbol": "B", "allocation": "much"}]
    source, _, _ = scripted(ok({"status": "success", "data": {"allocations": lines}}))
    with pytest.raises(AllocationSourceError, match=r"data\.allocations\.1\.allocation"):
        await source.fetch("blend")


async def test_a_weight_that_is_not_a_number_is_malformed() -> None:
    text = '{"status":"success","data":{"allocations":[{"symbol":"A","allocation":NaN}]}}'
    source, _, _ = scripted(httpx.Response(200, text=text))
    with pytest.raises(AllocationSourceError) as failed:
        await source.fetch("blend")
    assert failed.value.fault is SourceFault.MALFORMED


async def test_an_answer_that_trickles_ends_with_the_attempts_time() -> None:
    class Trickle(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

    source = HttpAllocationSource(
        "https://api.example", KEY, transport=Trickle(), attempts=1, timeout_seconds=0.01
    )
    with pytest.raises(AllocationSourceError, match=r"no answer .* within 0\.01 s"):
        await source.fetch("blend")


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/b", "a\\b", "a?b", "a#b", "%2e%2e", " a", "a\n", "ä", "a" * 101]
)
async def test_a_strategy_name_cannot_leave_its_path(name: str) -> None:
    source, script, _ = scripted(ok())
    with pytest.raises(AllocationSourceError) as refused:
        await source.fetch(name)
    assert refused.value.fault is SourceFault.BAD_NAME
    assert script.requests == []


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(401), httpx.Response(500, text=KEY), httpx.ConnectError(KEY), ok({"x": KEY})],
)
async def test_the_key_is_in_no_error(answer: Answer) -> None:
    source, _, _ = scripted(answer)
    with pytest.raises(AllocationSourceError) as failed:
        await source.fetch("blend")
    assert KEY not in str(failed.value)
    assert KEY not in repr(failed.value)
    assert KEY not in repr(source)


async def test_a_password_in_the_address_is_not_shown() -> None:
    source = HttpAllocationSource(
        "https://me:secret@api.example", KEY, transport=Script(httpx.Response(404))
    )
    with pytest.raises(AllocationSourceError, match=r"https://api\.example/blend/") as e:
        await source.fetch("blend")
    assert "secret" not in str(e.value)


@pytest.mark.parametrize(
    "base", ["", "api.example", "ftp://api.example", "file:///etc/passwd", "https://"]
)
def test_an_address_that_is_not_http_is_refused(base: str) -> None:
    with pytest.raises(ValueError, match="http"):
        HttpAllocationSource(base, KEY)


@pytest.mark.parametrize("key", ["new\nline", "sm\N{LATIN SMALL LETTER O WITH DIAERESIS}rg"])
def test_a_key_that_no_header_can_hold_is_refused_without_quoting_it(key: str) -> None:
    with pytest.raises(ValueError) as refused:
        HttpAllocationSource("https://api.example", key)
    assert key not in str(refused.value)
