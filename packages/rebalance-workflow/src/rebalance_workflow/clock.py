"""The time of day for records and reports.

Deadlines and pauses use the event loop's own time (`asyncio.timeout`, `asyncio.sleep`), so a test
that drives the loop drives them too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)
