"""The broker's word against the calendar's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.market import closed_by_broker
from broker_connector_base.models import Instrument, Session


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def instrument(symbol: str, *days: int) -> Instrument:
    return Instrument(
        symbol=symbol,
        instrument_id=symbol,
        min_tick="0.01",
        liquid_hours=tuple(Session(opens=at(day, 14, 30), closes=at(day, 21)) for day in days),
    )


def test_what_trades_now_is_not_closed() -> None:
    traded = [instrument("SPY", 24, 25), instrument("QQQ", 25)]
    assert closed_by_broker(traded, at(25, 15), 300) is None


def test_a_day_that_the_broker_leaves_out_is_closed_until_all_open_again() -> None:
    closure = closed_by_broker(
        [instrument("SPY", 25), instrument("QQQ", 24, 27), instrument("GLD", 26)], at(25, 15), 300
    )
    assert closure is not None
    assert closure.symbols == ("QQQ", "GLD")
    assert closure.opens == at(27, 14, 30)


@pytest.mark.parametrize("days", [(), (23, 24)])
def test_hours_that_are_unknown_or_over_are_no_evidence(days: tuple[int, ...]) -> None:
    assert closed_by_broker([instrument("SPY", *days)], at(25, 15), 300) is None


@pytest.mark.parametrize(
    ("minute", "is_closed"), [(29, True), (30, True), (34, True), (35, False), (36, False)]
)
def test_what_has_just_opened_counts_as_closed_for_the_delay(minute: int, is_closed: bool) -> None:
    closure = closed_by_broker([instrument("SPY", 25, 27)], at(25, 14, minute), 300)
    assert (closure is not None) is is_closed
    assert closure is None or closure.opens == at(25, 14, 30)
