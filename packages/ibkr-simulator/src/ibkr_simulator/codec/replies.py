"""What the server sends: one table per message id."""

from .groups import CONTRACT11, size, versioned
from .kinds import (
    BOOL,
    DECIMAL,
    DECIMAL_OR_MAX,
    ESCAPED_TEXT,
    INT,
    LONG,
    OPTIONAL_DECIMAL,
    OPTIONAL_INT,
    TEXT,
)
from .orders import COMPLETED_ORDER, OPEN_ORDER
from .spec import Field, Item, Items, Listing, Repeat, Table, fields

_REQ_ID = Field("reqId", INT)
#: For messages that also come unasked.
_REQ_ID_OR_NONE = Field("reqId", INT, -1)
_PRICES: Items = fields(DECIMAL, "open high low close")


def _end(number: int, name: str) -> Table:
    return Table(number, name, (versioned(1), _REQ_ID))


def _tick(number: int, name: str, *items: Item) -> Table:
    return Table(number, name, (versioned(6), _REQ_ID, Field("tickType", INT), *items))


_CONTRACT_DETAILS = Table(
    10,
    "contractDetails",
    (
        Field("version", INT, 8, until=164),
        _REQ_ID,
        *fields(TEXT, "symbol secType lastTradeDate"),
        Field("strike", DECIMAL),
        *fields(TEXT, "right exchange currency localSymbol marketName tradingClass"),
        Field("conId", INT),
        Field("minTick", DECIMAL),
        Field("mdSizeMultiplier", INT, 1, until=164),
        *fields(TEXT, "multiplier orderTypes validExchanges"),
        Field("priceMagnifier", INT, 1),
        Field("underConId", INT),
        Field("longName", ESCAPED_TEXT),
        *fields(TEXT, "primaryExchange contractMonth industry category subcategory"),
        *fields(TEXT, "timeZoneId tradingHours liquidHours evRule"),
        Field("evMultiplier", INT),
        Repeat("secIdList", fields(TEXT, "tag value")),
        Field("aggGroup", INT),
        *fields(TEXT, "underSymbol underSecType marketRuleIds realExpirationDate stockType"),
        *(Field(name, DECIMAL, since=164) for name in ("minSize", "sizeIncrement")),
        Field("suggestedSizeIncrement", DECIMAL, since=163),
    ),
)

_EXEC_DETAILS = Table(
    11,
    "execDetails",
    (
        _REQ_ID_OR_NONE,
        Field("orderId", INT),
        *CONTRACT11,
        *fields(TEXT, "execId time account execExchange side"),
        *fields(DECIMAL, "shares price"),
        Field("permId", LONG),
        *fields(INT, "clientId liquidation"),
        *fields(DECIMAL, "cumQty avgPrice"),
        *fields(TEXT, "orderRef evRule"),
        Field("evMultiplier", OPTIONAL_DECIMAL),
        Field("modelCode", TEXT),
        Field("lastLiquidity", INT),
        Field("pendingPriceRevision", BOOL, since=178),
    ),
)

_UPDATE_PORTFOLIO = Table(
    7,
    "updatePortfolio",
    (
        versioned(8),
        Field("conId", INT),
        *fields(TEXT, "symbol secType lastTradeDate"),
        Field("strike", DECIMAL),
        *fields(TEXT, "right multiplier primaryExchange currency localSymbol tradingClass"),
        *fields(DECIMAL, "position marketPrice marketValue averageCost"),
        *fields(DECIMAL, "unrealizedPNL realizedPNL"),
        Field("account", TEXT),
    ),
)

_ORDER_STATUS = Table(
    3,
    "orderStatus",
    (
        Field("orderId", INT),
        Field("status", TEXT),
        *fields(DECIMAL, "filled remaining avgFillPrice"),
        Field("permId", LONG),
        Field("parentId", INT),
        Field("lastFillPrice", DECIMAL),
        Field("clientId", INT),
        Field("whyHeld", TEXT),
        Field("mktCapPrice", DECIMAL),
    ),
)

_COMMISSION_REPORT = Table(
    59,
    "commissionReport",
    (
        versioned(1),
        Field("execId", TEXT),
        Field("commission", DECIMAL),
        Field("currency", TEXT),
        *fields(DECIMAL_OR_MAX, "realizedPNL yield"),
        Field("yieldRedemptionDate", OPTIONAL_INT),
    ),
)

_HISTORICAL_BAR: Items = (
    Field("date", TEXT),
    *_PRICES,
    *size("volume"),
    Field("wap", DECIMAL),
    Field("count", INT),
)

_SYMBOL_SAMPLE: Items = (
    Field("conId", INT),
    *fields(TEXT, "symbol secType primaryExchange currency"),
    Listing("derivTypes", TEXT),
    Field("description", ESCAPED_TEXT, since=176),
    Field("issuerId", TEXT, since=176),
)

