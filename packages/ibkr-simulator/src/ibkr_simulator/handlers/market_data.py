"""Market data: snapshots and streams of ticks, live or delayed as the login's permissions say."""

from collections.abc import Mapping
from typing import Any

from ibkr_simulator.refusals import Refusal, invalid
from ibkr_simulator.session import Session
from ibkr_simulator.subscriptions import MarketDataLine
from ibkr_simulator.translate.ticks import DELAYED, LIVE, Feed, tick_messages
from simulated_exchange import Instrument, Quote, QuoteChanged, QuoteKind

#: what snapshotPermissions says: snapshots of this instrument are free of charge
_FREE_SNAPSHOTS = 3
#: what a client may ask for (TWS API, "Market Data Types")
_LIVE, _FROZEN, _DELAYED, _DELAYED_FROZEN = 1, 2, 3, 4
#: how long a snapshot waits for what is missing (seen of a real gateway)
_SNAPSHOT_SECONDS = 11.0
_BBO_EXCHANGE = "9c0001"


def market_data_type(session: Session, request: Mapping[str, Any]) -> None:
    """Taken without a word: from now on the client makes do with delayed data, or does not."""
    if request["type"] not in (_LIVE, _FROZEN, _DELAYED, _DELAYED_FROZEN):
        raise invalid("Invalid market data type")
    session.subscriptions.takes_delayed = request["type"] in (_DELAYED, _DELAYED_FROZEN)


def market_data(session: Session, request: Mapping[str, Any]) -> None:
    """A snapshot ends when it is complete or has waited long enough; a stream goes on until it is
    cancelled."""
    request_id = request["reqId"]
    lines = session.subscriptions.market_data
    if request_id in lines:
        raise Refusal(322, "Error processing request.-'bQ' : cause - Duplicate ticker id")
    instrument = session.desk.instrument(request)
    _refuse_beyond_the_limit(session, instrument)
    feed = _feed(session, request_id, instrument)
    quote = session.desk.exchange.quote(instrument.con_id)
    session.send(
        "tickReqParams",
        reqId=request_id,
        minTick=instrument.min_tick,
        bboExchange=_BBO_EXCHANGE,
        snapshotPermissions=_FREE_SNAPSHOTS,
    )
    session.send("marketDataType", reqId=request_id, type=feed.market_data_type)
    for message in tick_messages(feed, request_id, quote):
        session.send_message(message)
    snapshot = request["snapshot"] or request["regulatorySnapshot"]
    if snapshot and _is_complete(quote):
        session.send("tickSnapshotEnd", reqId=request_id)
        return
    line = MarketDataLine(instrument.con_id, feed, quote, snapshot)
    lines.add(request_id, line)
    if snapshot:
        clock = session.desk.exchange.clock
        clock.call_later(_SNAPSHOT_SECONDS, lambda: _end_snapshot(session, request_id, line))


def cancel_market_data(session: Session, request: Mapping[str, Any]) -> None:
    request_id = request["reqId"]
    if not session.subscriptions.market_data.remove(request_id):
        raise Refusal(300, f"Can't find EId with tickerId:{request_id}")


def quote_changed(session: Session, event: QuoteChanged) -> None:
    shown = session.subscriptions.market_data.showing(event.con_id)
    complete = []
    for request_id, line in shown.items():
        for message in tick_messages(line.feed, request_id, event.quote, line.sent):
            session.send_message(message)
        line.sent = event.quote
        if line.snapshot and _is_complete(event.quote):
            complete.append((request_id, line))
    for request_id, line in complete:
        _end_snapshot(session, request_id, line)


def _is_complete(quote: Quote) -> bool:
    """Whether a snapshot has all that it waits for; a missing side is told, as -1."""
    return quote.last is not None and quote.close is not None


def _end_snapshot(session: Session, request_id: int, line: MarketDataLine) -> None:
    """End it, unless it has ended or was cancelled since."""
    lines = session.subscriptions.market_data
    if lines.get(request_id) is line:
        lines.remove(request_id)
        session.send("tickSnapshotEnd", reqId=request_id)


def _refuse_beyond_the_limit(session: Session, instrument: Instrument) -> None:
    limits = session.desk.limits
    if limits is None:
        return
    streamed = session.streamed()
    if instrument.con_id not in streamed and len(streamed) >= limits.market_data_lines:
        raise Refusal(101, "Max number of tickers has been reached.")


def _feed(session: Session, request_id: int, instrument: Instrument) -> Feed:
    """The feed this login has for the instrument. Raises `Refusal` when it has none."""
    match session.desk.exchange.quote_kind(instrument.con_id):
        case QuoteKind.LIVE:
            return LIVE
        case QuoteKind.DELAYED if session.subscriptions.takes_delayed:
            session.error(
                10167,
                "Requested market data is not subscribed. Displaying delayed market data.",
                request_id,
            )
            return DELAYED
    raise Refusal(354, "Requested market data is not subscribed.")


REQUESTS = {
    "reqMarketDataType": market_data_type,
    "reqMktData": market_data,
    "cancelMktData": cancel_market_data,
}
