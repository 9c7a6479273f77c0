"""Account values, portfolio, summaries, positions and results, as ib_async sees them.

DU1 has USD 50,000 and EUR 1,000 (1 EUR = 1.25 USD), 10 SPY that cost 550 and stand at 600.01, and
5 SAP on Xetra that cost 150 and stand at 200.05 EUR.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ib_async import AccountValue, MarketOrder, Stock

#: What ib_async's account summary asks for, without the ledger.
SUMMARY_TAGS = (
    "AccountType NetLiquidation TotalCashValue SettledCash AccruedCash BuyingPower "
    "EquityWithLoanValue PreviousDayEquityWithLoanValue GrossPositionValue RegTEquity RegTMargin "
    "SMA InitMarginReq MaintMarginReq AvailableFunds ExcessLiquidity Cushion FullInitMarginReq "
    "FullMaintMarginReq FullAvailableFunds FullExcessLiquidity LookAheadNextChange "
    "LookAheadInitMarginReq LookAheadMaintMarginReq LookAheadAvailableFunds "
    "LookAheadExcessLiquidity HighestSeverity DayTradesRemaining DayTradesRemainingT+1 "
    "DayTradesRemainingT+2 DayTradesRemainingT+3 DayTradesRemainingT+4 Leverage"
)
LEDGER_TAGS = (
    "CashBalance TotalCashBalance AccruedCash StockMarketValue OptionMarketValue "
    "FutureOptionValue FuturesPNL NetLiquidationByCurrency UnrealizedPnL RealizedPnL ExchangeRate "
    "FundValue NetDividend MutualFundValue MoneyMarketFundValue CorporateBondValue TBondValue "
    "TBillValue WarrantValue FxCashBalance AccountOrGroup RealCurrency IssuerOptionValue Currency"
)


def values(lines: Iterable[AccountValue], currency: str) -> dict[str, str]:
    return {line.tag: line.value for line in lines if line.currency == currency}


async def test_account_values_come_in_the_base_currency_with_both_segments(world: Any) -> None:
    await world.gateway()
    ib = await world.client()
    usd = values(ib.accountValues("DU1"), "USD")
    # 50,000 + 1,000 x 1.25 + 10 x 600.01 + 5 x 200.05 x 1.25
    assert usd["NetLiquidation"] == usd["NetLiquidation-S"] == "58500.41"
    assert usd["TotalCashValue"] == "51250.00"
    assert usd["GrossPositionValue"] == "7250.41"
    assert usd["NetLiquidation-C"] == "0.00"
    # Regulation T: half of the positions' value initially, a quarter to keep them.
    assert usd["InitMarginReq"] == usd["FullInitMarginReq"] == "3625.21"
    assert usd["MaintMarginReq"] == usd["FullMaintMarginReq"] == "1812.60"


async def test_ledger_lines_exist_per_currency_and_converted_under_base(world: Any) -> None:
    await world.gateway()
    ib = await world.client()
    lines = ib.accountValues("DU1")
    base, usd, eur = (values(lines, currency) for currency in ("BASE", "USD", "EUR"))
    assert (base["CashBalance"], usd["CashBalance"], eur["CashBalance"]) == (
        "51250.00",
        "50000.00",
        "1000.00",
    )
    assert (usd["StockMarketValue"], eur["StockMarketValue"]) == ("6000.10", "1000.25")
    assert base["StockMarketValue"] == "7250.41"
    assert (usd["ExchangeRate"], eur["ExchangeRate"]) == ("1", "1.25")
    assert eur["UnrealizedPnL"] == "250.25"
    assert base["NetLiquidationByCurrency"] == "58500.41"


async def test_a_holding_in_a_currency_without_cash_has_a_ledger_of_its_own(world: Any) -> None:
    world.exchange.open_account(
        "DU3", cash={"USD": Decimal(100)}, positions={14204: (Decimal(4), Decimal(190))}
    )
    await world.gateway(accounts=("DU3",))
    ib = await world.client()
    lines = ib.accountValues("DU3")
    eur = values(lines, "EUR")
    assert (eur["CashBalance"], eur["StockMarketValue"], eur["ExchangeRate"]) == (
        "0.00",
        "800.20",
        "1.25",
    )
    # 100 + 4 x 200.05 x 1.25
    assert values(lines, "USD")["NetLiquidation"] == "1100.25"


async def test_a_summary_has_every_tag_that_ib_async_asks_for(world: Any) -> None:
    await world.gateway(accounts=None)
    ib = await world.client(account="DU1")
    lines = await ib.accountSummaryAsync("DU2")
    assert set(SUMMARY_TAGS.split()) <= {line.tag for line in lines}
    for currency in ("BASE", "USD"):
        assert set(LEDGER_TAGS.split()) <= values(lines, currency).keys()
    assert values(lines, "USD")["TotalCashValue"] == "3000.00"
    assert values(lines, "")["DayTradesRemaining"] == "-1"


async def test_settled_cash_alone_is_the_equity_of_a_cash_account(world: Any) -> None:
    await world.gateway(accounts=("DU2",))
    ib = await world.client()
    usd = values(ib.accountValues("DU2"), "USD")
    assert usd["EquityWithLoanValue"] == usd["SettledCash"] == usd["BuyingPower"] == "3000.00"


async def test_the_portfolio_shows_price_value_cost_and_result(world: Any) -> None:
    await world.gateway()
    ib = await world.client()
    item = {item.contract.symbol: item for item in ib.portfolio("DU1")}["SPY"]
    assert item.contract.primaryExchange == "ARCA"
    assert (item.position, item.marketPrice, item.marketValue) == (10.0, 600.01, 6000.1)
    assert (item.averageCost, item.unrealizedPNL, item.realizedPNL) == (550.0, 500.1, 0.0)


async def test_positions_of_all_accounts_come_without_an_exchange(world: Any) -> None:
    await world.gateway(accounts=None)
    ib = await world.client(account="DU1")
    held = {(item.account, item.contract.symbol): item for item in ib.positions()}
    assert held.keys() == {("DU1", "SPY"), ("DU1", "SAP")}
    assert held["DU1", "SPY"].contract.exchange == ""
    assert (held["DU1", "SAP"].position, held["DU1", "SAP"].avgCost) == (5.0, 150.0)


async def test_a_fill_is_pushed_to_positions_portfolio_values_and_summary(
    world: Any, aapl: Stock
) -> None:
    await world.gateway()
    ib, watcher = await world.client(1), await world.client(2)
    await watcher.accountSummaryAsync()
    trade = ib.placeOrder(aapl, MarketOrder("BUY", 5))
    await world.settle(ib, watcher)
    assert trade.orderStatus.status == "Filled"
    for client in (ib, watcher):
        position = {item.contract.symbol: item for item in client.positions()}["AAPL"]
        assert (position.position, position.avgCost) == (5.0, 200.2)
        portfolio = {item.contract.symbol: item for item in client.portfolio()}["AAPL"]
        assert (portfolio.position, portfolio.marketPrice) == (5.0, 200.0)
        # 5 x 200.00 and a commission of 1.00 gone
        assert values(client.accountValues(), "USD")["CashBalance"] == "48999.00"
    summary = await watcher.accountSummaryAsync()
    assert values(summary, "USD")["TotalCashValue"] == "50249.00"


async def test_a_position_that_is_sold_leaves_positions_and_portfolio(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    ib = await world.client()
    ib.placeOrder(spy, MarketOrder("SELL", 10))
    await world.settle(ib)
    assert [item.contract.symbol for item in ib.positions()] == ["SAP"]
    assert [item.contract.symbol for item in ib.portfolio()] == ["SAP"]


async def test_results_are_told_when_asked_for_and_after_a_fill(world: Any, spy: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    account, single = ib.reqPnL("DU1"), ib.reqPnLSingle("DU1", "", spy.conId)
    nothing = ib.reqPnLSingle("DU1", "", 1)
    await world.settle(ib)
    # 500.10 on SPY and 250.25 x 1.25 on SAP
    assert (account.unrealizedPnL, account.realizedPnL) == (812.9125, 0.0)
    assert (single.position, single.unrealizedPnL, single.value) == (10, 500.1, 6000.1)
    assert nothing.position == 0
    # since the close: 10 x (600.01 - 598.50), and 5 x (200.05 - 201.00) x 1.25 on SAP
    assert (single.dailyPnL, account.dailyPnL) == (15.1, 9.1625)
    ib.placeOrder(spy, MarketOrder("SELL", 4))
    await world.settle(ib)
    # sold at 600.00 what had cost 550.00, less a commission of 1.00
    assert account.realizedPnL == 199.0
    assert single.position == 6
    ib.cancelPnL("DU1")
    ib.cancelPnLSingle("DU1", "", spy.conId)
    await world.settle(ib)


async def test_an_unknown_account_is_refused_with_321(world: Any) -> None:
    await world.gateway()
    wire = await world.wire(2)
    wire.send("reqAccountUpdates", subscribe=True, account="DU9")
    error = await wire.receive()
    assert (error.fields["reqId"], error.fields["code"]) == (-1, 321)
    for request in ("reqAccountUpdatesMulti", "reqPositionsMulti", "reqPnL"):
        wire.send(request, reqId=5, account="DU9")
        error = await wire.receive()
        assert (error.fields["reqId"], error.fields["code"]) == (5, 321)


async def test_multi_requests_answer_for_one_account_and_then_follow_it(world: Any) -> None:
    await world.gateway(accounts=None)
    wire, trader = await world.wire(2), await world.wire(3)
    wire.send("reqPositionsMulti", reqId=1, account="DU1")
    held = await wire.receive_until("positionMultiEnd")
    assert [message.fields.get("symbol") for message in held[:-1]] == ["SPY", "SAP"]
    wire.send("reqAccountUpdatesMulti", reqId=2, account="DU1", ledgerAndNLV=True)
    ledger = await wire.receive_until("accountUpdateMultiEnd")
    keys = {message.fields["key"] for message in ledger[:-1]}
    assert {"NetLiquidation", "CashBalance"} <= keys
    assert "BuyingPower" not in keys
    buy(trader, "DU1")
    changed = await wire.receive()
    assert (changed.name, changed.fields["position"]) == ("positionMulti", 1)
    pushed = await wire.receive()
    assert (pushed.name, pushed.fields["key"]) == ("accountUpdateMulti", "NetLiquidation")


async def test_what_is_cancelled_is_not_pushed_any_more(world: Any) -> None:
    await world.gateway(accounts=None)
    wire, trader = await world.wire(2), await world.wire(3)
    wire.send("reqPositions")
    wire.send("reqPositionsMulti", reqId=1, account="DU1")
    wire.send("reqAccountUpdatesMulti", reqId=2, account="DU1")
    wire.send("reqAccountSummary", reqId=3, group="All", tags="TotalCashValue")
    wire.send("reqAccountUpdates", subscribe=True)
    await wire.receive_until("accountDownloadEnd")
    wire.send("cancelPositions")
    wire.send("cancelPositionsMulti", reqId=1)
    wire.send("cancelAccountUpdatesMulti", reqId=2)
    wire.send("cancelAccountSummary", reqId=3)
    wire.send("reqAccountUpdates", subscribe=False)
    await answered(wire)
    buy(trader, "DU1")
    await trader.receive_until("commissionReport")
    assert await answered(wire) == []


async def test_a_summary_of_one_account_a_third_summary_and_an_unknown_group(world: Any) -> None:
    await world.gateway(accounts=None)
    wire = await world.wire(2)
    wire.send("reqAccountSummary", reqId=1, group="DU2", tags="NetLiquidation,$LEDGER,Nonsense")
    lines = await wire.receive_until("accountSummaryEnd")
    assert {line.fields["account"] for line in lines[:-1]} == {"DU2"}
    assert lines[0].fields["tag"] == "NetLiquidation"
    assert {line.fields["currency"] for line in lines[1:-1]} == {"USD"}
    wire.send("reqAccountSummary", reqId=2, group="All", tags="$LEDGER:EUR")
    lines = await wire.receive_until("accountSummaryEnd")
    assert {line.fields["account"] for line in lines[:-1]} == {"DU1"}
    wire.send("reqAccountSummary", reqId=3, group="All", tags="NetLiquidation")
    assert (await wire.receive()).fields["code"] == 322
    wire.send("reqAccountSummary", reqId=2, group="Friends", tags="NetLiquidation")
    assert (await wire.receive()).fields["code"] == 321


async def test_without_an_account_the_first_of_the_login_is_streamed(world: Any) -> None:
    await world.gateway(accounts=None)
    wire = await world.wire(2)
    wire.send("reqAccountUpdates", subscribe=True)
    stream = await wire.receive_until("accountDownloadEnd")
    assert stream[-1].fields["account"] == "DU1"
    assert stream[-2].fields["time"] == "12:00"


def buy(wire: Any, account: str) -> None:
    """One share of AAPL at the market."""
    order = {"secType": "STK", "exchange": "SMART", "action": "BUY", "orderType": "MKT"}
    wire.send("placeOrder", orderId=1, symbol="AAPL", totalQuantity=1, account=account, **order)


async def answered(wire: Any) -> list[Any]:
    """What comes before the answer to a question that is always answered."""
    wire.send("reqCurrentTime")
    await asyncio.sleep(0)
    wire.send("reqCurrentTime")
    messages = [
        *await wire.receive_until("currentTime"),
        *await wire.receive_until("currentTime"),
    ]
    return [message for message in messages if message.name != "currentTime"]


async def test_new_prices_reach_results_after_a_second_and_accounts_after_three_minutes(
    world: Any, spy: Stock
) -> None:
    await world.gateway()
    ib = await world.client(account="DU1")
    single = ib.reqPnLSingle("DU1", "", spy.conId)
    await world.settle(ib)
    price = Decimal(610)
    quote = world.exchange.quote(spy.conId)
    world.exchange.set_quote(spy.conId, replace(quote, bid=price, ask=price, last=price, at=None))

    def told() -> tuple[float, list[float]]:
        return single.value, [p.marketValue for p in ib.portfolio() if p.contract.symbol == "SPY"]

    await world.settle(ib)
    assert told() == (6000.1, [6000.1])
    world.clock.advance(1)
    await world.settle(ib)
    assert told() == (6100.0, [6000.1])
    world.clock.advance(179)
    await world.settle(ib)
    assert told() == (6100.0, [6100.0])
