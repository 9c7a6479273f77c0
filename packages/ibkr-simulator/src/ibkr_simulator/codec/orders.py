"""The three long tables: an order as it is placed, as it works, and as it ended.

They share their groups (legs, scale, hedge, algo, conditions, pegs) but not their order of
fields, which is a fact of the protocol.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from .groups import CONTRACT11, CONTRACT12, DELTA_NEUTRAL_CONTRACT, filled, has
from .kinds import (
    BOOL,
    DECIMAL,
    DECIMAL_OR_MAX,
    DECIMAL_OR_ZERO,
    INT,
    LIMITLESS,
    LONG,
    OPTIONAL_BOOL,
    OPTIONAL_DECIMAL,
    OPTIONAL_INT,
    OPTIONAL_LONG,
    TAG_VALUES,
    TEXT,
    one_of,
)
from .spec import Field, Items, Repeat, Table, When, fields

_UNLIMITED = Decimal("Infinity")


def _scales(values: Mapping[str, Any]) -> bool:
    increment = values["scalePriceIncrement"]
    return increment is not None and increment > 0


_LEGS: Items = (
    Repeat(
        "comboLegs",
        (
            *fields(INT, "conId ratio"),
            *fields(TEXT, "action exchange"),
            *fields(INT, "openClose shortSaleSlot"),
            Field("designatedLocation", TEXT),
            Field("exemptCode", INT, -1),
        ),
    ),
    Repeat("orderComboLegs", fields(OPTIONAL_DECIMAL, "price")),
    Repeat("smartComboRoutingParams", fields(TEXT, "tag value")),
)
_SCALE: Items = (
    *fields(OPTIONAL_INT, "scaleInitLevelSize scaleSubsLevelSize"),
    Field("scalePriceIncrement", OPTIONAL_DECIMAL),
    When(
        _scales,
        (
            Field("scalePriceAdjustValue", OPTIONAL_DECIMAL),
            Field("scalePriceAdjustInterval", OPTIONAL_INT),
            Field("scaleProfitOffset", OPTIONAL_DECIMAL),
            Field("scaleAutoReset", BOOL),
            *fields(OPTIONAL_INT, "scaleInitPosition scaleInitFillQty"),
            Field("scaleRandomPercent", BOOL),
        ),
    ),
)
_HEDGE: Items = (Field("hedgeType", TEXT), When(filled("hedgeType"), fields(TEXT, "hedgeParam")))
_ALGO: Items = (
    Field("algoStrategy", TEXT),
    When(filled("algoStrategy"), (Repeat("algoParams", fields(TEXT, "tag value")),)),
)
_DELTA_NEUTRAL: Items = (
    Field("deltaNeutralOrderType", TEXT),
    Field("deltaNeutralAuxPrice", OPTIONAL_DECIMAL),
)
_DELTA_NEUTRAL_SALE: Items = (
    Field("dnShortSale", BOOL),
    Field("dnShortSaleSlot", INT),
    Field("dnDesignatedLocation", TEXT),
)
_DELTA_NEUTRAL_DETAILS = When(
    filled("deltaNeutralOrderType"),
    (
        Field("dnConId", INT),
        *fields(TEXT, "dnSettlingFirm dnClearingAccount dnClearingIntent dnOpenClose"),
        *_DELTA_NEUTRAL_SALE,
    ),
)
_VOLATILITY: Items = (Field("volatility", OPTIONAL_DECIMAL), Field("volatilityType", OPTIONAL_INT))
_TRAIL: Items = (
    Field("continuousUpdate", BOOL),
    Field("referencePriceType", OPTIONAL_INT),
    *fields(OPTIONAL_DECIMAL, "trailStopPrice trailingPercent"),
)
_STOCK_RANGE: Items = fields(
    OPTIONAL_DECIMAL, "startingPrice stockRefPrice delta stockRangeLower stockRangeUpper"
)
_SHORT_SALE: Items = (
    Field("shortSaleSlot", INT),
    Field("designatedLocation", TEXT),
    Field("exemptCode", INT, -1),
)
_FINANCIAL_ADVISOR: Items = (
    *fields(TEXT, "faGroup faMethod faPercentage"),
    Field("faProfile", TEXT, until=177),
    Field("modelCode", TEXT),
)
_PEG_BENCHMARK = When(
    has("orderType", "PEG BENCH", "PEGBENCH"),
    (
        Field("referenceContractId", INT),
        Field("isPeggedChangeAmountDecrease", BOOL),
        *fields(DECIMAL, "peggedChangeAmount referenceChangeAmount"),
        Field("referenceExchangeId", TEXT),
    ),
)
_CONDITIONS: Items = (
    Repeat(
        "conditions",
        (
            Field("type", one_of(1, 3, 4, 5, 6, 7)),
            Field("conj", TEXT, "a"),
            When(has("type", 1, 3, 4, 6, 7), fields(BOOL, "isMore")),
            When(has("type", 1), fields(DECIMAL, "price")),
            When(has("type", 3), fields(TEXT, "time")),
            When(has("type", 4), fields(INT, "percent")),
            When(has("type", 5), fields(TEXT, "secType exch symbol")),
            When(has("type", 6), fields(INT, "volume")),
            When(has("type", 7), fields(DECIMAL, "pct")),
            When(has("type", 1, 6, 7), (Field("conId", INT), Field("exch", TEXT))),
            When(has("type", 1), fields(INT, "triggerMethod")),
        ),
    ),
    When(filled("conditions"), fields(BOOL, "conditionsIgnoreRth conditionsCancelOrder")),
)
_ADJUSTED_STOPS: Items = (
    *fields(
        OPTIONAL_DECIMAL,
        "lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice adjustedTrailingAmount",
    ),
    Field("adjustableTrailingUnit", INT),
)
_MIDPOINT_OFFSETS: Items = fields(OPTIONAL_DECIMAL, "midOffsetAtWhole midOffsetAtHalf")
_BEST_OFFSET = Field("competeAgainstBestOffset", LIMITLESS)
#: All five at once, as the server restates them.
_PEG_BEST_AND_MID: Items = (
    *(Field(name, OPTIONAL_INT, since=170) for name in ("minTradeQty", "minCompeteSize")),
    Field("competeAgainstBestOffset", LIMITLESS, since=170),
    *(Field(name, OPTIONAL_DECIMAL, since=170) for name in ("midOffsetAtWhole", "midOffsetAtHalf")),
)

PLACE_ORDER = Table(
    3,
    "placeOrder",
    (
        Field("orderId", INT),
        *CONTRACT12,
        *fields(TEXT, "secIdType secId action"),
        Field("totalQuantity", DECIMAL),
        Field("orderType", TEXT),
        *fields(OPTIONAL_DECIMAL, "lmtPrice auxPrice"),
        *fields(TEXT, "tif ocaGroup account openClose"),
        Field("origin", INT),
        Field("orderRef", TEXT),
        Field("transmit", BOOL, True),
        Field("parentId", INT),
        *fields(BOOL, "blockOrder sweepToFill"),
        *fields(INT, "displaySize triggerMethod"),
        *fields(BOOL, "outsideRth hidden"),
        When(has("secType", "BAG"), _LEGS),
        Field("sharesAllocation", TEXT),
        Field("discretionaryAmt", DECIMAL),
        *fields(TEXT, "goodAfterTime goodTillDate"),
        *_FINANCIAL_ADVISOR,
        *_SHORT_SALE,
        Field("ocaType", INT),
        *fields(TEXT, "rule80A settlingFirm"),
        Field("allOrNone", BOOL),
        Field("minQty", OPTIONAL_INT),
        Field("percentOffset", OPTIONAL_DECIMAL),
        *fields(BOOL, "eTradeOnly firmQuoteOnly"),
        Field("nbboPriceCap", OPTIONAL_DECIMAL),
        Field("auctionStrategy", INT),
        *_STOCK_RANGE,
        Field("overridePercentageConstraints", BOOL),
        *_VOLATILITY,
        *_DELTA_NEUTRAL,
        _DELTA_NEUTRAL_DETAILS,
        *_TRAIL,
        *_SCALE,
        *fields(TEXT, "scaleTable activeStartTime activeStopTime"),
        *_HEDGE,
        Field("optOutSmartRouting", BOOL),
        *fields(TEXT, "clearingAccount clearingIntent"),
        Field("notHeld", BOOL),
        DELTA_NEUTRAL_CONTRACT,
        *_ALGO,
        Field("algoId", TEXT),
        Field("whatIf", BOOL),
        Field("orderMiscOptions", TAG_VALUES),
        *fields(BOOL, "solicited randomizeSize randomizePrice"),
        _PEG_BENCHMARK,
        *_CONDITIONS,
        Field("adjustedOrderType", TEXT),
        Field("triggerPrice", OPTIONAL_DECIMAL),
        *_ADJUSTED_STOPS,
        *fields(TEXT, "extOperator softDollarTierName softDollarTierValue"),
        Field("cashQty", OPTIONAL_DECIMAL),
        *fields(TEXT, "mifid2DecisionMaker mifid2DecisionAlgo"),
        *fields(TEXT, "mifid2ExecutionTrader mifid2ExecutionAlgo"),
        *fields(BOOL, "dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice"),
        Field("usePriceMgmtAlgo", OPTIONAL_BOOL),
        Field("duration", OPTIONAL_INT, since=158),
        Field("postToAts", OPTIONAL_INT, since=160),
        Field("autoCancelParent", BOOL, since=162),
        Field("advancedErrorOverride", TEXT, since=166),
        Field("manualOrderTime", TEXT, since=169),
        When(has("exchange", "IBKRATS"), fields(OPTIONAL_INT, "minTradeQty"), since=170),
        When(
            has("orderType", "PEG BEST", "PEGBEST"),
            (
                Field("minCompeteSize", OPTIONAL_INT),
                _BEST_OFFSET,
                When(has("competeAgainstBestOffset", _UNLIMITED), _MIDPOINT_OFFSETS),
            ),
            since=170,
        ),
        When(has("orderType", "PEG MID", "PEGMID"), _MIDPOINT_OFFSETS, since=170),
    ),
)

OPEN_ORDER = Table(
    5,
    "openOrder",
    (
        Field("orderId", INT),
        *CONTRACT11,
        Field("action", TEXT),
        Field("totalQuantity", DECIMAL),
        Field("orderType", TEXT),
        *fields(DECIMAL_OR_ZERO, "lmtPrice auxPrice"),
        *fields(TEXT, "tif ocaGroup account openClose"),
        Field("origin", INT),
        Field("orderRef", TEXT),
        Field("clientId", INT),
        Field("permId", LONG),
        *fields(BOOL, "outsideRth hidden"),
        Field("discretionaryAmt", DECIMAL),
        *fields(TEXT, "goodAfterTime sharesAllocation"),
        *_FINANCIAL_ADVISOR,
        *fields(TEXT, "goodTillDate rule80A"),
        Field("percentOffset", OPTIONAL_DECIMAL),
        Field("settlingFirm", TEXT),
        *_SHORT_SALE,
        Field("auctionStrategy", INT),
        *_STOCK_RANGE,
        Field("displaySize", INT),
        *fields(BOOL, "blockOrder sweepToFill allOrNone"),
        Field("minQty", OPTIONAL_INT),
        Field("ocaType", INT),
        *fields(BOOL, "eTradeOnly firmQuoteOnly"),
        Field("nbboPriceCap", OPTIONAL_DECIMAL),
        *fields(INT, "parentId triggerMethod"),
        *_VOLATILITY,
        *_DELTA_NEUTRAL,
        _DELTA_NEUTRAL_DETAILS,
        *_TRAIL,
        Field("basisPoints", OPTIONAL_DECIMAL),
        Field("basisPointsType", OPTIONAL_INT),
        Field("comboLegsDescrip", TEXT),
        *_LEGS,
        *_SCALE,
        *_HEDGE,
        Field("optOutSmartRouting", BOOL),
        Field("clearingAccount", TEXT),
        Field("clearingIntent", TEXT, "IB"),
        Field("notHeld", BOOL),
        DELTA_NEUTRAL_CONTRACT,
        *_ALGO,
        *fields(BOOL, "solicited whatIf"),
        Field("status", TEXT),
        *fields(DECIMAL_OR_MAX, "initMarginBefore maintMarginBefore equityWithLoanBefore"),
        *fields(DECIMAL_OR_MAX, "initMarginChange maintMarginChange equityWithLoanChange"),
        *fields(DECIMAL_OR_MAX, "initMarginAfter maintMarginAfter equityWithLoanAfter"),
        *fields(OPTIONAL_DECIMAL, "commission minCommission maxCommission"),
        *fields(TEXT, "commissionCurrency warningText"),
        *fields(BOOL, "randomizeSize randomizePrice"),
        _PEG_BENCHMARK,
        *_CONDITIONS,
        Field("adjustedOrderType", TEXT, "None"),
        *fields(OPTIONAL_DECIMAL, "triggerPrice trailStopPrice"),
        *_ADJUSTED_STOPS,
        *fields(TEXT, "softDollarTierName softDollarTierValue softDollarTierDisplayName"),
        Field("cashQty", OPTIONAL_DECIMAL),
        *fields(BOOL, "dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice"),
        Field("usePriceMgmtAlgo", OPTIONAL_BOOL),
        Field("duration", OPTIONAL_INT, since=158),
        Field("postToAts", OPTIONAL_INT, since=160),
        Field("autoCancelParent", BOOL, since=162),
        *_PEG_BEST_AND_MID,
    ),
)

COMPLETED_ORDER = Table(
    101,
    "completedOrder",
    (
        *CONTRACT11,
        Field("action", TEXT),
        Field("totalQuantity", DECIMAL),
        Field("orderType", TEXT),
        *fields(DECIMAL_OR_ZERO, "lmtPrice auxPrice"),
        *fields(TEXT, "tif ocaGroup account openClose"),
        Field("origin", INT),
        Field("orderRef", TEXT),
        Field("permId", LONG),
        *fields(BOOL, "outsideRth hidden"),
        Field("discretionaryAmt", DECIMAL),
        Field("goodAfterTime", TEXT),
        *_FINANCIAL_ADVISOR,
        *fields(TEXT, "goodTillDate rule80A"),
        Field("percentOffset", OPTIONAL_DECIMAL),
        Field("settlingFirm", TEXT),
        *_SHORT_SALE,
        *_STOCK_RANGE,
        Field("displaySize", INT),
        *fields(BOOL, "sweepToFill allOrNone"),
        Field("minQty", OPTIONAL_INT),
        *fields(INT, "ocaType triggerMethod"),
        *_VOLATILITY,
        *_DELTA_NEUTRAL,
        When(filled("deltaNeutralOrderType"), (Field("dnConId", INT), *_DELTA_NEUTRAL_SALE)),
        *_TRAIL,
        Field("comboLegsDescrip", TEXT),
        *_LEGS,
        *_SCALE,
        *_HEDGE,
        Field("clearingAccount", TEXT),
        Field("clearingIntent", TEXT, "IB"),
        Field("notHeld", BOOL),
        DELTA_NEUTRAL_CONTRACT,
        *_ALGO,
        Field("solicited", BOOL),
        Field("status", TEXT),
        *fields(BOOL, "randomizeSize randomizePrice"),
        _PEG_BENCHMARK,
        *_CONDITIONS,
        *fields(OPTIONAL_DECIMAL, "trailStopPrice lmtPriceOffset cashQty"),
        *fields(BOOL, "dontUseAutoPriceForHedge isOmsContainer"),
        Field("autoCancelDate", TEXT),
        Field("filledQuantity", DECIMAL),
        Field("refFuturesConId", INT),
        Field("autoCancelParent", BOOL),
        Field("shareholder", TEXT),
        *fields(BOOL, "imbalanceOnly routeMarketableToBbo"),
        Field("parentPermId", OPTIONAL_LONG),
        *fields(TEXT, "completedTime completedStatus"),
        *_PEG_BEST_AND_MID,
    ),
)
