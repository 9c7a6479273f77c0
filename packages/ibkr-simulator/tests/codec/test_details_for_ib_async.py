"""Random contracts, executions, positions and account values: ib_async holds what was meant.

The values are drawn as ib_async's own objects, said in this codec's words, and read back by
ib_async's decoder and wrapper.
"""

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ib_async.contract import Contract, ContractDetails, TagValue
from ib_async.objects import AccountValue, CommissionReport, Execution, Position

VERSIONS = (157, 163, 164, 166, 169, 170, 176, 177, 178)
few = settings(deadline=None, max_examples=settings().max_examples // 4)

_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
_plain = st.text("ABC019. -", max_size=6)
_ints = st.integers(-(2**31), 2**31 - 2)
_floats = st.floats(-1e12, 1e12)


def _said(value: Any) -> Any:
    """A value of ib_async's as this codec takes it."""
    return Decimal(str(value)) if isinstance(value, float) else value


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    """A contract as the server names it."""
    contract = Contract(
        secType=draw(st.sampled_from(["STK", "OPT", "FUT", "CASH"])),
        conId=draw(_ints),
        symbol=draw(_texts),
        lastTradeDateOrContractMonth=draw(st.sampled_from(["", "20261218", "202612"])),
        strike=draw(_floats),
        right=draw(st.sampled_from(["", "C", "P"])),
    )
    for name in ("multiplier", "exchange", "currency", "localSymbol", "tradingClass"):
        setattr(contract, name, draw(_plain))
    return contract


def said_contract(contract: Contract) -> dict[str, Any]:
    """The fields in which every server message names a contract."""
    names = ("conId", "symbol", "secType", "right", "multiplier", "exchange", "currency")
    said = {name: getattr(contract, name) for name in (*names, "localSymbol", "tradingClass")}
    last = contract.lastTradeDateOrContractMonth
    return {**said, "lastTradeDate": last, "strike": _said(contract.strike)}


DETAILS = st.builds(
    ContractDetails,
    **dict.fromkeys(("marketName", "orderTypes", "validExchanges", "longName"), _texts),
    **dict.fromkeys(("contractMonth", "industry", "category", "subcategory"), _texts),
    **dict.fromkeys(("timeZoneId", "tradingHours", "liquidHours", "evRule"), _texts),
    **dict.fromkeys(("underSymbol", "underSecType", "marketRuleIds", "stockType"), _texts),
    **dict.fromkeys(("priceMagnifier", "underConId", "evMultiplier", "aggGroup"), _ints),
    **dict.fromkeys(("minTick", "minSize", "sizeIncrement", "suggestedSizeIncrement"), _floats),
    realExpirationDate=_texts,
    secIdList=st.lists(st.builds(TagValue, _texts, _texts), max_size=2),
)
#: Fields of ContractDetails that this message does not have.
NOT_IN_DETAILS = {
    *("contract", "mdSizeMultiplier", "lastTradeTime", "cusip", "ratings", "descAppend"),
    *("bondType", "couponType", "callable", "putable", "coupon", "convertible", "maturity"),
    *("issueDate", "nextOptionDate", "nextOptionType", "nextOptionPartial", "notes"),
}
DETAILS_SINCE = {"minSize": 164, "sizeIncrement": 164, "suggestedSizeIncrement": 163}


@few
@given(contract=contracts(), details=DETAILS, primary=_plain)
async def test_contract_details_are_read_as_meant(
    connect: Callable[[int], Any], contract: Contract, details: ContractDetails, primary: str
) -> None:
    names = {field.name for field in fields(ContractDetails)} - NOT_IN_DETAILS
    said = {name: _said(getattr(details, name)) for name in names}
    said["secIdList"] = tuple(pair._asdict() for pair in details.secIdList)
    contract.primaryExchange = primary
    for version in VERSIONS:
        peer = connect(version)
        answer = peer.ib.reqContractDetailsAsync(Contract(conId=contract.conId))
        request = peer.request()
        assert (request.name, request.fields["conId"]) == ("reqContractDetails", contract.conId)
        named = {**said_contract(contract), "primaryExchange": primary, **request_id(request)}
        peer.reply("contractDetails", **said, **named)
        peer.reply("contractDetailsEnd", **request_id(request))

        (found,) = await answer
        assert vars(found.contract) == vars(contract)
        on_wire = {name for name in names if DETAILS_SINCE.get(name, 0) <= version}
        assert {n: getattr(found, n) for n in on_wire} == {n: getattr(details, n) for n in on_wire}


def request_id(request: Any) -> dict[str, int]:
    return {"reqId": request.fields["reqId"]}


EXECUTIONS = st.builds(
    Execution,
    **dict.fromkeys(("execId", "acctNumber", "exchange", "side", "orderRef"), _texts),
    **dict.fromkeys(("evRule", "modelCode"), _texts),
    **dict.fromkeys(("shares", "price", "cumQty", "avgPrice", "evMultiplier"), _floats),
    **dict.fromkeys(("clientId", "orderId", "liquidation", "lastLiquidity"), _ints),
    permId=st.integers(1, 2**62),
    pendingPriceRevision=st.booleans(),
    time=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001
        lambda time: time.replace(microsecond=0, tzinfo=UTC)
    ),
)


