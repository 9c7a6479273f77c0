"""Every request that ib_async can send, decoded: what it was told is what is read."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from ib_async.client import Client
from ib_async.contract import ComboLeg, Contract, DeltaNeutralContract, TagValue
from ib_async.objects import ExecutionFilter

VERSIONS = (157, 163, 164, 166, 169, 170, 176, 177, 178)

OPTION = Contract(
    secType="OPT",
    conId=11,
    symbol="AAPL",
    lastTradeDateOrContractMonth="20261218",
    strike=187.5,
    right="C",
    multiplier="100",
    exchange="SMART",
    primaryExchange="CBOE",
    currency="USD",
    localSymbol="AAPL  261218C00187500",
    tradingClass="AAPL",
    includeExpired=True,
    secIdType="ISIN",
    secId="US0378331005",
    issuerId="e1",
)
OPTION_READ = {
    "secType": "OPT",
    "conId": 11,
    "symbol": "AAPL",
    "lastTradeDateOrContractMonth": "20261218",
    "strike": Decimal("187.5"),
    "right": "C",
    "multiplier": "100",
    "exchange": "SMART",
    "primaryExchange": "CBOE",
    "currency": "USD",
    "localSymbol": "AAPL  261218C00187500",
    "tradingClass": "AAPL",
}
BAG = Contract(
    secType="BAG",
    symbol="A,B",
    comboLegs=[ComboLeg(conId=1, ratio=2, action="BUY", exchange="NYSE")],
    deltaNeutralContract=DeltaNeutralContract(conId=5, delta=0.5, price=12.25),
)
QUOTE_LEGS = ({"conId": 1, "ratio": 2, "action": "BUY", "exchange": "NYSE"},)
OPTIONS = [TagValue("a", "1"), TagValue("b", "x=y")]
OPTIONS_READ = ({"tag": "a", "value": "1"}, {"tag": "b", "value": "x=y"})

Send = Callable[[Client], None]
#: What to call, the message it must become, and the values that must be read.
CALLS: list[tuple[Send, str, dict[str, Any]]] = [
    (
        lambda c: c.reqMktData(3, OPTION, "233,236", True, False, OPTIONS),
        "reqMktData",
        OPTION_READ
        | {"reqId": 3, "genericTickList": "233,236", "snapshot": True, "comboLegs": ()}
        | {"regulatorySnapshot": False, "options": OPTIONS_READ, "deltaNeutralContract": None},
    ),
    (
        lambda c: c.reqMktData(3, BAG, "", False, True, []),
        "reqMktData",
        {"comboLegs": QUOTE_LEGS, "snapshot": False, "regulatorySnapshot": True, "options": ()}
        | {
            "deltaNeutralContract": {
                "conId": 5,
                "delta": Decimal("0.5"),
                "price": Decimal("12.25"),
            }
        },
    ),
    (lambda c: c.cancelMktData(4), "cancelMktData", {"version": 2, "reqId": 4}),
    (lambda c: c.cancelOrder(5), "cancelOrder", {"orderId": 5, "manualCancelTime": ""}),
    (lambda c: c.reqOpenOrders(), "reqOpenOrders", {"version": 1}),
    (
        lambda c: c.reqAccountUpdates(True, "DU1"),
        "reqAccountUpdates",
        {"subscribe": True, "account": "DU1"},
    ),
    (
        lambda c: c.reqExecutions(
            6, ExecutionFilter(9, "DU1", "20261120-09:30:00", "AAPL", "STK", "SMART", "BUY")
        ),
        "reqExecutions",
        {"reqId": 6, "clientId": 9, "acctCode": "DU1", "time": "20261120-09:30:00"}
        | {"symbol": "AAPL", "secType": "STK", "exchange": "SMART", "side": "BUY"},
    ),
    (lambda c: c.reqIds(2), "reqIds", {"numIds": 2}),
    (
        lambda c: c.reqContractDetails(7, OPTION),
        "reqContractDetails",
        OPTION_READ
        | {"reqId": 7, "includeExpired": True, "secIdType": "ISIN", "secId": "US0378331005"},
    ),
    (
        lambda c: c.reqMktDepth(8, OPTION, 5, True, OPTIONS),
        "reqMktDepth",
        OPTION_READ | {"reqId": 8, "numRows": 5, "isSmartDepth": True, "options": OPTIONS_READ},
    ),
    (
        lambda c: c.cancelMktDepth(8, False),
        "cancelMktDepth",
        {"reqId": 8, "isSmartDepth": False},
    ),
    (lambda c: c.setServerLogLevel(5), "setServerLogLevel", {"level": 5}),
    (lambda c: c.reqAutoOpenOrders(True), "reqAutoOpenOrders", {"bind": True}),
    (lambda c: c.reqAllOpenOrders(), "reqAllOpenOrders", {"version": 1}),
    (lambda c: c.reqManagedAccts(), "reqManagedAccts", {"version": 1}),
    (lambda c: c.requestFA(3), "requestFA", {"type": 3}),
    (
        lambda c: c.replaceFA(9, 1, "<xml/>"),
        "replaceFA",
        {"reqId": 9, "type": 1, "xml": "<xml/>"},
    ),
    (
        lambda c: c.reqHistoricalData(
            10, OPTION, "20261120", "1 D", "1 min", "TRADES", True, 2, False, OPTIONS
        ),
        "reqHistoricalData",
        OPTION_READ
        | {"reqId": 10, "includeExpired": True, "endDateTime": "20261120", "duration": "1 D"}
        | {"barSize": "1 min", "whatToShow": "TRADES", "useRTH": True, "formatDate": 2}
        | {"keepUpToDate": False, "options": OPTIONS_READ},
    ),
    (
        lambda c: c.reqHistoricalData(10, BAG, "", "", "", "", 0, 1, True, []),
        "reqHistoricalData",
        {"comboLegs": QUOTE_LEGS, "useRTH": False, "formatDate": 1, "keepUpToDate": True},
    ),
    (lambda c: c.cancelHistoricalData(10), "cancelHistoricalData", {"reqId": 10}),
    (lambda c: c.reqCurrentTime(), "reqCurrentTime", {"version": 1}),
    (
        lambda c: c.reqRealTimeBars(11, OPTION, 5, "MIDPOINT", False, OPTIONS),
        "reqRealTimeBars",
        OPTION_READ
        | {"reqId": 11, "barSize": 5, "whatToShow": "MIDPOINT", "options": OPTIONS_READ},
    ),
    (lambda c: c.cancelRealTimeBars(11), "cancelRealTimeBars", {"reqId": 11}),
    (lambda c: c.reqGlobalCancel(), "reqGlobalCancel", {"version": 1}),
    (lambda c: c.reqMarketDataType(4), "reqMarketDataType", {"type": 4}),
    (lambda c: c.reqPositions(), "reqPositions", {"version": 1}),
    (
        lambda c: c.reqAccountSummary(12, "All", "NetLiquidation,$LEDGER:ALL"),
        "reqAccountSummary",
        {"reqId": 12, "group": "All", "tags": "NetLiquidation,$LEDGER:ALL"},
    ),
    (lambda c: c.cancelAccountSummary(12), "cancelAccountSummary", {"reqId": 12}),
    (lambda c: c.cancelPositions(), "cancelPositions", {"version": 1}),
    (lambda c: c.startApi(), "startApi", {"version": 2, "clientId": -1, "optCapab": ""}),
    (
        lambda c: c.reqPositionsMulti(13, "DU1", "m"),
        "reqPositionsMulti",
        {"reqId": 13, "account": "DU1", "modelCode": "m"},
    ),
    (lambda c: c.cancelPositionsMulti(13), "cancelPositionsMulti", {"reqId": 13}),
    (
        lambda c: c.reqAccountUpdatesMulti(14, "DU1", "", True),
        "reqAccountUpdatesMulti",
        {"reqId": 14, "account": "DU1", "modelCode": "", "ledgerAndNLV": True},
    ),
    (lambda c: c.cancelAccountUpdatesMulti(14), "cancelAccountUpdatesMulti", {"reqId": 14}),
    (
        lambda c: c.reqSecDefOptParams(15, "AAPL", "", "STK", 265598),
        "reqSecDefOptParams",
        {"reqId": 15, "underSymbol": "AAPL", "underSecType": "STK", "underConId": 265598},
    ),
    (lambda c: c.reqFamilyCodes(), "reqFamilyCodes", {}),
    (lambda c: c.reqMatchingSymbols(16, "aap"), "reqMatchingSymbols", {"pattern": "aap"}),
    (lambda c: c.reqMktDepthExchanges(), "reqMktDepthExchanges", {}),
    (lambda c: c.reqSmartComponents(17, "9c"), "reqSmartComponents", {"bboExchange": "9c"}),
    (lambda c: c.reqNewsProviders(), "reqNewsProviders", {}),
    (
        lambda c: c.reqHeadTimeStamp(18, OPTION, "BID", True, 2),
        "reqHeadTimeStamp",
        OPTION_READ | {"reqId": 18, "whatToShow": "BID", "useRTH": True, "formatDate": 2},
    ),
    (lambda c: c.cancelHeadTimeStamp(18), "cancelHeadTimeStamp", {"reqId": 18}),
    (lambda c: c.reqMarketRule(26), "reqMarketRule", {"marketRuleId": 26}),
    (lambda c: c.reqPnL(19, "DU1", ""), "reqPnL", {"reqId": 19, "account": "DU1"}),
    (lambda c: c.cancelPnL(19), "cancelPnL", {"reqId": 19}),
    (
        lambda c: c.reqPnLSingle(20, "DU1", "m", 265598),
        "reqPnLSingle",
        {"reqId": 20, "account": "DU1", "modelCode": "m", "conId": 265598},
    ),
    (lambda c: c.cancelPnLSingle(20), "cancelPnLSingle", {"reqId": 20}),
    (
        lambda c: c.reqHistoricalTicks(21, OPTION, "a", "b", 10, "TRADES", 1, False, OPTIONS),
        "reqHistoricalTicks",
        OPTION_READ
        | {"reqId": 21, "startDateTime": "a", "endDateTime": "b", "numberOfTicks": 10}
        | {"whatToShow": "TRADES", "useRth": True, "ignoreSize": False, "options": OPTIONS_READ},
    ),
    (
        lambda c: c.reqTickByTickData(22, OPTION, "BidAsk", 3, True),
        "reqTickByTickData",
        OPTION_READ | {"reqId": 22, "tickType": "BidAsk", "numberOfTicks": 3, "ignoreSize": True},
    ),
    (lambda c: c.cancelTickByTickData(22), "cancelTickByTickData", {"reqId": 22}),
    (lambda c: c.reqCompletedOrders(True), "reqCompletedOrders", {"apiOnly": True}),
    (lambda c: c.reqUserInfo(23), "reqUserInfo", {"reqId": 23}),
]


@pytest.mark.parametrize(("send", "name", "values"), CALLS, ids=[call[1] for call in CALLS])
async def test_a_request_is_read_as_it_was_made(
    connect: Callable[[int], Any], send: Send, name: str, values: dict[str, Any]
) -> None:
    for version in VERSIONS:
        peer = connect(version)
        send(peer.client)
        request = peer.request()
        assert request.name == name
        assert {key: request.fields[key] for key in values} == values


async def test_a_contract_is_asked_for_by_issuer_from_version_176_on(
    connect: Callable[[int], Any],
) -> None:
    read = {}
    for version in (170, 176):
        peer = connect(version)
        peer.client.reqContractDetails(7, OPTION)
        read[version] = peer.request().fields["issuerId"]
    assert read == {170: "", 176: "e1"}


async def test_a_cancel_names_its_time_from_version_169_on(connect: Callable[[int], Any]) -> None:
    read = {}
    for version in (166, 169):
        peer = connect(version)
        peer.client.cancelOrder(5, "20261120-09:30:00")
        read[version] = peer.request().fields["manualCancelTime"]
    assert read == {166: "", 169: "20261120-09:30:00"}
