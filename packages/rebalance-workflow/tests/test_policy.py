"""The trading section of the configuration, and what it means for the planner."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from broker_connector_base import AccountConfig, Instrument
from rebalance_workflow import RebalancePolicy

ACCOUNT = AccountConfig(
    account_id="DU1", type="paper", strategy_name="blend", cash_reserve_percent=Decimal("2.5")
)
INSTRUMENT = Instrument(
    symbol="AAA", instrument_id="1", min_tick=Decimal("0.05"), lot_size=Decimal(10)
)


def test_the_defaults_are_those_that_users_know() -> None:
    policy = RebalancePolicy()
    assert policy.minimum_cash_reserve_usd == 100
    assert policy.order_tif == "DAY"
    assert policy.buy_slippage_percent == Decimal("0.5")
    assert policy.allocation_threshold_percent == Decimal("0.5")
    assert policy.order_timeout_seconds == 300
    assert policy.cancel_timeout_seconds == 60
    assert policy.foreign_orders == "stop"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("buy_slippage_percent", "0.05"),
        ("buy_slippage_percent", 6),
        ("minimum_cash_reserve_usd", 1001),
        ("minimum_cash_reserve_usd", -1),
        ("allocation_threshold_percent", 5.1),
        ("order_timeout_seconds", 59),
        ("order_timeout_seconds", 601),
        ("order_tif", "GTD"),
        ("foreign_orders", "ignore"),
        ("max_rounds", 0),
        ("no_such_key", 1),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_name(key: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=key):
        RebalancePolicy.model_validate({key: value})


def test_the_planner_gets_the_accounts_reserve_and_the_instruments_steps() -> None:
    plan_policy = RebalancePolicy().plan_policy(ACCOUNT, [INSTRUMENT], live=True)
    assert plan_policy.cash_reserve_percent == Decimal("2.5")
    assert plan_policy.minimum_cash_reserve == 100
    assert plan_policy.drift_band_percent == Decimal("0.5")
    assert plan_policy.ticks == {"AAA": Decimal("0.05")}
    assert plan_policy.lot_of("AAA") == 10


@pytest.mark.parametrize(
    ("live", "allowed", "expected"),
    [(True, False, True), (True, True, False), (False, False, False)],
)
def test_only_a_run_insists_on_live_quotes(live: bool, allowed: bool, expected: bool) -> None:
    policy = RebalancePolicy(allow_delayed_quotes=allowed)
    assert policy.plan_policy(ACCOUNT, [], live=live).live_quotes_only is expected


@pytest.mark.parametrize(
    ("shares", "price", "fee"), [(100, "50", "1"), (1000, "50", "5"), (10, "2", "0.2")]
)
def test_the_default_commission_is_ibkrs_fixed_pricing(shares: int, price: str, fee: str) -> None:
    # interactivebrokers.com: 0.005 a share, at least 1.00, at most 1 % of the value.
    assert RebalancePolicy().commission.fee(Decimal(shares), Decimal(price)) == Decimal(fee)
