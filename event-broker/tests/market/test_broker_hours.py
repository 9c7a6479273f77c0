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
    assert closed_by_broker([instrument("SPY", 24, 25), instrument("QQQ", 25)], at(25, 15)) is None


def test_a_day_that_the_broker_leaves_out_is_closed_until_all_open_again() -> None:
    closure = closed_by_broker(
        [instrument("SPY", 25), instrument("QQQ", 24, 27), instrument("GLD", 26)], at(25, 15)
    )
    assert closure is not None
    assert closure.symbols == ("QQQ", "GLD")
    assert closure.opens == at(27, 14, 30)


@pytest.mark.parametrize("days", [(), (23, 24)])
def test_hours_that_are_unknown_or_over_are_no_evidence(days: tuple[int, ...]) -> None:
    assert closed_by_broker([instrument("SPY", *days)], at(25, 15)) is None
