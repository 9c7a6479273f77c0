"""The past: bars, and since when there are any.

Sizes and durations are those of the TWS API ("Historical Bar Data"). The prices are made up; see
`ibkr_simulator.history`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ibkr_simulator.history import Bar, bars
from ibkr_simulator.pacing import SMALL_BARS, HistoryPace
from ibkr_simulator.refusals import Refusal, invalid
from ibkr_simulator.session import Session
from ibkr_simulator.translate.texts import ZONE, average, parse_time, stamp
from simulated_exchange import Instrument

_SIZES = {
    **{f"{n} secs": timedelta(seconds=n) for n in (5, 10, 15, 30)},
    "1 secs": timedelta(seconds=1),
    "1 min": timedelta(minutes=1),
    **{f"{n} mins": timedelta(minutes=n) for n in (2, 3, 5, 10, 15, 20, 30)},
    "1 hour": timedelta(hours=1),
    **{f"{n} hours": timedelta(hours=n) for n in (2, 3, 4, 8)},
    "1 day": timedelta(days=1),
    # In trading days.
    "1 week": timedelta(days=5),
    "1 month": timedelta(days=21),
}
_UNITS = {"S": 1, "D": 86_400, "W": 7 * 86_400, "M": 30 * 86_400, "Y": 365 * 86_400}
_KINDS = ("TRADES", "MIDPOINT", "BID", "ASK", "BID_ASK", "ADJUSTED_LAST")
#: what makes a request for bars of one size and instrument another one
_QUESTION = ("exchange", "endDateTime", "duration", "whatToShow", "useRTH")
#: the longest duration answered, in years
_LONGEST = 20
#: digits of a count, at most
_DIGITS = 9
#: a date format: seconds since 1970
_SECONDS = 2
#: the first day of what is made up
_HEAD = datetime(2010, 1, 4, 14, 30, tzinfo=UTC)


def historical_data(session: Session, request: Mapping[str, Any]) -> None:
    """Bars up to `endDateTime`, by default up to now."""
    desk = session.desk
    instrument = desk.instrument(request)
    size = _SIZES.get(request["barSize"])
    if size is None:
        raise invalid(f"Invalid bar size: {request['barSize']}")
    if request["whatToShow"] not in _KINDS:
        raise invalid("Invalid what-to-show")
    _keep_pace(desk.history_pace, instrument, size, request)
    now = desk.exchange.clock.now()
    end = min(now, parse_time(request["endDateTime"])) if request["endDateTime"] else now
    begin = max(_HEAD, end - _duration(request["duration"]))
    quote = desk.exchange.quote(instrument.con_id)
    price = quote.close or quote.mark
    found: list[Bar] = []
    if price is not None and begin < end:
        hours = instrument.liquid_hours if request["useRTH"] else instrument.trading_hours
        found = bars(instrument, price=price, hours=hours, begin=begin, end=end, size=size)
    if not found:
        raise _failed(
            "HMDS query returned no data:"
            f" {instrument.symbol}@{request['exchange']} {request['whatToShow']}"
        )
    session.send(
        "historicalData",
        reqId=request["reqId"],
        start=stamp(begin),
        end=stamp(end),
        bars=[_fields(bar, size, request["formatDate"]) for bar in found],
    )


def head_timestamp(session: Session, request: Mapping[str, Any]) -> None:
    session.desk.instrument(request)
    in_seconds = request["formatDate"] == _SECONDS
    text = str(int(_HEAD.timestamp())) if in_seconds else stamp(_HEAD)
    session.send("headTimestamp", reqId=request["reqId"], text=text)


def cancel_historical_data(session: Session, request: Mapping[str, Any]) -> None:
    """Bars have been sent at once: there is nothing to end."""
    raise Refusal(366, f"No historical data query found for ticker id:{request['reqId']}")


def cancel_head_timestamp(session: Session, request: Mapping[str, Any]) -> None:
    """It has been answered at once: there is nothing to end."""


def _failed(why: str) -> Refusal:
    return Refusal(162, f"Historical Market Data Service error message:{why}")


def _keep_pace(
    pace: HistoryPace | None, instrument: Instrument, size: timedelta, request: Mapping[str, Any]
) -> None:
    if pace is None or size > SMALL_BARS:
        return
    question = (size, *(request[name] for name in _QUESTION))
    if not pace.admits(instrument.con_id, (instrument.con_id, *question)):
        raise _failed("Historical data request pacing violation")


def _fields(bar: Bar, size: timedelta, date_format: int) -> dict[str, Any]:
    if size >= timedelta(days=1):
        date = f"{bar.start.astimezone(ZONE):%Y%m%d}"
    elif date_format == _SECONDS:
        date = str(int(bar.start.timestamp()))
    else:
        date = stamp(bar.start)
    return {
        "date": date,
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
        "wap": average((bar.high + bar.low + bar.close) / 3),
        "count": 1 + int(bar.volume) // 100,
    }


def _duration(text: str) -> timedelta:
    """`2 D`, `1 Y`: a count and a unit. Raises `Refusal`."""
    count, _, unit = text.partition(" ")
    if unit not in _UNITS or not (count.isascii() and count.isdigit() and len(count) <= _DIGITS):
        raise invalid(f"Invalid duration: {text}")
    return min(timedelta(seconds=int(count) * _UNITS[unit]), timedelta(days=366 * _LONGEST))


REQUESTS = {
    "reqHistoricalData": historical_data,
    "cancelHistoricalData": cancel_historical_data,
    "reqHeadTimeStamp": head_timestamp,
    "cancelHeadTimeStamp": cancel_head_timestamp,
}
