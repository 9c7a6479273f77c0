"""A week at the New York Stock Exchange, written down by hand: Thanksgiving 2026.

Wednesday, the holiday, the Friday that closes at 13:00, the weekend, Monday. UTC is five hours
ahead of New York.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from app.market import Sessions, TradingSession


@pytest.fixture
def thanksgiving() -> Sessions:
    def session(day: int, closes: int, *, half_day: bool = False) -> TradingSession:
        return TradingSession(
            date=date(2026, 11, day),
            opens=datetime(2026, 11, day, 14, 30, tzinfo=UTC),
            closes=datetime(2026, 11, day, closes, tzinfo=UTC),
            half_day=half_day,
        )

    return Sessions(
        exchange="XNYS",
        begins=date(2026, 11, 25),
        ends=date(2026, 12, 1),
        sessions=(session(25, 21), session(27, 18, half_day=True), session(30, 21)),
    )
