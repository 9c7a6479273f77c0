"""Contract details, market rules and symbol search."""

from typing import Any

import pytest
from ib_async import Contract, Stock


async def test_details_say_what_a_client_needs_to_trade(world: Any) -> None:
    await world.gateway()
    ib = await world.client()
    (details,) = await ib.reqContractDetailsAsync(Stock("SPY", "SMART", "USD"))
    contract = details.contract
    assert contract is not None
    assert (contract.conId, contract.exchange, contract.primaryExchange) == (
        756733,
        "SMART",
        "ARCA",
    )
    assert (details.minTick, details.minSize, details.longName) == (0.01, 1.0, "SPDR S&P 500 ETF")
    assert details.validExchanges == "SMART,ARCA"
    assert details.marketRuleIds == "26,26"
    assert details.timeZoneId == "US/Eastern"
    assert [(pair.tag, pair.value) for pair in details.secIdList or []] == [
        ("ISIN", "US78462F1030")
    ]


async def test_hours_are_listed_by_day_in_the_contracts_zone(world: Any) -> None:
    await world.gateway()
    ib = await world.client()
    (details,) = await ib.reqContractDetailsAsync(Stock("NEWS", "SMART", "USD"))
    # Friday 20 November 2026, a weekend, and half a week
    assert details.liquidHours == (
        "20261120:0930-20261120:1600;20261121:CLOSED;20261122:CLOSED;"
        "20261123:0930-20261123:1600;20261124:0930-20261124:1600;20261125:0930-20261125:1600"
    )


@pytest.mark.parametrize(
    "contract",
    [
        Contract(conId=756733),
        Contract(conId=756733, exchange="SMART"),
        Contract(secType="STK", localSymbol="SPY", exchange="ARCA"),
        Contract(secType="STK", symbol="SPY", secIdType="ISIN", secId="US78462F1030"),
        Contract(secType="STK", symbol="SPY", currency="USD", primaryExchange="ARCA"),
    ],
    ids=["conId", "conId and exchange", "local symbol", "ISIN", "primary exchange"],
)
async def test_a_contract_is_found_by_any_sufficient_terms(world: Any, contract: Contract) -> None:
    await world.gateway()
    ib = await world.client()
    found = await ib.reqContractDetailsAsync(contract)
    assert [details.contract.conId for details in found if details.contract] == [756733]


@pytest.mark.parametrize(
    "contract",
    [
        Stock("NOSUCH", "SMART", "USD"),
        Stock("SPY", "SMART", "EUR"),
        Stock("SPY", "LSE", "USD"),
        Contract(conId=1),
        Contract(conId=756733, symbol="AAPL"),
        Contract(secType="STK", symbol="SPY", secIdType="ISIN", secId="US0000000000"),
        Contract(secType="STK", symbol="AAPL", tradingClass="SPY"),
        Contract(secType="OPT", symbol="SPY", right="C", strike=600),
    ],
)
async def test_what_is_not_listed_is_answered_with_200(world: Any, contract: Contract) -> None:
    await world.gateway()
    ib = await world.client()
    codes: list[int] = []
    ib.errorEvent += lambda request, code, text, about: codes.append(code)
    assert await ib.reqContractDetailsAsync(contract) == []
    assert codes == [200]


async def test_an_ambiguous_contract_has_several_details_and_is_not_qualified(world: Any) -> None:
    await world.gateway()
    ib = await world.client()
    both = await ib.reqContractDetailsAsync(Contract(secType="STK", symbol="SAP"))
    assert {d.contract.currency for d in both if d.contract} == {"EUR", "USD"}
    assert await ib.qualifyContractsAsync(Contract(secType="STK", symbol="SAP")) == [None]
    (qualified,) = await ib.qualifyContractsAsync(Stock("SAP", "SMART", "EUR"))
    assert isinstance(qualified, Contract)
    assert qualified.conId == 14204


async def test_a_contract_that_says_nothing_does_not_pass_validation(world: Any) -> None:
    await world.gateway()
    wire = await world.wire(1)
    wire.send("reqContractDetails", reqId=1, symbol="SPY")
    wire.send("reqContractDetails", reqId=2, secType="STK")
    errors = [await wire.receive(), await wire.receive()]
    assert [(error.fields["reqId"], error.fields["code"]) for error in errors] == [
        (1, 321),
        (2, 321),
    ]


async def test_a_market_rule_gives_the_tick_and_an_unknown_one_an_error(world: Any) -> None:
    await world.gateway()
    ib = await world.client()
    rule = await ib.reqMarketRuleAsync(26)
    assert [(step.lowEdge, step.increment) for step in rule or []] == [(0.0, 0.01)]
    wire = await world.wire(2)
    wire.send("reqMarketRule", marketRuleId=7)
    assert (await wire.receive()).fields["code"] == 10320


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("sp", {"SPY"}), ("apple", {"AAPL"}), ("SAP", {"SAP"}), ("zzz", set()), ("", set())],
)
async def test_symbols_are_searched_by_beginning_and_by_name(
    world: Any, pattern: str, found: set[str]
) -> None:
    await world.gateway()
    ib = await world.client()
    samples = await ib.reqMatchingSymbolsAsync(pattern)
    assert {sample.contract.symbol for sample in samples or [] if sample.contract} == found
