"""Scenarios: the one that ships, and files."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal as D
from pathlib import Path

import pytest

from simulated_exchange import (
    LatencyModel,
    OrderState,
    Side,
    StateError,
    TradingHours,
    VirtualClock,
    load_scenario,
)
from simulated_exchange.testing import request

SUNDAY = datetime(2025, 6, 29, 15, 0, tzinfo=UTC)


def test_the_demo_has_three_accounts_worth_what_their_holdings_say() -> None:
    exchange = load_scenario("demo").build(VirtualClock(SUNDAY))
    accounts = [exchange.account(account_id) for account_id in exchange.account_ids()]
    assert [account.account_id for account in accounts] == ["DUM959247", "DU789012", "DU555555"]
    # 8214.37 + 520 x 36.84 + 171 x 117.62 + 31 x 546.21 + 1350 x 17.11 + 14 x 173.92
    #   + 243 x 82.47 + 12 x 304.81 + 0.4 x 27.03
    # and 6125.80 + 13 x 620.94 + 78 x 99.16 + 60 x 57.01
    assert [account.net_liquidation for account in accounts] == [
        D("113658.822"),
        D("25353.10"),
        D("50000.00"),
    ]
    stub = exchange.find_instruments(symbol="UUP")[0].con_id
    assert accounts[0].positions[stub].quantity == D("0.4")


def test_the_demo_quotes_are_fit_to_trade_on() -> None:
    exchange = load_scenario("demo").build(VirtualClock(SUNDAY))
    listed = exchange.find_instruments()
    assert len(listed) == 30
    for instrument in listed:
        quote = exchange.quote(instrument.con_id)
        assert quote.bid is not None
        assert quote.ask is not None
        assert quote.close is not None
        assert D("0.01") <= quote.ask - quote.bid <= D("0.03")
        assert abs(quote.bid / quote.close - 1) < D("0.05")
        assert quote.bid_size == quote.ask_size == 100_000


def test_the_demo_trades_on_a_sunday() -> None:
    clock = VirtualClock(SUNDAY)
    exchange = load_scenario("demo").build(clock)
    (brk,) = exchange.find_instruments(symbol="BRK B")
    order = exchange.submit(request(Side.BUY, 5, account_id="DU555555", con_id=brk.con_id))
    clock.advance(0.005)
    assert exchange.order(order.order_id).status is OrderState.FILLED


FILE = """
hours: us_regular
size: 500
rates: {EUR: 1.08}
walk: {seed: 4, interval: 2, max_ticks: 1}
commissions: {minimum: 0.35}
partial_fills: true
instruments:
  - {con_id: 1, symbol: ABC, currency: EUR, min_tick: 0.005, lot_size: 1,
     valid_exchanges: [SMART, IBIS], quote: {bid: 9.995, ask: 10, ask_size: 7}}
  - con_id: 2
    symbol: XYZ
    trading_hours: {zone: UTC, opens: "04:00", closes: "20:00", weekdays: [0, 1],
                    closed_on: [2025-07-04]}
    liquid_hours: always
    quote: {bid: 1, halted: 1}
accounts:
  DU1:
    margin: true
    base_currency: EUR
    cash: {EUR: 0.1}
    positions: {XYZ: {quantity: 3, average_cost: 2.5}}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


def test_a_file_says_everything_about_a_market(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path, FILE))
    abc, xyz = scenario.instruments
    assert (scenario.name, scenario.partial_fills) == ("mine", True)
    assert (abc.min_tick, abc.valid_exchanges) == (D("0.005"), ("SMART", "IBIS"))
    assert abc.trading_hours == TradingHours.us_regular()
    assert str(xyz.trading_hours.opens) == "04:00:00"
    assert xyz.liquid_hours == TradingHours.always()
    assert scenario.quotes[1].ask_size == 7
    assert (scenario.quotes[1].bid_size, scenario.quotes[2].halted) == (D(500), 1)
    assert scenario.commissions.minimum == D("0.35")
    assert scenario.walk is not None
    assert scenario.walk.interval == 2.0

    clock = VirtualClock(SUNDAY)
    exchange = scenario.build(clock)
    assert exchange.account("DU1").cash == {"EUR": D("0.1")}
    assert exchange.account("DU1").positions[2].average_cost == D("2.5")
    clock.advance(2)
    assert exchange.quote(1).at == clock.now()


def test_a_file_can_have_a_tape_and_faults_beside_it(tmp_path: Path) -> None:
    (tmp_path / "quotes.csv").write_text("time,symbol,bid,ask\n1.5,ABC,11,11.01\n")
    more = "tape: quotes.csv\nfaults: [{action: swallow, message: placeOrder}]\n"
    scenario = load_scenario(write(tmp_path, FILE + more))
    assert scenario.faults == ({"action": "swallow", "message": "placeOrder"},)
    clock = VirtualClock(SUNDAY)
    exchange = replace(scenario, walk=None).build(clock)
    clock.advance(1)
    assert exchange.quote(1).bid == D("9.995")
    clock.advance(1)
    assert (exchange.quote(1).bid, exchange.quote(1).ask) == (D(11), D("11.01"))


def test_variants_of_a_scenario_are_built_from_its_value() -> None:
    scenario = replace(load_scenario("demo"), latency=LatencyModel())
    exchange = scenario.build(VirtualClock(SUNDAY))
    con_id = scenario.instruments[0].con_id
    order = exchange.submit(request(Side.BUY, 1, account_id="DU555555", con_id=con_id))
    assert order.status is OrderState.FILLED
    assert scenario.build(VirtualClock(SUNDAY)).executions() == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- 1", "the file should be a mapping"),
        ("a: [", "not YAML"),
        ("colour: red", "unknown keys.*colour"),
        ("instruments: [SPY]", "instrument 'SPY' should be a mapping"),
        ("instruments: [{con_id: 1, symbol: A, size: 3}]", "instrument 'A' has unknown keys.*size"),
        ("instruments: [{con_id: 1, symbol: A, quote: {mid: 3}}]", "quote of instrument 'A'.*mid"),
        ("instruments: [{con_id: 1, symbol: A, quote: {bid: cheap}}]", "bid in quote of .*'cheap'"),
        (
            "instruments: [{con_id: 1, symbol: A, quote: {bid: .nan}}]",
            r"\.nan is not a finite number",
        ),
        ("accounts: [DU1]", "accounts should be a mapping"),
        ("accounts: {DU1: {cash: 100}}", "cash of account DU1 should be a mapping"),
        ("accounts: {DU1: {positions: [SPY]}}", "positions of account DU1 should be a mapping"),
        ("accounts: {DU1: {cash: {USD: NaN}}}", "USD in cash of account DU1 is not a finite"),
        ("instruments: [{symbol: A}]", "con_id"),
        ("accounts: {DU1: {positions: {Q: {quantity: 1}}}}", "account DU1 holds Q"),
        ("hours: sometimes", "hours should be a mapping"),
        ("hours: {zone: Mars/Phobos}", "Mars/Phobos"),
        ("latency: {low: 2, high: 1}", "latency"),
        ("faults: [swallow]", "a fault should be a mapping"),
        ("tape: 3", "mine.yaml"),
    ],
)
def test_a_wrong_scenario_is_refused_with_the_place(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(StateError, match=complaint):
        load_scenario(write(tmp_path, text))


def test_an_unknown_scenario_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"'nowhere'.*(advisor, demo)"):
        load_scenario("nowhere")
    with pytest.raises(StateError, match="No such file"):
        load_scenario(tmp_path / "missing.yaml")
