"""The search on plain arrays, against looking at every lot."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rebalance_calculator.fitting import Curves, fit, sell_down
from rebalance_calculator.fitting.core import Choices, combine, grow
from rebalance_calculator.fitting.multiplier import price_cash

QUICK = settings(max_examples=60, deadline=None)


def curves_of(*rows: dict[str, float]) -> Curves:
    """One symbol per row; what a row does not say is harmless."""
    usual = {"fee_per_lot": 0.0, "fee_minimum": 0.0, "fee_cap": np.inf, "least": 1, "most_sell": 0}
    counts = {"most_buy", "most_sell", "least"}
    table = [usual | row for row in rows]
    columns: dict[str, Any] = {
        name: np.array([row[name] for row in table], np.int64 if name in counts else np.float64)
        for name in table[0]
    }
    return Curves(**columns)


@st.composite
def curves(draw: st.DrawFn, *, symbols: int, lots: int) -> Curves:
    rows = []
    for _ in range(symbols):
        mid = draw(st.integers(500, 20_000)) / 100
        half = draw(st.integers(0, 50)) / 100
        least = draw(st.sampled_from([1, 1, 2, 4]))
        need = draw(st.integers(-lots * 90, lots * 90)) / 100 * mid
        most_buy = max(int(np.ceil(need / mid)), least) if need > 0 else 0
        most_sell = draw(st.integers(0, lots))
        row = {"mid": mid, "buy": (mid + half) * draw(st.sampled_from([1, 1.005]))}
        row |= {"sell": mid - half, "need": need, "least": least, "most_buy": most_buy}
        row |= {"most_sell": most_sell if most_sell >= least else 0}
        row |= {"fee_per_lot": draw(st.sampled_from([0, 0.005, 0.5, 7]))}
        row |= {"fee_minimum": draw(st.sampled_from([0, 1, 9]))}
        row |= {"fee_cap": draw(st.sampled_from([np.inf, 0.01, 0.2]))}
        rows.append(row)
    return curves_of(*rows)


def all_lots(one: Curves, symbol: int) -> list[int]:
    least = int(one.least[symbol])
    bought = range(least, int(one.most_buy[symbol]) + 1)
    return [0, *bought, *(-sold for sold in range(least, int(one.most_sell[symbol]) + 1))]


def figures(all_of: Curves, symbol: int, lots: int) -> tuple[float, float]:
    """Shortfall and cash by scalar arithmetic."""
    price = float((all_of.buy if lots > 0 else all_of.sell)[symbol])
    shortfall = max(float(all_of.need[symbol] - lots * all_of.mid[symbol]), 0.0)
    if lots == 0:
        return shortfall, 0.0
    fee = max(float(all_of.fee_minimum[symbol]), abs(lots) * float(all_of.fee_per_lot[symbol]))
    fee = min(fee, float(all_of.fee_cap[symbol]) * abs(lots) * price)
    return shortfall, lots * price + fee


@QUICK
@given(curves(symbols=2, lots=12))
def test_curves_agree_with_scalar_arithmetic(given_curves: Curves) -> None:
    for symbol in range(2):
        one = given_curves.take(symbol)
        lots = np.array([all_lots(given_curves, symbol)])
        expected = [figures(given_curves, symbol, int(n)) for n in lots[0]]
        np.testing.assert_allclose(one.shortfall(lots)[0], [row[0] for row in expected])
        np.testing.assert_allclose(one.cash(lots)[0], [row[1] for row in expected])


@QUICK
@given(curves(symbols=1, lots=40), st.floats(0, 3))
def test_the_best_at_any_price_of_cash_is_at_a_bend(one: Curves, price: float) -> None:
    def score(lots: int) -> float:
        shortfall, cash = figures(one, 0, lots)
        return shortfall + price * cash

    bends = one.bends()[0].tolist()
    assert set(bends) <= set(all_lots(one, 0))
    assert min(map(score, bends)) <= min(map(score, all_lots(one, 0))) + 1e-9


@QUICK
@given(curves(symbols=1, lots=15), st.integers(-150_000, 150_000))
def test_affordable_is_the_most_lots_within_the_budget(one: Curves, cents: int) -> None:
    budget = cents / 100 + 1e-7
    within = [n for n in all_lots(one, 0) if figures(one, 0, n)[1] <= budget]
    expected = max(within) if within else -int(one.most_sell[0])
    assert one.affordable(np.array([budget])).tolist() == [expected]


@QUICK
@given(curves(symbols=3, lots=6), st.integers(-100_000, 100_000))
def test_the_fit_is_the_best_of_all_and_the_bound_is_below_it(all_of: Curves, cents: int) -> None:
    budget = cents / 100 + 1e-7
    rows = [[figures(all_of, i, n) for n in all_lots(all_of, i)] for i in range(3)]
    within = [
        sum(row[0] for row in chosen)
        for chosen in itertools.product(*rows)
        if sum(row[1] for row in chosen) <= budget
    ]
    found = fit(all_of, budget, tolerance=0.0)
    priced = price_cash(all_of, budget)
    assert (found is None) == (priced is None) == (not within)
    assume(found is not None and priced is not None)
    assert found is not None
    assert priced is not None
    assert all_of.cash(found.lots).sum() <= budget + 1e-9
    assert abs(all_of.shortfall(found.lots).sum() - found.shortfall) < 1e-9
    assert abs(found.shortfall - min(within)) < 1e-6
    assert priced.bound <= found.bound + 1e-6
    assert found.bound <= min(within) + 1e-6


def test_fine_lots_leave_no_more_cash_than_a_lot_costs() -> None:
    # 1,000 for three targets of 500 each, at a cost of 1 per order: two orders, 998 spent
    lot = 1e-4
    row = {"mid": 80 * lot, "buy": 80 * lot, "sell": 80 * lot, "need": 500.0}
    row |= {"most_buy": 62_500, "fee_minimum": 1.0}
    found = fit(curves_of(row, row, row), 1000.0, tolerance=0.0)
    assert found is not None
    assert np.count_nonzero(found.lots) == 2
    assert abs(found.shortfall - 502) <= 80 * lot
    assert found.bound <= found.shortfall


def test_many_symbols_with_many_lots_end_near_the_bound() -> None:
    rng = np.random.default_rng(3)
    terms = {"fee_minimum": 0.35, "fee_per_lot": 0.0035, "most_sell": 2000}
    rows = [
        terms
        | {"mid": mid, "buy": mid * 1.001, "sell": mid * 0.999, "need": need}
        | {"most_buy": max(0, int(np.ceil(need / mid)))}
        for mid, need in zip(rng.uniform(5, 900, 40), rng.uniform(-4e4, 6e4, 40), strict=True)
    ]
    all_of = curves_of(*rows)
    found = fit(all_of, 1234.5, tolerance=0.0)
    assert found is not None
    assert all_of.cash(found.lots).sum() <= 1234.5
    # a whole lot costs up to 900; 600,000 are short because the cash is
    assert 0 <= found.shortfall - found.bound <= 0.25


def test_nothing_to_choose_is_a_fit() -> None:
    nothing = curves_of({"mid": 1.0, "buy": 1.0, "sell": 1.0, "need": 0.0, "most_buy": 0}).take(
        np.array([], np.int64)
    )
    found = fit(nothing, 5.0, tolerance=0.0)
    assert found is not None
    assert len(found.lots) == 0
    assert fit(nothing, -5.0, tolerance=0.0) is None


def test_selling_down_stops_at_the_target_and_prefers_fewer_lots() -> None:
    over = {"mid": 10.0, "buy": 10.0, "sell": 10.0, "need": -35.0, "most_buy": 0, "most_sell": 9}
    under = over | {"need": 35.0, "most_buy": 4}
    # 3 lots take it to 5 above its target; a fourth gains as much cash as it loses value below it,
    # except that 5 of its 10 were too much anyway
    assert sell_down(curves_of(over, under)).tolist() == [-4, 0]


def test_plans_beyond_the_most_are_dropped_and_it_says_so() -> None:
    spread = np.linspace(0, 1, 30)
    choices = [
        Choices(symbol=i, lots=np.arange(30), loss=spread, cash=-spread * (7 + i)) for i in range(3)
    ]
    whole = grow(choices, multiplier=0.5, limit=3.0, most=100_000)
    some = grow(choices, multiplier=0.5, limit=3.0, most=20)
    assert (whole.thinned, some.thinned) == (False, True)
    assert len(some.loss) == 20
    assert some.loss.min() == 0


def test_no_plan_within_the_budget_is_no_plan() -> None:
    one = Choices(symbol=0, lots=np.array([1]), loss=np.zeros(1), cash=np.array([10.0]))
    found = combine([one], budget=9.0, multiplier=1.0, limit=1.0, most=10)
    assert (found.value, found.lots) == (np.inf, {})
