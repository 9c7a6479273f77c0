"""Slippage, commissions by value, and the settings of paper trading."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from simulated_exchange import (
    CommissionSchedule,
    ExchangeError,
    FillPolicy,
    Liquidity,
    OrderState,
    OrderType,
    Side,
    Slippage,
    SlippageModel,
    StateError,
    VirtualClock,
    load_scenario,
)
from simulated_exchange.paper import PaperSettings
from simulated_exchange.testing import MONDAY_10_00, SPY, Pit, request


def slipping(model: SlippageModel, value: str) -> Pit:
    return Pit(positions={SPY: (1000, 90)}, slippage=Slippage(model=model, value=D(value)))


@pytest.mark.parametrize(
    ("model", "value", "bought", "sold"),
    [
        (SlippageModel.NONE, "0", "100.00", "99.99"),
        (SlippageModel.FIXED, "0.03", "100.03", "99.96"),
        # 100.00 x 1.0005 and 99.99 x 0.9995 = 99.940005, on the grid against the trader
        (SlippageModel.PERCENTAGE, "0.0005", "100.05", "99.94"),
        # 200 of the 1000 quoted: a fifth of 1 %
        (SlippageModel.IMPACT, "0.01", "100.20", "99.79"),
    ],
)
def test_orders_that_take_liquidity_slip(
    model: SlippageModel, value: str, bought: str, sold: str
) -> None:
    pit = slipping(model, value)
    assert pit.buy(200).average_fill_price == D(bought)
    assert pit.sell(200).average_fill_price == D(sold)


def test_slippage_ends_at_the_limit_and_spares_what_rests() -> None:
    pit = slipping(SlippageModel.FIXED, "0.50")
    assert pit.buy(1, limit="100.20").average_fill_price == D("100.20")
    assert pit.sell(1, limit="99.90").average_fill_price == D("99.90")
    resting = pit.buy(1, limit="99.00")
    middle = pit.buy(1, order_type=OrderType.MIDPRICE)
    pit.quote("98.00", "98.50")
    fills = {fill.order_id: fill for fill in pit.exchange.executions()}
    assert fills[resting.order_id].price == 99
    assert fills[resting.order_id].liquidity is Liquidity.ADDED
    assert fills[middle.order_id].price == D("99.995")


def test_each_part_of_an_order_has_an_impact_of_its_own() -> None:
    pit = slipping(SlippageModel.IMPACT, "0.01")
    pit.exchange.fill_policy = FillPolicy.partial(100, 300)
    pit.buy(400)
    assert [fill.price for fill in pit.exchange.executions()] == [D("100.10"), D("100.30")]


def test_impact_on_a_quote_without_size_is_that_of_an_order_of_its_size() -> None:
    pit = slipping(SlippageModel.IMPACT, "0.01")
    pit.quote("99.99", "100.00", size=0)
    assert pit.buy(7).average_fill_price == D("101.00")


def test_a_market_order_needs_the_money_for_its_slippage() -> None:
    pit = Pit(
        cash={"USD": "1001.50"}, slippage=Slippage(model=SlippageModel.FIXED, value=D("0.10"))
    )
    with pytest.raises(ExchangeError, match=r"needs 1002\.00 USD"):
        pit.buy(10)


def test_a_price_never_slips_to_nothing() -> None:
    pit = slipping(SlippageModel.FIXED, "5")
    pit.quote("0.02", "0.03")
    assert pit.sell(1).average_fill_price == D("0.01")


def test_a_commission_by_value_counts_for_the_whole_order() -> None:
    schedule = CommissionSchedule(per_share=D(0), minimum=D(2), rate=D("0.001"))
    pit = Pit(commissions=schedule)
    pit.exchange.fill_policy = FillPolicy.partial(10, 10)
    pit.buy(50)
    charged = [pit.exchange.commission_report(fill.exec_id) for fill in pit.exchange.executions()]
    # 1.00 of 1000, below the minimum; 2.00 of 2000; 5.00 of 5000
    assert [report.commission for report in charged] == [D(2), D(0), D(3)]
    assert pit.exchange.audit() == []


def test_paper_trading_has_the_defaults_of_its_design() -> None:
    clock = VirtualClock(MONDAY_10_00)
    scenario = load_scenario("demo")
    exchange = PaperSettings().apply(scenario, "PAPER").build(clock)
    assert exchange.account_ids() == ["PAPER"]
    (spy,) = exchange.find_instruments(symbol="SPY")
    order = exchange.submit(request(Side.BUY, 10, con_id=spy.con_id, account_id="PAPER"))
    clock.advance(0.049)
    assert exchange.order(order.order_id).status is OrderState.PENDING
    clock.advance(0.001)
    # 617.86 x 1.0005 = 618.16893, and 0.1 % of 6181.70
    assert exchange.order(order.order_id).average_fill_price == D("618.17")
    assert exchange.account("PAPER").cash["USD"] == 100_000 - D("6181.70") - D("6.1817")


def test_paper_settings_can_be_chosen() -> None:
    settings = PaperSettings(
        initial_balance=D(500), latency_ms=0, slippage_model=SlippageModel.NONE
    )
    scenario = settings.apply(load_scenario("demo"), "PAPER", "USD")
    assert scenario == replace(scenario, slippage=Slippage(value=D("0.0005")))
    exchange = scenario.build(VirtualClock(MONDAY_10_00))
    assert exchange.account("PAPER").net_liquidation == 500


def test_a_scenario_can_slip(tmp_path: Path) -> None:
    path = tmp_path / "slip.yaml"
    path.write_text("slippage: {model: percentage, value: 0.0005}\ncommissions: {rate: 0.001}")
    scenario = load_scenario(path)
    assert scenario.slippage == Slippage(model=SlippageModel.PERCENTAGE, value=D("0.0005"))
    assert scenario.commissions.rate == D("0.001")
    path.write_text("slippage: {model: sometimes}")
    with pytest.raises(StateError, match="sometimes"):
        load_scenario(path)


def test_slippage_is_not_a_gift() -> None:
    with pytest.raises(ValueError, match="not negative"):
        Slippage(model=SlippageModel.FIXED, value=D(-1))
