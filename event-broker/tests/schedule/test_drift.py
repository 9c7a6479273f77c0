"""Drift, from the stored row of a preview."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.schedule.drift import drift_percent


def row(*weights: tuple[str | None, str]) -> dict[str, object]:
    holdings = [{"weight_before": now, "target_weight": target} for now, target in weights]
    return {"details": {"holdings": holdings, "currency": "USD"}, "status": "success"}


def test_it_is_the_largest_distance_from_a_target() -> None:
    assert drift_percent(row(("0.25", "0.2"), ("0.1", "0.175"), ("0", "0"))) == Decimal("7.5")


def test_holdings_without_a_weight_are_left_out() -> None:
    assert drift_percent(row((None, "0.5"), ("0.11", "0.1"))) == Decimal(1)


def test_an_account_that_holds_and_wants_nothing_has_none() -> None:
    assert drift_percent(row()) == 0


def test_a_row_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="details"):
        drift_percent({"status": "failed"})
