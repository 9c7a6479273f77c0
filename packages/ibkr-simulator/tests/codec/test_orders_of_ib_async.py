"""Random orders from ib_async's encoder, through this codec, to ib_async's decoder and wrapper.

What ib_async holds at the end must be what it sent, field by field, except where the protocol
itself loses something; every such exception is listed here.
"""

import math
from collections.abc import Callable
from dataclasses import MISSING, fields
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ib_async.contract import ComboLeg, Contract, DeltaNeutralContract, TagValue
from ib_async.objects import SoftDollarTier
from ib_async.order import (
    ExecutionCondition,
    MarginCondition,
    Order,
    OrderComboLeg,
    PercentChangeCondition,
    PriceCondition,
    TimeCondition,
    VolumeCondition,
)
from ib_async.util import UNSET_DOUBLE, UNSET_INTEGER

from ibkr_simulator.codec import Message, decode_reply, encode_reply

VERSIONS = (157, 163, 164, 166, 169, 170, 176, 177, 178)

#: On the wire from this version on.
SINCE = {
    "duration": 159,
    "postToAts": 160,
    "autoCancelParent": 162,
    "minTradeQty": 170,
    "minCompeteSize": 170,
    "competeAgainstBestOffset": 170,
    "midOffsetAtWhole": 170,
    "midOffsetAtHalf": 170,
}
#: On the wire only before this version.
UNTIL = {"faProfile": 177}
#: Sent with an order and never restated by the server.
ONLY_SENT = {
    *("transmit", "overridePercentageConstraints", "activeStartTime", "activeStopTime"),
    *("scaleTable", "algoId", "orderMiscOptions", "extOperator", "mifid2DecisionMaker"),
    *("mifid2DecisionAlgo", "mifid2ExecutionTrader", "mifid2ExecutionAlgo"),
    *("advancedErrorOverride", "manualOrderTime"),
}
ONLY_SENT_SINCE = {"advancedErrorOverride": 166, "manualOrderTime": 169}
#: Told by the server and never sent with an order.
ONLY_TOLD = {
    *("orderId", "clientId", "permId", "basisPoints", "basisPointsType", "autoCancelDate"),
    *("filledQuantity", "refFuturesConId", "shareholder", "imbalanceOnly"),
    *("routeMarketableToBbo", "parentPermId"),
}
#: A gateway restates an unset price of these as 0.0.
ZERO_IF_UNSET = {"lmtPrice", "auxPrice"}
#: Names that ib_async spells out.
SHORTENED = {
    **{f"deltaNeutral{rest}": f"dn{rest}" for rest in ("ConId", "SettlingFirm", "OpenClose")},
    **{f"deltaNeutral{rest}": f"dn{rest}" for rest in ("ClearingAccount", "ClearingIntent")},
    **{f"deltaNeutral{rest}": f"dn{rest}" for rest in ("ShortSale", "ShortSaleSlot")},
    "deltaNeutralDesignatedLocation": "dnDesignatedLocation",
}

_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0?"), max_size=6)
_words = st.text("ABCxyz019 .=-", min_size=1, max_size=6)
_values = st.text("ABCxyz019 .=-", max_size=6)
_ints = st.integers(-(2**31), UNSET_INTEGER - 1)
_floats = st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x != UNSET_DOUBLE)
_tags = st.lists(st.builds(TagValue, _words, _words), max_size=3)
_conjunctions = st.sampled_from("ao")
_conditions = st.lists(
    st.one_of(
        st.builds(
            PriceCondition,
            *(st.just(1), _conjunctions, st.booleans(), _floats, _ints, _texts, _ints),
        ),
        st.builds(TimeCondition, st.just(3), _conjunctions, st.booleans(), _texts),
        st.builds(MarginCondition, st.just(4), _conjunctions, st.booleans(), _ints),
        st.builds(ExecutionCondition, st.just(5), _conjunctions, _texts, _texts, _texts),
        st.builds(VolumeCondition, st.just(6), _conjunctions, st.booleans(), _ints, _ints, _texts),
        st.builds(
            PercentChangeCondition,
            *(st.just(7), _conjunctions, st.booleans(), _floats, _ints, _texts),
        ),
    ),
    min_size=1,
    max_size=4,
)
_OF_TYPE: dict[type, st.SearchStrategy[Any]] = {
    str: _texts,
    int: _ints,
    float: _floats,
    bool: st.booleans(),
}


def _some(*names: str) -> dict[str, st.SearchStrategy[Any]]:
    """A strategy for each of these plain fields of Order."""
    types = {field.name: type(field.default) for field in fields(Order)}
    return {name: _OF_TYPE[types[name]] for name in names}


