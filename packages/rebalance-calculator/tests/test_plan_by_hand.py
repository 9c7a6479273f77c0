"""Plans whose every number was worked out on paper; the arithmetic stands beside each."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D

import pytest

from rebalance_calculator import Plan, ReasonCode

PlanFor = Callable[..., Plan]

#: No spread, so that values at mid are values at any side.
FLAT = {"AAA": ("100", "100"), "BBB": ("50", "50"), "OLD": ("20", "20")}
ALL_AAA = {"AAA": "1"}


def trades(plan: Plan) -> dict[str, D]:
    return {line.symbol: line.quantity for line in plan.trades}


def hold(plan: Plan, symbol: str) -> ReasonCode:
    (line,) = [line for line in plan.holds if line.symbol == symbol]
    return line.reason_code


def test_cash_is_spread_over_the_targets(plan_for: PlanFor) -> None:
    plan = plan_for("10000", {}, {"AAA": "0.6", "BBB": "0.4"}, FLAT)
    assert trades(plan) == {"AAA": 60, "BBB": 80}
    assert plan.worst_case_cash_after == 0
    assert plan.objective_bp == 0
    assert plan.bound_bp == 0


def test_a_tenth_in_reserve_stays_a_tenth_in_cash(plan_for: PlanFor) -> None:
    plan = plan_for("10000", {}, {"AAA": "0.6", "BBB": "0.4"}, FLAT, cash_reserve_percent=10)
    assert trades(plan) == {"AAA": 54, "BBB": 72}  # 0.6 and 0.4 of 9,000
    assert plan.worst_case_cash_after == plan.cash_target == 1000
    assert plan.cash_weight_after == D("0.1")


def test_the_larger_of_both_reserves_holds(plan_for: PlanFor) -> None:
    reserves = {"cash_reserve_percent": 1, "minimum_cash_reserve": 300}
    plan = plan_for("10000", {}, ALL_AAA, FLAT, **reserves)
    assert trades(plan) == {"AAA": 97}
    assert plan.cash_target == 300


def test_a_cash_line_adds_to_the_reserve(plan_for: PlanFor) -> None:
    wanted = {"AAA": "0.6", "cash": "0.4"}
    plan = plan_for("10000", {}, wanted, FLAT, cash_reserve_percent=10)
    assert plan.cash_target == 4600  # 1,000 and 0.4 of 9,000
    assert trades(plan) == {"AAA": 54}


def test_an_overweight_is_sold_and_an_underweight_bought(plan_for: PlanFor) -> None:
    market = {"AAA": ("100", "100"), "BBB": ("100", "100")}
    plan = plan_for("0", {"AAA": "65", "BBB": "435"}, {"AAA": "0.1", "BBB": "0.9"}, market)
    (sell,), (buy,) = plan.sells, plan.buys
    assert (sell.quantity, buy.quantity) == (D(-15), D(15))
    assert sell.reason == "13.0 % now, 10.0 % wanted: sell 15 of 65"
    assert buy.reason == "87.0 % now, 90.0 % wanted: buy 15"
    assert (sell.weight_before, sell.weight_after, sell.target_weight) == (
        D("0.13"),
        D("0.1"),
        D("0.1"),
    )
    assert (sell.current_value, sell.target_value) == (D(6500), D(5000))
    assert (sell.limit_price, buy.limit_price) == (None, D(100))
    assert plan.trades == (sell, buy)


def test_cash_is_used_to_the_last_cent_of_the_worst_case(plan_for: PlanFor) -> None:
    # 10 x 100 x 1.005 = 1,005.00, and 1.00 for the commission
    terms = {"buy_slippage_percent": D("0.5"), "commission": {"minimum": 1}}
    exact = plan_for("1006", {}, ALL_AAA, FLAT, **terms)
    assert trades(exact) == {"AAA": 10}
    assert exact.worst_case_cash_after == 0
    assert exact.expected_cash_after == 5  # filled at the ask
    assert exact.buys[0].limit_price == D("100.5")
    assert exact.estimated_cost == 6  # 5 of slippage, 1 of commission
    assert trades(plan_for("1005.99", {}, ALL_AAA, FLAT, **terms)) == {"AAA": 9}


def test_a_millionth_of_a_cent_short_is_short(plan_for: PlanFor) -> None:
    assert trades(plan_for("999.99999999", {}, ALL_AAA, FLAT)) == {"AAA": 9}


@pytest.mark.parametrize(("least", "expected"), [(0, {"AAA": 9}), (10**12, {})])
def test_amounts_beyond_floating_point_keep_their_cash(
    plan_for: PlanFor, least: int, expected: dict[str, int]
) -> None:
    # 10 x 123,456,789,012.34 is 0.0001 more than there is: no difference for a float of that size
    market = {"AAA": ("123456789012.34", "123456789012.34")}
    terms = {"min_trade_value": least * D("1.2")}
    assert trades(plan_for("1234567890123.3999", {}, ALL_AAA, market, **terms)) == expected


def test_the_spread_is_part_of_the_cost_and_of_the_objective(plan_for: PlanFor) -> None:
    plan = plan_for("1000", {}, ALL_AAA, {"AAA": ("99", "101")})
    assert trades(plan) == {"AAA": 9}  # 909 spent, 900 at mid
    assert plan.estimated_cost == 9
    assert plan.worst_case_cash_after == 91
    # 100 short of AAA, 91 too much cash, 9 lost: 200 of 1,000
    assert plan.objective_bp == 2000


def test_what_is_not_in_the_allocation_is_sold(plan_for: PlanFor) -> None:
    plan = plan_for("0", {"OLD": "50"}, ALL_AAA, FLAT)
    assert trades(plan) == {"OLD": -50, "AAA": 10}
    assert plan.sells[0].reason_code is ReasonCode.NOT_IN_ALLOCATION
    assert plan.sells[0].reason == "not in the allocation: sell 50 of 50"


def test_a_zero_weight_means_sell_it(plan_for: PlanFor) -> None:
    plan = plan_for("0", {"OLD": "50"}, {"AAA": "1", "OLD": "0"}, FLAT)
    assert trades(plan) == {"OLD": -50, "AAA": 10}


def test_a_fraction_of_a_share_stays_and_is_reported(plan_for: PlanFor) -> None:
    plan = plan_for("0", {"OLD": "10.5"}, {"CASH": "1"}, FLAT)
    assert trades(plan) == {"OLD": -10}
    assert plan.sells[0].reason.endswith("sell 10 of 10.5; the other 0.5 is less than a lot")
    assert any("OLD: 0.5 of a share cannot be sold" in warning for warning in plan.warnings)


def test_less_than_a_share_is_not_sold_at_all(plan_for: PlanFor) -> None:
    plan = plan_for("1000", {"OLD": "0.85"}, ALL_AAA, FLAT)
    assert trades(plan) == {"AAA": 10}
    assert hold(plan, "OLD") is ReasonCode.FRACTIONAL_STUB


def test_inside_the_band_nothing_is_traded(plan_for: PlanFor) -> None:
    held, wanted = {"AAA": "52", "BBB": "96"}, {"AAA": "0.5", "BBB": "0.5"}
    inside = plan_for("0", held, wanted, FLAT, drift_band_percent=3)
    assert inside.is_empty
    assert hold(inside, "AAA") is ReasonCode.INSIDE_BAND
    edge = plan_for("0", held, wanted, FLAT, drift_band_percent=2)
    assert edge.is_empty
    outside = plan_for("0", held, wanted, FLAT, drift_band_percent=D("1.9"))
    assert trades(outside) == {"AAA": -2, "BBB": 4}


def test_small_orders_are_not_sent(plan_for: PlanFor) -> None:
    held, wanted = {"AAA": "52", "BBB": "96"}, {"AAA": "0.5", "BBB": "0.5"}
    assert trades(plan_for("0", held, wanted, FLAT, min_trade_value=200)) == {"AAA": -2, "BBB": 4}
    plan = plan_for("0", held, wanted, FLAT, min_trade_value=401)
    assert plan.is_empty
    assert hold(plan, "BBB") is ReasonCode.BELOW_MINIMUM_TRADE


def test_the_minimum_does_not_keep_what_has_no_target(plan_for: PlanFor) -> None:
    plan = plan_for("0", {"OLD": "1"}, {"CASH": "1"}, FLAT, min_trade_value=1000)
    assert trades(plan) == {"OLD": -1}


def test_borrowed_cash_is_paid_back(plan_for: PlanFor) -> None:
    plan = plan_for("-1000", {"AAA": "110"}, ALL_AAA, FLAT)
    assert trades(plan) == {"AAA": -10}
    assert plan.worst_case_cash_after == 0


def test_selling_below_the_target_for_the_reserve_says_so(plan_for: PlanFor) -> None:
    # BBB may not be sold, so AAA has to pay for the missing reserve
    held, wanted = {"AAA": "45", "BBB": "110"}, {"AAA": "0.5", "BBB": "0.5"}
    plan = plan_for("0", held, wanted, FLAT, cash_reserve_percent=10, sell_blocked=["bbb"])
    assert trades(plan) == {"AAA": -10}
    assert plan.sells[0].reason_code is ReasonCode.RAISE_CASH
    assert hold(plan, "BBB") is ReasonCode.SELL_BLOCKED


def test_nothing_is_bought_when_the_reserve_cannot_be_restored(plan_for: PlanFor) -> None:
    held, wanted = {"AAA": "110"}, {"AAA": "0.5", "BBB": "0.5"}
    plan = plan_for("-1000", held, wanted, FLAT, sell_blocked=["AAA"])
    assert plan.is_empty
    assert plan.warnings == ("cash of -1,000.00 stays below the 0.00 wanted",)


def test_a_reserve_out_of_reach_sells_no_more_than_the_overweight(plan_for: PlanFor) -> None:
    # AAA is stuck at 10,000; BBB is 500 over its 5,000, selling that cannot repay 6,000
    held, wanted = {"AAA": "100", "BBB": "110"}, {"AAA": "0.5", "BBB": "0.5"}
    plan = plan_for("-6000", held, wanted, FLAT, sell_blocked=["AAA"])
    assert trades(plan) == {"BBB": -15}  # worth 4,750, the target of half of 9,500
    assert plan.bound_bp == 0


def test_a_top_up_round_sells_nothing(plan_for: PlanFor) -> None:
    held = {"AAA": "60", "OLD": "10"}
    plan = plan_for("500", held, {"AAA": "0.5", "BBB": "0.5"}, FLAT, buys_only=True)
    assert trades(plan) == {"BBB": 10}
    assert hold(plan, "AAA") is ReasonCode.BUYS_ONLY
    assert hold(plan, "OLD") is ReasonCode.BUYS_ONLY


def test_only_the_available_cash_is_spent(plan_for: PlanFor) -> None:
    assert trades(plan_for("10000", {}, ALL_AAA, FLAT, available_cash=750)) == {"AAA": 7}
    assert trades(plan_for("10000", {}, ALL_AAA, FLAT, available_cash=20000)) == {"AAA": 100}


def test_proceeds_add_to_the_available_cash(plan_for: PlanFor) -> None:
    plan = plan_for("1000", {"OLD": "10"}, ALL_AAA, FLAT, available_cash=100)
    assert trades(plan) == {"OLD": -10, "AAA": 3}


def test_blocked_symbols_are_not_bought(plan_for: PlanFor) -> None:
    wanted = {"AAA": "0.5", "BBB": "0.5"}
    plan = plan_for("1000", {}, wanted, FLAT, buy_blocked=["AAA"])
    assert trades(plan) == {"BBB": 10}
    assert hold(plan, "AAA") is ReasonCode.BUY_BLOCKED


def test_lots_may_differ_by_symbol(plan_for: PlanFor) -> None:
    wanted = {"AAA": "0.5", "BBB": "0.5"}
    plan = plan_for("1111", {}, wanted, FLAT, lots={"aaa": D("0.01"), "BBB": 5})
    assert trades(plan) == {"AAA": D("5.56"), "BBB": 10}


@pytest.mark.parametrize(
    ("tick", "limit"),
    # 10.03 x 1.005 = 10.08015: down to the tick, but never below the ask
    [(None, "10.08015"), ("0.01", "10.08"), ("0.05", "10.05"), ("0.1", "10.1")],
)
def test_limits_are_rounded_to_the_tick(plan_for: PlanFor, tick: str | None, limit: str) -> None:
    ticks = {} if tick is None else {"AAA": D(tick)}
    plan = plan_for(
        "1000",
        {},
        ALL_AAA,
        {"AAA": ("10.01", "10.03")},
        buy_slippage_percent=D("0.5"),
        ticks=ticks,
    )
    assert plan.buys[0].limit_price == D(limit)
    assert plan.worst_case_cash_after == 1000 - plan.buys[0].quantity * D(limit)


def test_too_small_an_improvement_is_not_traded_for(plan_for: PlanFor) -> None:
    # selling 2 AAA moves 200 of 10,000 from one side to the other: 400 bp
    held, wanted = {"AAA": "52", "BBB": "96"}, {"AAA": "0.5", "BBB": "0.5"}
    plan = plan_for("0", held, wanted, FLAT, minimum_improvement_bp=401)
    assert plan.is_empty
    assert hold(plan, "AAA") is ReasonCode.IMPROVEMENT_TOO_SMALL
    assert plan.bound_bp == plan.objective_bp == 400
    assert "the best plan improves less than 401 bp and is not used" in plan.warnings
    assert not plan_for("0", held, wanted, FLAT, minimum_improvement_bp=400).is_empty


def test_forced_sales_need_no_improvement(plan_for: PlanFor) -> None:
    held = {"OLD": "1", "AAA": "99"}
    plan = plan_for("80", held, ALL_AAA, FLAT, minimum_improvement_bp=10_000)
    assert trades(plan) == {"OLD": -1}


def test_borrowed_cash_is_paid_back_without_improvement(plan_for: PlanFor) -> None:
    plan = plan_for("-100", {"AAA": "101"}, ALL_AAA, FLAT, minimum_improvement_bp=10_000)
    assert trades(plan) == {"AAA": -1}


@pytest.mark.parametrize(
    ("filler", "weights", "expected"),
    [
        # 50 + 100 for an AAA buys a BBB: 49 less shortfall, twice that is 9.8 bp of 100,000 ...
        ("98950", {"AAA": "0.0105", "BBB": "0.00149", "CCC": "0.98801"}, {"AAA": -1, "BBB": 1}),
        # ... and 0.98 bp of a million
        ("998950", {"AAA": "0.00105", "BBB": "0.000149", "CCC": "0.998801"}, {}),
    ],
)
def test_an_underweight_is_sold_only_for_a_real_gain(
    plan_for: PlanFor, filler: str, weights: dict[str, str], expected: dict[str, int]
) -> None:
    market = {"AAA": ("100", "100"), "BBB": ("149", "149"), "CCC": (filler, filler)}
    held = {"AAA": "10", "CCC": "1"}
    plan = plan_for("50", held, weights, market, sell_blocked=["CCC"])
    assert trades(plan) == expected


def test_a_fee_above_its_use_keeps_an_overweight(plan_for: PlanFor) -> None:
    # 2 shares of AAA bring 200, less than the commission
    held, wanted = {"AAA": "52", "BBB": "96"}, {"AAA": "0.5", "BBB": "0.5"}
    plan = plan_for("0", held, wanted, FLAT, commission={"minimum": 201})
    assert plan.is_empty
    assert hold(plan, "AAA") is ReasonCode.NOT_WORTH_THE_COST
    assert hold(plan, "BBB") is ReasonCode.NOT_ENOUGH_CASH


def test_a_second_run_after_the_fills_trades_nothing(plan_for: PlanFor) -> None:
    market = {"AAA": ("99.98", "100.02"), "BBB": ("49.99", "50.01")}
    wanted = {"AAA": "0.6", "BBB": "0.4"}
    terms = {"commission": {"minimum": 1, "per_share": D("0.005")}, "cash_reserve_percent": 1}
    first = plan_for("10000", {}, wanted, market, **terms)
    held = {line.symbol: str(line.quantity) for line in first.buys}
    second = plan_for(str(first.expected_cash_after), held, wanted, market, **terms)
    assert second.is_empty
    assert {hold(second, "AAA"), hold(second, "BBB")} == {ReasonCode.ON_TARGET}
