"""Price steps that depend on the price, and halts."""

from collections.abc import Callable
from decimal import Decimal as D
from pathlib import Path

import pytest

from simulated_exchange import (
    ExchangeError,
    Instrument,
    Order,
    OrderState,
    OrderType,
    PriceIncrement,
    RandomWalk,
    Reason,
    load_scenario,
)
from simulated_exchange.testing import SPY, Pit

#: Regulation NMS rule 612: steps of a cent from one dollar on, of a hundredth of a cent below
RULE_612 = (
    PriceIncrement(low_edge=D(0), increment=D("0.0001")),
    PriceIncrement(low_edge=D(1), increment=D("0.01")),
)
PENNY = Instrument(con_id=SPY, symbol="PNNY", min_tick=D("0.0001"), price_increments=RULE_612)


@pytest.mark.parametrize(
    ("price", "is_on_tick"),
    [("0.9999", True), ("0.99995", False), ("1.00", True), ("1.01", True), ("1.0001", False)],
)
def test_a_price_is_on_tick_by_the_step_in_force_there(price: str, is_on_tick: bool) -> None:
    assert PENNY.is_on_tick(D(price)) is is_on_tick


def test_orders_and_changes_are_held_to_the_market_rule() -> None:
    pit = Pit(instruments=(PENNY,))
    order = pit.buy(100, limit="0.4501")
    attempts: list[Callable[[], Order]] = [
        lambda: pit.buy(100, limit="1.4501"),
        lambda: pit.exchange.modify(order.order_id, limit_price=D("1.4501")),
        lambda: pit.buy(100, order_type=OrderType.STP, stop_price=D("1.0001")),
    ]
    for attempt in attempts:
        with pytest.raises(ExchangeError, match=r"multiple of 0\.01") as error:
            attempt()
        assert error.value.reason is Reason.OFF_TICK
    assert pit.exchange.modify(order.order_id, limit_price=D("1.45")).status is OrderState.WORKING


def test_a_walk_stays_on_the_grid_across_an_edge() -> None:
    pit = Pit(instruments=(PENNY,))
    pit.quote("0.9999", "1.00")
    pit.exchange.walk(SPY, RandomWalk(seed=2, max_ticks=3))
    bids = set()
    for _ in range(200):
        pit.clock.advance(1)
        quote = pit.exchange.quote(SPY)
        assert quote.bid is not None
        assert PENNY.is_on_tick(quote.bid)
        bids.add(quote.bid >= 1)
    assert bids == {True, False}


@pytest.mark.parametrize("edges", [[("1", "0.01")], [("0", "0.01"), ("0", "0.1")], [("0", "0")]])
def test_impossible_market_rules_are_refused(edges: list[tuple[str, str]]) -> None:
    rule = tuple(PriceIncrement(low_edge=D(edge), increment=D(step)) for edge, step in edges)
    with pytest.raises(ValueError, match="X: "):
        Instrument(con_id=1, symbol="X", price_increments=rule)


def test_a_scenario_can_give_a_market_rule(tmp_path: Path) -> None:
    path = tmp_path / "penny.yaml"
    path.write_text(
        "instruments: [{con_id: 1, symbol: PNNY, price_increments: "
        "[{low_edge: 0, increment: 0.0001}, {low_edge: 1, increment: 0.01}]}]"
    )
    (penny,) = load_scenario(path).instruments
    assert penny.price_increments == RULE_612


def test_orders_wait_out_a_halt_and_cancelling_works_meanwhile() -> None:
    pit = Pit()
    pit.exchange.halt(SPY)
    waiting, leaving = pit.buy(10), pit.buy(10, limit=101)
    assert pit.exchange.quote(SPY).halted == 1
    assert pit.exchange.cancel(leaving.order_id).status is OrderState.CANCELLED
    assert pit.exchange.order(waiting.order_id).status is OrderState.WORKING
    pit.exchange.halt(SPY, 0)
    assert pit.exchange.order(waiting.order_id).average_fill_price == 100