#: Fields that are on the wire only together with another; each group is given whole or not at all.
GROUPS = (
    {
        "deltaNeutralOrderType": _words,
        **_some("deltaNeutralAuxPrice", *SHORTENED),
    },
    {
        "scalePriceIncrement": _floats.filter(lambda x: x > 0),
        **_some("scalePriceAdjustValue", "scalePriceAdjustInterval", "scaleProfitOffset"),
        **_some("scaleAutoReset", "scaleInitPosition", "scaleInitFillQty", "scaleRandomPercent"),
    },
    {"hedgeType": _words, **_some("hedgeParam")},
    {"algoStrategy": _words, "algoParams": _tags},
    {"conditions": _conditions, **_some("conditionsIgnoreRth", "conditionsCancelOrder")},
)
_MIDPOINT = _some("midOffsetAtWhole", "midOffsetAtHalf")
_best = st.sampled_from(["PEG BEST", "PEGBEST"])
#: Types of order, with the fields that only they have.
TYPES = (
    {"orderType": st.sampled_from(["MKT", "LMT", "STP", "STP LMT", "TRAIL", "REL"])},
    {"orderType": st.just("VOL"), **_some("volatility")},
    {
        "orderType": st.sampled_from(["PEG BENCH", "PEGBENCH"]),
        **_some("referenceContractId", "isPeggedChangeAmountDecrease", "peggedChangeAmount"),
        **_some("referenceChangeAmount", "referenceExchangeId"),
    },
    {"orderType": _best, **_some("minCompeteSize", "competeAgainstBestOffset")},
    {
        "orderType": _best,
        "competeAgainstBestOffset": st.just(math.inf),
        **_some("minCompeteSize"),
        **_MIDPOINT,
    },
    {"orderType": st.sampled_from(["PEG MID", "PEGMID"]), **_MIDPOINT},
)
_DEPENDENT = {"whatIf", "minTradeQty"}.union(*GROUPS, *TYPES)
_PLAIN = _some(
    *(
        field.name
        for field in fields(Order)
        if field.default is not MISSING and field.name not in _DEPENDENT | ONLY_TOLD
    )
)
_EXTRA = {
    "softDollarTier": st.builds(SoftDollarTier, _texts, _texts),
    "orderMiscOptions": st.lists(st.builds(TagValue, st.text("abc", min_size=1), _values)),
}
_legs = st.builds(ComboLeg, *(_ints, _ints, _texts, _texts, _ints, _ints, _texts, _ints))
_contract_texts = st.fixed_dictionaries(
    {
        **dict.fromkeys(("symbol", "right", "multiplier", "currency", "localSymbol"), _texts),
        **dict.fromkeys(("tradingClass", "primaryExchange"), _texts),
        "lastTradeDateOrContractMonth": _texts,
    }
)


@st.composite
def orders(draw: st.DrawFn) -> tuple[Contract, Order]:
    """A contract and an order in which every field is sent that is set."""
    order = draw(st.fixed_dictionaries({}, optional=_PLAIN | _EXTRA))
    order |= draw(st.one_of(*map(st.fixed_dictionaries, TYPES)))
    for group in GROUPS:
        if draw(st.booleans()):
            order |= draw(st.fixed_dictionaries(group))
    contract = Contract(
        secType=draw(st.sampled_from(["STK", "OPT", "FUT", "CASH", "BAG"])),
        conId=draw(_ints),
        strike=draw(_floats),
        exchange=draw(st.sampled_from(["SMART", "NYSE", "IBKRATS"])),
    )
    vars(contract).update(draw(_contract_texts))
    if draw(st.booleans()):
        contract.deltaNeutralContract = DeltaNeutralContract(
            draw(_ints), draw(_floats), draw(_floats)
        )
    if contract.exchange == "IBKRATS":
        order["minTradeQty"] = draw(_ints)
    if contract.secType == "BAG":
        contract.comboLegs = draw(st.lists(_legs, max_size=3))
        order["orderComboLegs"] = draw(st.lists(st.builds(OrderComboLeg, _floats), max_size=3))
        order["smartComboRoutingParams"] = draw(_tags)
    return contract, Order(**order)


def restated(request: Message, name: str, version: int, **told: Any) -> dict[str, Any]:
    """The values of an order as placed, as far as the reply `name` has fields for them."""
    known = decode_reply(encode_reply(Message(name, {}), version), version).fields
    values = {key: value for key, value in request.fields.items() if key in known}
    return values | {"lastTradeDate": request.fields["lastTradeDateOrContractMonth"]} | told


def expected_order(order: Order, version: int, lost: set[str], **told: Any) -> dict[str, Any]:
    """What ib_async must hold after an order came back at a version."""
    default = Order()
    expected: dict[str, Any] = {}
    for name in (field.name for field in fields(Order)):
        value = getattr(order, name)
        on_wire = SINCE.get(name, 0) <= version < UNTIL.get(name, 1000)
        if not on_wire or name in ONLY_SENT | lost:
            value = getattr(default, name)
        if name in ZERO_IF_UNSET and value == UNSET_DOUBLE:
            value = 0.0
        expected[name] = value
    return expected | told


