"""When accounts on the market-open list are due: after the open, never into the opening cross."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.market import Sessions
from app.schedule import GUARD, due_time
from app.settings import Config
from app.store.records import MarketOpenEntry


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def due(
    sessions: Sessions, added: datetime, now: datetime, *, by: str = "anna", **sections: Any
) -> datetime:
    entry = MarketOpenEntry(account_id="DU1", added_at=added, added_by=by, reason=None)
    settings = Config.model_validate(sections)
    return due_time(entry, now=now, sessions=sessions, config=settings).at


@pytest.mark.parametrize(
    ("added", "now", "expected"),
    [
        # Added before the open, it is for this session; five minutes after the open.
        (at(24, 12), at(24, 13), at(24, 14, 35)),
        (at(24, 12), at(24, 16), at(24, 14, 35)),
        # Added during a session, it is for the next one, over a holiday.
        (at(25, 15), at(25, 16), at(27, 14, 35)),
        (at(25, 22), at(26, 16), at(27, 14, 35)),
        # It stays on the list: the next session comes.
        (at(24, 12), at(24, 22), at(25, 14, 35)),
        # It was added longer ago than the calendar knows.
        (datetime(2026, 1, 1, tzinfo=UTC), at(24, 22), at(25, 14, 35)),
    ],
)
def test_an_entry_is_for_the_next_open(
    november: Sessions, added: datetime, now: datetime, expected: datetime
) -> None:
    assert due(november, added, now) == expected


def test_the_time_and_the_delay_can_be_set(november: Sessions) -> None:
    later: dict[str, Any] = {
        "scheduler": {"market_open_time": "10:00"},
        "gates": {"delay_after_open_seconds": 60},
    }
    assert due(november, at(24, 12), at(24, 13), **later) == at(24, 15, 1)


def test_what_the_guard_refused_has_a_time_of_its_own(november: Sessions) -> None:
    later: dict[str, Any] = {"pdt_protection": {"next_execution_time": "11:00"}}
    assert due(november, at(24, 15), at(24, 16), by=GUARD, **later) == at(25, 16, 5)
    assert due(november, at(24, 15), at(24, 16), **later) == at(25, 14, 35)


@pytest.mark.parametrize(
    ("clock_time", "expected", "skips"),
    [
        # Five minutes of delay, and the last five before the close at 13:00.
        ("12:49", at(27, 17, 54), None),
        ("12:50", at(30, 17, 55), 27),
        ("14:00", at(30, 19, 5), 27),
    ],
)
def test_a_session_that_closes_too_early_is_left_out(
    november: Sessions, clock_time: str, expected: datetime, skips: int | None
) -> None:
    entry = MarketOpenEntry(account_id="DU1", added_at=at(25, 22), added_by="anna", reason=None)
    config = Config.model_validate({"scheduler": {"market_open_time": clock_time}})
    due = due_time(entry, now=at(27, 15), sessions=november, config=config)
    assert due.at == expected
    assert (due.skips and due.skips.date.day) == skips
