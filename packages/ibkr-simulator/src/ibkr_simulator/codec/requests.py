"""What a client sends: one table per message id."""

from .groups import CONTRACT12, DELTA_NEUTRAL_CONTRACT, QUOTE_LEGS, versioned
from .kinds import BOOL, INT, TAG_VALUES, TEXT
from .orders import PLACE_ORDER
from .spec import Field, Items, Table, fields

_REQ_ID = Field("reqId", INT)


def _cancel(number: int, name: str, version: int = 1) -> Table:
    return Table(number, name, (versioned(version), _REQ_ID))


def _bare(number: int, name: str) -> Table:
    return Table(number, name, (versioned(1),))


_ACCOUNT_AND_MODEL: Items = fields(TEXT, "account modelCode")

REQUESTS: tuple[Table, ...] = (
    Table(
        1,
        "reqMktData",
        (
            versioned(11),
            _REQ_ID,
            *CONTRACT12,
            QUOTE_LEGS,
            DELTA_NEUTRAL_CONTRACT,
            Field("genericTickList", TEXT),
            *fields(BOOL, "snapshot regulatorySnapshot"),
            Field("options", TAG_VALUES),
        ),
    ),
    _cancel(2, "cancelMktData", version=2),
    PLACE_ORDER,
    Table(
        4,
        "cancelOrder",
        (versioned(1), Field("orderId", INT), Field("manualCancelTime", TEXT, since=169)),
    ),
    _bare(5, "reqOpenOrders"),
    Table(6, "reqAccountUpdates", (versioned(2), Field("subscribe", BOOL), Field("account", TEXT))),
    Table(
        7,
        "reqExecutions",
        (
            versioned(3),
            _REQ_ID,
            Field("clientId", INT),
            *fields(TEXT, "acctCode time symbol secType exchange side"),
        ),
    ),
    Table(8, "reqIds", (versioned(1), Field("numIds", INT, 1))),
    Table(
        9,
        "reqContractDetails",
        (
            versioned(8),
            _REQ_ID,
            *CONTRACT12,
            Field("includeExpired", BOOL),
            *fields(TEXT, "secIdType secId"),
            Field("issuerId", TEXT, since=176),
        ),
    ),
    Table(
        10,
        "reqMktDepth",
        (
            versioned(5),
            _REQ_ID,
            *CONTRACT12,
            Field("numRows", INT),
            Field("isSmartDepth", BOOL),
            Field("options", TAG_VALUES),
        ),
    ),
    Table(11, "cancelMktDepth", (versioned(1), _REQ_ID, Field("isSmartDepth", BOOL))),
    Table(14, "setServerLogLevel", (versioned(1), Field("level", INT))),
    Table(15, "reqAutoOpenOrders", (versioned(1), Field("bind", BOOL))),
    _bare(16, "reqAllOpenOrders"),
    _bare(17, "reqManagedAccts"),
    Table(18, "requestFA", (versioned(1), Field("type", INT))),
    Table(19, "replaceFA", (versioned(1), Field("type", INT), Field("xml", TEXT), _REQ_ID)),
    Table(
        20,
        "reqHistoricalData",
        (
            _REQ_ID,
            *CONTRACT12,
            Field("includeExpired", BOOL),
            *fields(TEXT, "endDateTime barSize duration"),
            Field("useRTH", BOOL),
            Field("whatToShow", TEXT),
            Field("formatDate", INT, 1),
            QUOTE_LEGS,
            Field("keepUpToDate", BOOL),
            Field("options", TAG_VALUES),
        ),
    ),
    _cancel(25, "cancelHistoricalData"),
    _bare(49, "reqCurrentTime"),
    Table(
        50,
        "reqRealTimeBars",
        (
            versioned(3),
            _REQ_ID,
            *CONTRACT12,
            Field("barSize", INT),
            Field("whatToShow", TEXT),
            Field("useRTH", BOOL),
            Field("options", TAG_VALUES),
        ),
    ),
    _cancel(51, "cancelRealTimeBars"),
    _bare(58, "reqGlobalCancel"),
    Table(59, "reqMarketDataType", (versioned(1), Field("type", INT, 1))),
    _bare(61, "reqPositions"),
    Table(62, "reqAccountSummary", (versioned(1), _REQ_ID, *fields(TEXT, "group tags"))),
    _cancel(63, "cancelAccountSummary"),
    _bare(64, "cancelPositions"),
    Table(71, "startApi", (versioned(2), Field("clientId", INT), Field("optCapab", TEXT))),
    Table(74, "reqPositionsMulti", (versioned(1), _REQ_ID, *_ACCOUNT_AND_MODEL)),
    _cancel(75, "cancelPositionsMulti"),
    Table(
        76,
        "reqAccountUpdatesMulti",
        (versioned(1), _REQ_ID, *_ACCOUNT_AND_MODEL, Field("ledgerAndNLV", BOOL)),
    ),
    _cancel(77, "cancelAccountUpdatesMulti"),
    Table(
        78,
        "reqSecDefOptParams",
        (
            _REQ_ID,
            *fields(TEXT, "underSymbol futFopExchange underSecType"),
            Field("underConId", INT),
        ),
    ),
    Table(80, "reqFamilyCodes", ()),
    Table(81, "reqMatchingSymbols", (_REQ_ID, Field("pattern", TEXT))),
    Table(82, "reqMktDepthExchanges", ()),
    Table(83, "reqSmartComponents", (_REQ_ID, Field("bboExchange", TEXT))),
    Table(85, "reqNewsProviders", ()),
    Table(
        87,
        "reqHeadTimeStamp",
        (
            _REQ_ID,
            *CONTRACT12,
            *fields(BOOL, "includeExpired useRTH"),
            Field("whatToShow", TEXT),
            Field("formatDate", INT, 1),
        ),
    ),
    Table(90, "cancelHeadTimeStamp", (_REQ_ID,)),
    Table(91, "reqMarketRule", (Field("marketRuleId", INT),)),
    Table(92, "reqPnL", (_REQ_ID, *_ACCOUNT_AND_MODEL)),
    Table(93, "cancelPnL", (_REQ_ID,)),
    Table(94, "reqPnLSingle", (_REQ_ID, *_ACCOUNT_AND_MODEL, Field("conId", INT))),
    Table(95, "cancelPnLSingle", (_REQ_ID,)),
    Table(
        96,
        "reqHistoricalTicks",
        (
            _REQ_ID,
            *CONTRACT12,
            Field("includeExpired", BOOL),
            *fields(TEXT, "startDateTime endDateTime"),
            Field("numberOfTicks", INT),
            Field("whatToShow", TEXT),
            *fields(BOOL, "useRth ignoreSize"),
            Field("options", TAG_VALUES),
        ),
    ),
    Table(
        97,
        "reqTickByTickData",
        (
            _REQ_ID,
            *CONTRACT12,
            Field("tickType", TEXT),
            Field("numberOfTicks", INT),
            Field("ignoreSize", BOOL),
        ),
    ),
    Table(98, "cancelTickByTickData", (_REQ_ID,)),
    Table(99, "reqCompletedOrders", (Field("apiOnly", BOOL),)),
    Table(104, "reqUserInfo", (_REQ_ID,)),
)