@few
@given(contract=contracts(), execution=EXECUTIONS, commission=_floats)
async def test_an_execution_and_its_commission_are_read_as_meant(
    connect: Callable[[int], Any], contract: Contract, execution: Execution, commission: float
) -> None:
    said = {name: _said(value) for name, value in vars(execution).items()}
    said |= {"account": said.pop("acctNumber"), "execExchange": said.pop("exchange")}
    said |= {"time": execution.time.strftime("%Y%m%d %H:%M:%S UTC")}
    report = {"execId": execution.execId, "commission": _said(commission), "currency": "USD"}
    for version in VERSIONS:
        peer = connect(version)
        answer = peer.ib.reqExecutionsAsync()
        request = peer.request()
        peer.reply("execDetails", **request_id(request), **said, **said_contract(contract))
        peer.reply("execDetailsEnd", **request_id(request))
        peer.reply("commissionReport", **report)

        (fill,) = await answer
        revised = execution.pendingPriceRevision and version >= 178
        assert vars(fill.execution) == {**vars(execution), "pendingPriceRevision": revised}
        assert vars(fill.contract) == vars(contract)
        # ib_async turns the unset profit of an opening trade into 0.0
        expected = CommissionReport(execution.execId, commission, "USD", 0.0, 0.0, 0)
        assert fill.commissionReport == expected


@few
@given(contract=contracts(), numbers=st.tuples(*[_floats.filter(bool)] * 6))
async def test_positions_and_portfolio_are_read_as_meant(
    connect: Callable[[int], Any], contract: Contract, numbers: tuple[float, ...]
) -> None:
    names = ("position", "marketPrice", "marketValue", "averageCost")
    said = dict(zip((*names, "unrealizedPNL", "realizedPNL"), map(_said, numbers), strict=True))
    named = said_contract(contract)
    for version in VERSIONS:
        peer = connect(version)
        answer = peer.ib.reqPositionsAsync()
        assert peer.request().name == "reqPositions"
        held = {"position": said["position"], "avgCost": said["averageCost"], **named}
        peer.reply("position", account="DU1", **held)
        peer.reply("positionEnd")
        assert await answer == [Position("DU1", contract, numbers[0], numbers[3])]

        elsewhere = {name: value for name, value in named.items() if name != "exchange"}
        peer.reply("updatePortfolio", **elsewhere, primaryExchange="NYSE", **said, account="DU1")
        (item,) = peer.ib.portfolio("DU1")
        assert item[1:] == (*numbers, "DU1")
        expected = {**vars(contract), "exchange": "", "primaryExchange": "NYSE"}
        assert vars(item.contract) == expected


@few
@given(key=_texts, value=_texts, currency=_plain)
async def test_account_values_are_read_as_meant(
    connect: Callable[[int], Any], key: str, value: str, currency: str
) -> None:
    for version in VERSIONS:
        peer = connect(version)
        answer = peer.ib.reqAccountSummaryAsync()
        request = peer.request()
        assert request.name == "reqAccountSummary"
        said = {"account": "DU1", "value": value, "currency": currency}
        peer.reply("accountSummary", tag=key, **said, **request_id(request))
        peer.reply("accountSummaryEnd", **request_id(request))
        await answer
        expected = AccountValue("DU1", key, value, currency, "")
        assert list(peer.ib.wrapper.acctSummary.values()) == [expected]

        peer.reply("updateAccountValue", key=key, **said)
        assert peer.ib.accountValues("DU1") == [expected]
