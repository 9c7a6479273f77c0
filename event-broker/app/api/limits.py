"""How much may be asked: size and time of a body, changes and wrong keys of a sender, places.

Loopback senders share one address and so one allowance, which is generous for people and scripts
and small for a program gone wild.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from fastapi import HTTPException, Request, status
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Far more than any request needs.
MAX_BODY_BYTES = 64 * 1024
#: Far longer than so little takes to arrive.
MAX_BODY_SECONDS = 10.0
#: Senders that are remembered; the longest silent one is forgotten first.
_MAX_SENDERS = 1024


class _Bucket(NamedTuple):
    tokens: float
    at: float


class RateLimit:
    """`burst` requests at once, and `per_second` in the long run, from each address."""

    def __init__(self, burst: int, per_second: float, *, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def charge(self, request: Request) -> None:
        """Count a request of this sender; raises 429 when its allowance is used up."""
        sender = request.client.host if request.client else ""
        now = self._clock()
        tokens, at = self._buckets.pop(sender, _Bucket(self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._per_second)
        allowed = tokens >= 1
        self._buckets[sender] = _Bucket(tokens - allowed, now)
        while len(self._buckets) > _MAX_SENDERS:
            self._buckets.popitem(last=False)
        if not allowed:
            wait = math.ceil((1 - tokens) / self._per_second)
            raise HTTPException(
                status.HTTP_429_TOO_MANY_REQUESTS,
                f"too many requests; nothing was done, try again in {wait} s",
                headers={"Retry-After": str(wait)},
            )


class Places:
    """So many at once. Others wait in line for a while, and are then told to come again."""

    def __init__(self, number: int, *, patience_seconds: float, refusal: str) -> None:
        self._free = asyncio.Semaphore(number)
        self._patience = patience_seconds
        self._refusal = refusal

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """One of the places for the block; raises 503 when none becomes free in time."""
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise HTTPException(
                status.HTTP_503_SERVICE_UNAVAILABLE, self._refusal, headers={"Retry-After": "1"}
            ) from None
        try:
            yield
        finally:
            self._free.release()

    @asynccontextmanager
    async def awaited(self) -> AsyncIterator[None]:
        """The same, however long it takes."""
        async with self._free:
            yield


class _Gone(Exception):
    """The sender has left in the middle of its body."""


class BodyLimit:
    """Refuses a body that is too long, announced or not, or too slow, before anything acts on it.

    A body that breaks off is no request: what has arrived of it may mean something else.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int = MAX_BODY_BYTES,
        max_seconds: float = MAX_BODY_SECONDS,
    ) -> None:
        self._app = app
        self._max = max_bytes
        self._seconds = max_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        refusal = _refusal(413, f"a body may have {self._max:,} bytes at most")
        if not announced.isdigit() or int(announced) > self._max:
            await refusal(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._read(receive)
        except _Gone:
            return
        except TimeoutError:
            slow = _refusal(408, f"a body has to arrive within {self._seconds:g} s")
            await slow(scope, receive, send)
            return
        if len(body) > self._max:
            await refusal(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes:
        """All of it, or more than is allowed; raises `_Gone`."""
        body = b""
        more = True
        while more and len(body) <= self._max:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return body


def _refusal(status_code: int, reason: str) -> JSONResponse:
    detail = {"detail": f"{reason}. Nothing was done"}
    return JSONResponse(detail, status_code, {"Connection": "close"})


def _replay(body: bytes, receive: Receive) -> Receive:
    """Deliver the body that was read already, then what really comes: the end of the sender."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return first.pop() if first else await receive()

    return replayed