def contract_values(contract: Contract) -> dict[str, Any]:
    """All that a contract says after it came back: the server never names primaryExchange."""
    names = {field.name for field in fields(Contract)} - {"primaryExchange"}
    return {name: getattr(contract, name) for name in names}


def as_read(value: Any) -> Any:
    """A value of ib_async's as this codec must read it."""
    if isinstance(value, list):
        return tuple({"tag": tag, "value": text} for tag, text in value)
    return value


@settings(deadline=None, max_examples=settings().max_examples * 3 // 4)
@given(placed=orders())
async def test_an_order_comes_back_as_it_was_placed(
    connect: Callable[[int], Any], placed: tuple[Contract, Order]
) -> None:
    contract, order = placed
    expected = {version: expected_order(order, version, set()) for version in VERSIONS}
    for version in VERSIONS:
        peer = connect(version)
        peer.client.placeOrder(7, contract, order)
        request = peer.request()
        assert request.name == "placeOrder"
        for name in ONLY_SENT:
            if ONLY_SENT_SINCE.get(name, 0) <= version:
                assert request.fields[name] == as_read(getattr(order, name)), name
        assert request.fields["primaryExchange"] == contract.primaryExchange

        values = restated(request, "openOrder", version, clientId=3, permId=2**40)
        peer.reply("openOrder", **values, status="Submitted")

        (trade,) = peer.ib.trades()
        told = {"orderId": 7, "clientId": 3, "permId": 2**40}
        found = {field.name: getattr(trade.order, field.name) for field in fields(Order)}
        assert found == expected[version] | told
        assert contract_values(trade.contract) == contract_values(contract)
        assert trade.orderStatus.status == "Submitted"


#: In an open order and not in a completed one.
NOT_COMPLETED = {
    *("blockOrder", "auctionStrategy", "eTradeOnly", "firmQuoteOnly", "nbboPriceCap", "parentId"),
    *("optOutSmartRouting", "adjustedOrderType", "triggerPrice", "adjustedStopPrice"),
    *("adjustedStopLimitPrice", "adjustedTrailingAmount", "adjustableTrailingUnit"),
    *("softDollarTier", "discretionaryUpToLimitPrice", "usePriceMgmtAlgo", "duration"),
    *("postToAts", "deltaNeutralSettlingFirm", "deltaNeutralClearingAccount"),
    *("deltaNeutralClearingIntent", "deltaNeutralOpenClose"),
}


@settings(deadline=None, max_examples=settings().max_examples // 4)
@given(placed=orders())
async def test_a_completed_order_tells_what_was_placed(
    connect: Callable[[int], Any], placed: tuple[Contract, Order]
) -> None:
    contract, order = placed
    told: dict[str, Any] = {
        "autoCancelDate": "20261231",
        "filledQuantity": Decimal("1.5"),
        "refFuturesConId": 4,
        "shareholder": "Not an insider or substantial shareholder",
        "imbalanceOnly": True,
        "routeMarketableToBbo": True,
        "parentPermId": 2**50,
        "autoCancelParent": True,
    }
    expected = {v: expected_order(order, v, NOT_COMPLETED, **told) for v in VERSIONS}
    for version in VERSIONS:
        peer = connect(version)
        peer.client.placeOrder(7, contract, order)
        values = restated(peer.request(), "completedOrder", version, **told, permId=2**40)
        completed = peer.ib.reqCompletedOrdersAsync(apiOnly=True)
        assert peer.request() == Message("reqCompletedOrders", {"apiOnly": True})
        peer.reply("completedOrder", **values, status="Filled")
        peer.reply("completedOrdersEnd")

        (trade,) = await completed
        found = {field.name: getattr(trade.order, field.name) for field in fields(Order)}
        assert found == expected[version] | {"permId": 2**40}
        assert contract_values(trade.contract) == contract_values(contract)
        assert trade.orderStatus.status == "Filled"


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_what_if_order_ends_when_margins_are_told(
    connect: Callable[[int], Any], version: int
) -> None:
    peer = connect(version)
    order = Order(action="BUY", totalQuantity=5, orderType="MKT", account="DU1")
    answer = peer.ib.whatIfOrderAsync(Contract(secType="STK", conId=265598), order)
    request = peer.request()
    assert request.fields["whatIf"] is True
    values = restated(request, "openOrder", version)

    peer.reply("openOrder", **values)
    assert not answer.done()
    peer.reply("openOrder", **values, initMarginChange=Decimal("512.25"), commission=Decimal(1))

    state = await answer
    assert (state.initMarginChange, state.commission) == ("512.25", 1.0)
    assert float(state.maintMarginAfter) == UNSET_DOUBLE
