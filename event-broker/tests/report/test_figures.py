"""How numbers look."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.report import layout


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (layout.money(Decimal("1234.5")), "1,234.50"),
        (layout.money(None), "-"),
        (layout.money(Decimal("-0.001"), signed=True), "0.00"),
        (layout.money(Decimal("0.02"), signed=True), "+0.02"),
        (layout.price(Decimal("17.115")), "17.115"),
        (layout.price(Decimal("17")), "17.00"),
        (layout.price(Decimal("0.123456")), "0.1235"),
        (layout.shares(Decimal("1E+2")), "100"),
        (layout.shares(Decimal("0.50")), "0.5"),
        (layout.shares(Decimal(3), signed=True), "+3"),
        (layout.percent(Decimal("0.1234")), "12.3 %"),
        (layout.percent(None), "-"),
    ],
)
def test_figures_look_the_same_everywhere(shown: str, expected: str) -> None:
    assert shown == expected