REPLIES: tuple[Table, ...] = (
    _tick(
        1,
        "tickPrice",
        Field("price", OPTIONAL_DECIMAL),
        *size("size"),
        Field("attribMask", INT),
    ),
    _tick(2, "tickSize", *size("size")),
    _ORDER_STATUS,
    Table(
        4,
        "errMsg",
        (
            versioned(2),
            _REQ_ID_OR_NONE,
            Field("code", INT),
            Field("text", ESCAPED_TEXT),
            Field("advancedOrderRejectJson", TEXT, since=166),
        ),
    ),
    OPEN_ORDER,
    Table(6, "updateAccountValue", (versioned(2), *fields(TEXT, "key value currency account"))),
    _UPDATE_PORTFOLIO,
    Table(8, "updateAccountTime", (versioned(1), Field("time", TEXT))),
    Table(9, "nextValidId", (versioned(1), Field("id", INT))),
    _CONTRACT_DETAILS,
    _EXEC_DETAILS,
    Table(15, "managedAccounts", (versioned(1), Field("accounts", TEXT))),
    Table(16, "receiveFA", (versioned(1), Field("type", INT), Field("xml", TEXT))),
    Table(
        17,
        "historicalData",
        (_REQ_ID, *fields(TEXT, "start end"), Repeat("bars", _HISTORICAL_BAR)),
    ),
    _tick(45, "tickGeneric", Field("value", DECIMAL)),
    _tick(46, "tickString", Field("value", TEXT)),
    Table(49, "currentTime", (versioned(1), Field("time", LONG))),
    Table(
        50,
        "realtimeBar",
        (
            versioned(3),
            _REQ_ID,
            Field("time", LONG),
            *_PRICES,
            *size("volume"),
            Field("wap", DECIMAL),
            Field("count", INT),
        ),
    ),
    _end(52, "contractDetailsEnd"),
    Table(53, "openOrderEnd", (versioned(1),)),
    Table(54, "accountDownloadEnd", (versioned(1), Field("account", TEXT))),
    _end(55, "execDetailsEnd"),
    _end(57, "tickSnapshotEnd"),
    Table(58, "marketDataType", (versioned(1), _REQ_ID, Field("type", INT, 1))),
    _COMMISSION_REPORT,
    Table(
        61,
        "position",
        (versioned(3), Field("account", TEXT), *CONTRACT11, *fields(DECIMAL, "position avgCost")),
    ),
    Table(62, "positionEnd", (versioned(1),)),
    Table(
        63,
        "accountSummary",
        (versioned(1), _REQ_ID, *fields(TEXT, "account tag value currency")),
    ),
    _end(64, "accountSummaryEnd"),
    Table(
        71,
        "positionMulti",
        (
            versioned(1),
            _REQ_ID,
            Field("account", TEXT),
            *CONTRACT11,
            *fields(DECIMAL, "position avgCost"),
            Field("modelCode", TEXT),
        ),
    ),
    _end(72, "positionMultiEnd"),
    Table(
        73,
        "accountUpdateMulti",
        (versioned(1), _REQ_ID, *fields(TEXT, "account modelCode key value currency")),
    ),
    _end(74, "accountUpdateMultiEnd"),
    Table(
        75,
        "secDefOptParams",
        (
            _REQ_ID,
            Field("exchange", TEXT),
            Field("underConId", INT),
            *fields(TEXT, "tradingClass multiplier"),
            Listing("expirations", TEXT),
            Listing("strikes", DECIMAL),
        ),
    ),
    Table(76, "secDefOptParamsEnd", (_REQ_ID,)),
    Table(78, "familyCodes", (Repeat("codes", fields(TEXT, "account code")),)),
    Table(79, "symbolSamples", (_REQ_ID, Repeat("samples", _SYMBOL_SAMPLE))),
    Table(
        80,
        "mktDepthExchanges",
        (
            Repeat(
                "exchanges",
                (
                    *fields(TEXT, "exchange secType listingExch serviceDataType"),
                    Field("aggGroup", INT),
                ),
            ),
        ),
    ),
    Table(
        81,
        "tickReqParams",
        (
            _REQ_ID,
            Field("minTick", DECIMAL),
            Field("bboExchange", TEXT),
            Field("snapshotPermissions", INT),
        ),
    ),
    Table(
        82,
        "smartComponents",
        (_REQ_ID, Repeat("components", (Field("bit", INT), *fields(TEXT, "exchange letter")))),
    ),
    Table(85, "newsProviders", (Repeat("providers", fields(TEXT, "code name")),)),
    Table(88, "headTimestamp", (_REQ_ID, Field("text", TEXT))),
    Table(
        93,
        "marketRule",
        (Field("ruleId", INT), Repeat("increments", fields(DECIMAL, "lowEdge increment"))),
    ),
    Table(94, "pnl", (_REQ_ID, *fields(DECIMAL_OR_MAX, "dailyPnL unrealizedPnL realizedPnL"))),
    Table(
        95,
        "pnlSingle",
        (
            _REQ_ID,
            *size("position"),
            *fields(DECIMAL_OR_MAX, "dailyPnL unrealizedPnL realizedPnL value"),
        ),
    ),
    COMPLETED_ORDER,
    Table(102, "completedOrdersEnd", ()),
    Table(103, "replaceFAEnd", (_REQ_ID, Field("text", TEXT))),
    Table(107, "userInfo", (_REQ_ID, Field("whiteBrandingId", TEXT))),
)
