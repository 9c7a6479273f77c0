"""What Ably's clock says. This machine's own clock may be wrong, and decides nothing here."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_milliseconds(value: object) -> datetime | None:
    """The time of a timestamp (ms since 1970), or None when it is none."""
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        return None


def to_milliseconds(value: datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    return (value - _EPOCH) // timedelta(milliseconds=1)


class ServerTime:
    """The server's time, carried on from its last answer by this machine's monotonic clock."""

    def __init__(self) -> None:
        self._answer: tuple[datetime, float] | None = None

    async def ask(self, rest: Any, seconds: float) -> datetime:
        """Ask the server, by a REST client of the SDK. Raises its errors, and TimeoutError."""
        asked_at = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                answer = from_milliseconds(int(await rest.time()))
        except TimeoutError:
            raise TimeoutError(f"the server did not tell its time within {seconds:g} s") from None
        if answer is None:
            raise ValueError("the server's time is not a time")
        # As if it had been read when we asked: rather too early than too late.
        self._answer = answer, asked_at
        return answer

    def now(self) -> datetime | None:
        """The time there, or None as long as it was never heard."""
        if self._answer is None:
            return None
        answer, asked_at = self._answer
        return answer + timedelta(seconds=time.monotonic() - asked_at)
