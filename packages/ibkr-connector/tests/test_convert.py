"""Where floats end."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ib_async import Contract

from ibkr_connector import convert

NO_VALUE = [
    None,
    "",
    "nan",
    "Infinity",
    "not a number",
    math.nan,
    math.inf,
    1.7976931348623157e308,
    "1.7976931348623157E308",
    "1.79769313486231E308",
]


@pytest.mark.parametrize("value", NO_VALUE)
def test_every_way_to_say_nothing_is_none(value: float | str | None) -> None:
    assert convert.number(value) is None
    assert convert.price(value) is None
    with pytest.raises(ValueError, match="no number of shares"):
        convert.quantity(value)


@pytest.mark.parametrize("value", [0.0, -1.0, -1, "0", "-3.5"])
def test_a_price_is_positive_or_absent(value: float | str) -> None:
    assert convert.price(value) is None


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        (0.1, "0.1"),
        (100.01, "100.01"),
        (5.0, "5"),
        (1e-05, "0.00001"),
        (-12.5, "-12.5"),
        ("3250.5", "3250.5"),
        (Decimal("7.10"), "7.10"),
    ],
)
def test_a_float_becomes_its_shortest_decimal(value: float | str | Decimal, exact: str) -> None:
    assert convert.number(value) == Decimal(exact)


@pytest.mark.parametrize(
    ("limit", "tick", "buying", "expected"),
    [
        ("10.019", "0.01", True, "10.01"),
        ("10.011", "0.01", False, "10.02"),
        ("10.02", "0.01", True, "10.02"),
        ("10.03", "0.05", True, "10.00"),
        ("10.03", "0.05", False, "10.05"),
        ("0.00999", "0.01", True, "0.00"),
        ("17", "5", True, "15"),
    ],
)
def test_a_limit_moves_to_the_grid_and_never_to_the_callers_loss(
    limit: str, tick: str, buying: bool, expected: str
) -> None:
    assert convert.on_tick(Decimal(limit), Decimal(tick), buying=buying) == Decimal(expected)


@settings(deadline=None, max_examples=60)
@given(
    limit=st.decimals(min_value="0.0001", max_value="100000", places=4),
    tick=st.sampled_from([Decimal(t) for t in ("0.0001", "0.005", "0.01", "0.05", "1")]),
    buying=st.booleans(),
)
def test_rounding_is_within_one_tick_on_the_right_side(
    limit: Decimal, tick: Decimal, buying: bool
) -> None:
    rounded = convert.on_tick(limit, tick, buying=buying)
    assert rounded % tick == 0
    assert 0 <= ((limit - rounded) if buying else (rounded - limit)) < tick


@pytest.mark.parametrize(
    ("ours", "theirs"), [("BRK.B", "BRK B"), ("BF.B", "BF B"), ("AAPL", "AAPL"), ("BP.", "BP.")]
)
def test_dotted_tickers_are_spelled_with_a_space_at_ib(ours: str, theirs: str) -> None:
    assert convert.symbol_to_ib(ours) == theirs
    assert convert.symbol_from_ib(theirs) == ours


def test_liquid_hours_become_sessions_in_utc() -> None:
    hours = "20261123:0930-20261123:1600;20261126:CLOSED;20261127:0930-20261127:1300"
    found = convert.sessions(hours, "US/Eastern")
    assert [(s.opens, s.closes) for s in found] == [
        (datetime(2026, 11, 23, 14, 30, tzinfo=UTC), datetime(2026, 11, 23, 21, tzinfo=UTC)),
        (datetime(2026, 11, 27, 14, 30, tzinfo=UTC), datetime(2026, 11, 27, 18, tzinfo=UTC)),
    ]


def test_the_old_form_of_hours_and_a_described_zone_are_understood() -> None:
    (session,) = convert.sessions("20260323:0930-1600", "EST (Eastern Standard Time)")
    assert session.opens == datetime(2026, 3, 23, 14, 30, tzinfo=UTC)
    assert session.closes == datetime(2026, 3, 23, 21, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc"])
def test_an_unknown_zone_gives_no_sessions(zone: str) -> None:
    assert convert.sessions("20261123:0930-20261123:1600", zone) == ()


def test_an_unset_permanent_id_is_none() -> None:
    assert convert.permanent_id(0) is None
    assert convert.permanent_id(2147483647) is None
    assert convert.permanent_id(1700000001) == "1700000001"


@pytest.mark.parametrize(
    ("contract", "name"),
    [
        (Contract(secType="STK", symbol="BRK B", localSymbol="BRK B"), "BRK.B"),
        (
            Contract(secType="OPT", symbol="AAA", localSymbol="AAA   271217C00110000"),
            "AAA   271217C00110000",
        ),
        (Contract(secType="FUT", symbol="AAA"), "AAA FUT"),
    ],
)
def test_an_option_is_never_called_by_its_underlying(contract: Contract, name: str) -> None:
    assert convert.contract_name(contract) == name
