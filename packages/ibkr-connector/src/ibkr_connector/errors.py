"""IB's error codes as data: what each means for the caller, and where that is written.

Comes in: the code of an error message. Goes out: its `Kind`, by which the session decides whether
a request or an order has ended. A code that is not listed ends a request and leaves an order in
doubt, so that a new code can never be mistaken for the end of a live order. Codes can be added or
overridden without a release: `IBKRClient(error_codes=...)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from broker_connector_base import (
    BrokerAPIError,
    MarketDataError,
    OrderExecutionError,
    UnknownSymbol,
)


class Kind(StrEnum):
    """What a code means for the request or order that it names."""

    #: Nothing changes; worth a log line at most.
    INFO = "info"
    #: The order is live or the request goes on, under the remark made.
    WARNING = "warning"
    #: The link between gateway, IB and its farms.
    CONNECTIVITY = "connectivity"
    #: The session is refused.
    LOGIN = "login"
    #: A new order, a change or a request is refused; the same again may pass later.
    REJECTED = "rejected"
    #: Refused until the account's permissions or the instrument change.
    PERMANENT = "permanent"
    #: The order has been cancelled at the broker.
    CANCELLED = "cancelled"
    #: The cancellation is refused; the order itself is untouched, working or done.
    CANCEL_REFUSED = "cancel refused"
    #: The same, because this client has no such order.
    NO_ORDER = "no order"
    #: No market data for this request.
    DATA = "data"
    #: No such instrument.
    NO_INSTRUMENT = "no instrument"
    #: Not in the table.
    UNLISTED = "unlisted"


#: The exception that a request ends with, by kind; kinds that are absent do not end a request.
RAISES: Mapping[Kind, type[BrokerAPIError]] = MappingProxyType(
    {
        Kind.REJECTED: BrokerAPIError,
        Kind.PERMANENT: BrokerAPIError,
        Kind.CANCELLED: OrderExecutionError,
        Kind.CANCEL_REFUSED: OrderExecutionError,
        Kind.NO_ORDER: OrderExecutionError,
        Kind.DATA: MarketDataError,
        Kind.NO_INSTRUMENT: UnknownSymbol,
        Kind.UNLISTED: BrokerAPIError,
    }
)

#: What a gateway whose API is read-only answers to everything about orders.
READ_ONLY = "321"

_CODES = "https://interactivebrokers.github.io/tws-api/message_codes.html"
_CAMPUS = "https://www.interactivebrokers.com/campus/ibkr-api-page/twsapi-doc/#api-error-codes"
_LIVE_10349 = "ib_async issues 191 and 217: the order stays live"


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorCode:
    """One row of the table; `source` says where the meaning is documented."""

    kind: Kind
    meaning: str
    source: str = _CODES


def _row(kind: Kind, meaning: str, source: str = _CODES) -> ErrorCode:
    return ErrorCode(kind=kind, meaning=meaning, source=source)


ERROR_CODES: Mapping[int, ErrorCode] = MappingProxyType(
    {
        100: _row(Kind.WARNING, "more than 50 messages a second"),
        101: _row(Kind.DATA, "no market data line is left for another instrument"),
        103: _row(Kind.REJECTED, "duplicate order id"),
        104: _row(Kind.REJECTED, "cannot modify a filled order"),
        105: _row(Kind.WARNING, "the change does not match the original order"),
        106: _row(Kind.REJECTED, "cannot transmit the order"),
        107: _row(Kind.REJECTED, "cannot transmit an incomplete order"),
        109: _row(Kind.REJECTED, "price out of the range of precautionary settings"),
        110: _row(Kind.REJECTED, "price not on the minimum price variation"),
        135: _row(Kind.NO_ORDER, "no order with this id"),
        161: _row(Kind.CANCEL_REFUSED, "the order is not in a cancellable state"),
        165: _row(Kind.WARNING, "historical data remark"),
        200: _row(Kind.NO_INSTRUMENT, "no security definition, or an ambiguous one"),
        201: _row(Kind.REJECTED, "order rejected; the reason is in the text"),
        202: _row(Kind.CANCELLED, "order cancelled; the reason is in the text"),
        203: _row(Kind.PERMANENT, "security not available or allowed for this account"),
        300: _row(Kind.INFO, "no such market data request"),
        310: _row(Kind.INFO, "no such market depth request"),
        320: _row(Kind.REJECTED, "error reading the request"),
        321: _row(Kind.REJECTED, "error validating the request; also: the API is read-only"),
        322: _row(Kind.REJECTED, "error processing the request"),
        326: _row(Kind.LOGIN, "client id already in use"),
        329: _row(Kind.WARNING, "order change refused: cannot change to the new type"),
        354: _row(Kind.DATA, "not subscribed to market data"),
        383: _row(Kind.REJECTED, "order size above the precautionary limit"),
        387: _row(Kind.REJECTED, "order type not supported for this exchange and security"),
        388: _row(Kind.REJECTED, "order size below the minimum"),
        399: _row(Kind.WARNING, "order message, such as: held until the open"),
        404: _row(Kind.WARNING, "held while shares to borrow are located"),
        434: _row(Kind.REJECTED, "order size cannot be zero"),
        460: _row(Kind.PERMANENT, "no trading permissions"),
        492: _row(Kind.WARNING, "remark on the order", "ib_async 2.1 treats it as a warning"),
        1100: _row(Kind.CONNECTIVITY, "the gateway lost IB"),
        1101: _row(Kind.CONNECTIVITY, "the gateway found IB again; subscriptions are lost"),
        1102: _row(Kind.CONNECTIVITY, "the gateway found IB again; subscriptions are kept"),
        1300: _row(Kind.CONNECTIVITY, "the gateway changes its port and drops this session"),
        2103: _row(Kind.CONNECTIVITY, "a market data farm is lost"),
        2104: _row(Kind.INFO, "a market data farm is connected"),
        2105: _row(Kind.INFO, "a historical data farm is lost"),
        2106: _row(Kind.INFO, "a historical data farm is connected"),
        2107: _row(Kind.INFO, "a historical data farm sleeps until needed"),
        2108: _row(Kind.INFO, "a market data farm sleeps until needed"),
        2109: _row(Kind.WARNING, "outside-regular-hours is ignored for this order"),
        2110: _row(Kind.CONNECTIVITY, "the gateway lost IB's server and retries"),
        2157: _row(Kind.CONNECTIVITY, "the security definition farm is lost"),
        2158: _row(Kind.INFO, "the security definition farm is connected"),
        2161: _row(Kind.WARNING, "IB capped the price of the order"),
        10089: _row(Kind.DATA, "market data needs another subscription for the API"),
        10090: _row(Kind.WARNING, "part of the market data is not subscribed"),
        10147: _row(Kind.NO_ORDER, "order to cancel not found", _CAMPUS),
        10148: _row(Kind.CANCEL_REFUSED, "order cannot be cancelled in its state", _CAMPUS),
        10167: _row(Kind.WARNING, "not subscribed; delayed market data is shown"),
        10168: _row(Kind.DATA, "not subscribed, and delayed market data is not enabled"),
        10186: _row(Kind.DATA, "not subscribed, and delayed market data is not enabled"),
        10197: _row(Kind.DATA, "no market data while a live session of this user competes"),
        10243: _row(Kind.REJECTED, "fractional orders cannot be placed through the API", _CAMPUS),
        10268: _row(Kind.REJECTED, "order attribute not supported"),
        10349: _row(Kind.WARNING, "time in force set to DAY by a preset", _LIVE_10349),
    }
)


def meaning_of(code: int, table: Mapping[int, ErrorCode] = ERROR_CODES) -> ErrorCode:
    """The row of a code. Codes 2100 to 2199 are system warnings by IB's numbering."""
    row = table.get(code)
    if row is not None:
        return row
    if 2100 <= code < 2200:
        return _row(Kind.WARNING, "system warning")
    return _row(Kind.UNLISTED, "not in the table of error codes")
