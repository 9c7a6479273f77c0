"""Groups of fields that the three order tables share.

What belongs together stands together here; where it stands in a message is the tables' matter.
"""

from decimal import Decimal

from .groups import filled, has
from .kinds import (
    BOOL,
    DECIMAL,
    INT,
    LIMITLESS,
    OPTIONAL_DECIMAL,
    OPTIONAL_INT,
    TEXT,
    one_of,
)
from .spec import Field, Items, Repeat, Test, When, fields

UNLIMITED = Decimal("Infinity")


LEGS: Items = (
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
SCALE: Items = (
    *fields(OPTIONAL_INT, "scaleInitLevelSize scaleSubsLevelSize"),
    Field("scalePriceIncrement", OPTIONAL_DECIMAL),
    When(
        Test("scalePriceIncrement", lambda step: step is not None and step > 0),
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
HEDGE: Items = (Field("hedgeType", TEXT), When(filled("hedgeType"), fields(TEXT, "hedgeParam")))
ALGO: Items = (
    Field("algoStrategy", TEXT),
    When(filled("algoStrategy"), (Repeat("algoParams", fields(TEXT, "tag value")),)),
)
DELTA_NEUTRAL: Items = (
    Field("deltaNeutralOrderType", TEXT),
    Field("deltaNeutralAuxPrice", OPTIONAL_DECIMAL),
)
DELTA_NEUTRAL_SALE: Items = (
    Field("dnShortSale", BOOL),
    Field("dnShortSaleSlot", INT),
    Field("dnDesignatedLocation", TEXT),
)
DELTA_NEUTRAL_DETAILS = When(
    filled("deltaNeutralOrderType"),
    (
        Field("dnConId", INT),
        *fields(TEXT, "dnSettlingFirm dnClearingAccount dnClearingIntent dnOpenClose"),
        *DELTA_NEUTRAL_SALE,
    ),
)
VOLATILITY: Items = (Field("volatility", OPTIONAL_DECIMAL), Field("volatilityType", OPTIONAL_INT))
TRAIL: Items = (
    Field("continuousUpdate", BOOL),
    Field("referencePriceType", OPTIONAL_INT),
    *fields(OPTIONAL_DECIMAL, "trailStopPrice trailingPercent"),
)
STOCK_RANGE: Items = fields(
    OPTIONAL_DECIMAL, "startingPrice stockRefPrice delta stockRangeLower stockRangeUpper"
)
SHORT_SALE: Items = (
    Field("shortSaleSlot", INT),
    Field("designatedLocation", TEXT),
    Field("exemptCode", INT, -1),
)
FINANCIAL_ADVISOR: Items = (
    *fields(TEXT, "faGroup faMethod faPercentage"),
    Field("faProfile", TEXT, until=177),
    Field("modelCode", TEXT),
)
PEG_BENCHMARK = When(
    has("orderType", "PEG BENCH", "PEGBENCH"),
    (
        Field("referenceContractId", INT),
        Field("isPeggedChangeAmountDecrease", BOOL),
        *fields(DECIMAL, "peggedChangeAmount referenceChangeAmount"),
        Field("referenceExchangeId", TEXT),
    ),
)
CONDITIONS: Items = (
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
ADJUSTED_STOPS: Items = (
    *fields(
        OPTIONAL_DECIMAL,
        "lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice adjustedTrailingAmount",
    ),
    Field("adjustableTrailingUnit", INT),
)
MIDPOINT_OFFSETS: Items = fields(OPTIONAL_DECIMAL, "midOffsetAtWhole midOffsetAtHalf")
BEST_OFFSET = Field("competeAgainstBestOffset", LIMITLESS)
#: All five at once, as the server restates them.
PEG_BEST_AND_MID: Items = (
    *(Field(name, OPTIONAL_INT, since=170) for name in ("minTradeQty", "minCompeteSize")),
    Field("competeAgainstBestOffset", LIMITLESS, since=170),
    *(Field(name, OPTIONAL_DECIMAL, since=170) for name in ("midOffsetAtWhole", "midOffsetAtHalf")),
)
