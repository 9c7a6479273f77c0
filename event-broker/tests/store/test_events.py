"""The values of the queue."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.events import FINAL_STATES, Backoff, Command, EventSource, NewEvent


def test_delays_double_up_to_their_cap() -> None:
    backoff = Backoff(first=timedelta(seconds=5), factor=2, cap=timedelta(seconds=60))
    seconds = [backoff.delay(count).total_seconds() for count in range(1, 7)]
    assert seconds == [5, 10, 20, 40, 60, 60]
    assert backoff.delay(1_000_000_000).total_seconds() == 60


def test_delays_may_stay_the_same() -> None:
    backoff = Backoff(first=timedelta(seconds=3), factor=1, cap=timedelta(seconds=60))
    assert backoff.delay(1_000_000_000) == timedelta(seconds=3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": timedelta(0)},
        {"factor": 0.5},
        {"first": timedelta(hours=1), "cap": timedelta(minutes=1)},
    ],
)
def test_a_backoff_that_does_not_grow_is_refused(wrong: dict[str, timedelta]) -> None:
    with pytest.raises(ValueError, match="a backoff grows"):
        Backoff(**wrong)  # type: ignore[arg-type]


def test_failures_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="counts from 1"):
        Backoff().delay(0)


def test_an_event_names_its_account_and_its_time_zone() -> None:
    with pytest.raises(ValueError, match="names its account"):
        NewEvent(account_id="", command=Command.REBALANCE, source=EventSource.API)
    with pytest.raises(ValueError, match="needs a time zone"):
        NewEvent(
            account_id="DU1",
            command=Command.REBALANCE,
            source=EventSource.API,
            not_before=datetime(2026, 3, 2, 12),  # noqa: DTZ001
        )


def test_four_states_are_final() -> None:
    assert sorted(FINAL_STATES) == ["cancelled", "done", "merged", "needs_attention"]


def test_a_payload_has_as_many_levels_as_every_reader_takes() -> None:
    def new(levels: int) -> NewEvent:
        deep: object = {"n": 1}
        for number in range(levels - 2):
            deep = {"a": deep} if number % 2 else [deep]
        return NewEvent(
            account_id="DU1",
            command=Command.REBALANCE,
            source=EventSource.API,
            payload={"note": "shallow", "data": deep},
        )

    assert new(64).payload["note"] == "shallow"
    with pytest.raises(ValueError, match="at most 64 levels"):
        new(65)
