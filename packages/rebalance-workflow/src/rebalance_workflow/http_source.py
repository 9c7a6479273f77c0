"""Target allocations over HTTP: `GET {base}/{strategy}/allocations` with the key in `x-api-key`.

Transient faults (timeout, lost connection, 429, 5xx) are retried with growing pauses; a refusal
or an answer that breaks the format is final at once. The key is never part of an error, a
`repr` or a log line, and redirects are not followed, so it goes to no other host.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from functools import cache
from http import HTTPStatus

import httpx
import structlog

from .allocation_sources import (
    AllocationSourceError,
    SourceFault,
    TargetAllocation,
    check_strategy_name,
    parse_allocation,
)

_log = structlog.get_logger(__name__)

_FAULTS = {
    HTTPStatus.UNAUTHORIZED: SourceFault.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN: SourceFault.UNAUTHORIZED,
    HTTPStatus.NOT_FOUND: SourceFault.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT: SourceFault.TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS: SourceFault.UNAVAILABLE,
}
_HINTS = {
    SourceFault.UNAUTHORIZED: "check ALLOCATIONS_API_KEY",
    SourceFault.NOT_FOUND: "check the strategy name and ALLOCATIONS_BASE_URL",
}


@cache
def trusted_authorities() -> ssl.SSLContext:
    """The TLS settings for all sources; built once because reading the bundle takes about 25 ms.

    A fork server that calls it beforehand spares each child the cost.
    """
    return httpx.create_ssl_context()


class HttpAllocationSource:
    """Reads allocations from the allocation API."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout_seconds: float = 30,
        attempts: int = 4,
        first_pause_seconds: float = 0.5,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`timeout_seconds` bounds each attempt as a whole; pauses double from the first one.

        Raises ValueError for an address that is not http(s) and for a key that no header can hold.
        """
        self._base = httpx.URL(base_url.rstrip("/") + "/")
        if self._base.scheme not in {"http", "https"} or not self._base.host:
            raise ValueError(
                "the allocation API's base address must start with http:// or https://"
            )
        if not (api_key.isascii() and api_key.isprintable()):
            # httpx would quote the key in its own complaint.
            raise ValueError("the allocation API's key holds characters that no HTTP header can")
        self._api_key = api_key
        self._timeout = timeout_seconds
        self._pauses = [first_pause_seconds * 2**n for n in range(attempts - 1)]
        self._sleep = sleep
        self._transport = transport

    async def fetch(self, strategy_name: str) -> TargetAllocation:
        """The allocation as the API publishes it now; raises `AllocationSourceError`."""
        url = self._base.join(f"{check_strategy_name(strategy_name)}/allocations")
        shown = str(url.copy_with(userinfo=b""))
        async with self._client() as client:
            for pause in self._pauses:
                try:
                    return await self._attempt(client, url, strategy_name, shown)
                except AllocationSourceError as error:
                    if not error.retryable:
                        raise
                    _log.warning("allocation_fetch_retried", fault=error.fault, pause=pause)
                await self._sleep(pause)
            return await self._attempt(client, url, strategy_name, shown)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers={"x-api-key": self._api_key, "accept": "application/json"},
            timeout=self._timeout,
            transport=self._transport,
            # Without TLS there is nothing to verify, and the bundle need not be read.
            verify=trusted_authorities() if self._base.scheme == "https" else False,
        )

    async def _attempt(
        self, client: httpx.AsyncClient, url: httpx.URL, strategy: str, shown: str
    ) -> TargetAllocation:
        try:
            # httpx times each read apart; a trickling answer must end as well.
            async with asyncio.timeout(self._timeout):
                response = await client.get(url)
        except (TimeoutError, httpx.TimeoutException):
            raise AllocationSourceError(
                SourceFault.TIMEOUT, f"no answer from {shown} within {self._timeout:g} s"
            ) from None
        except httpx.HTTPError as error:
            raise AllocationSourceError(
                SourceFault.UNAVAILABLE, f"{shown} cannot be reached ({type(error).__name__})"
            ) from None
        if response.status_code != HTTPStatus.OK:
            raise _refusal(response.status_code, shown)
        return parse_allocation(response.content, strategy=strategy, source=shown)


def _refusal(status: int, shown: str) -> AllocationSourceError:
    server_fault = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    other = SourceFault.UNAVAILABLE if server_fault else SourceFault.REFUSED
    fault = _FAULTS.get(HTTPStatus(status), other) if status in set(HTTPStatus) else other
    hint = f"; {_HINTS[fault]}" if fault in _HINTS else ""
    return AllocationSourceError(fault, f"{shown} answered {status}{hint}")
