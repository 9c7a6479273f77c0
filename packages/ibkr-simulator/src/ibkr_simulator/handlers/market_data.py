"""Market data: snapshots and streams of ticks, live or delayed as the login's permissions say."""

from collections.abc import Mapping
from typing import Any

from ibkr_simulator.refusals import Refusal, invalid
from ibkr_simulator.session import Session
from ibkr_simulator.subscriptions import MarketDataLine
from ibkr_simulator.translate.ticks import DELAYED, LIVE, Feed, tick_messages
from simulated_exchange import Instrument, QuoteChanged, QuoteKind

#: what snapshotPermissions says: snapshots of this instrument are free of charge
_FREE_SNAPSHOTS = 3
#: what a client may ask for (TWS API, "Market Data Types")
_LIVE, _FROZEN, _DELAYED, _DELAYED_FROZEN = 1, 2, 3, 4
_BBO_EXCHANGE = "9c0001"


def market_data_type(session: Session, request: Mapping[str, Any]) -> None:
    """Taken without a word: from now on the client makes do with delayed data, or does not."""
    if request["type"] not in (_LIVE, _FROZEN, _DELAYED, _DELAYED_FROZEN):
        raise invalid("Invalid market data type")
    session.subscriptions.takes_delayed = request["type"] in (_DELAYED, _DELAYED_FROZEN)


def market_data(session: Session, request: Mapping[str, Any]) -> None:
    """A snapshot ends with the last tick that is known; a stream goes on until it is cancelled."""
    request_id = request["reqId"]
    lines = session.subscriptions.market_data
    if request_id in lines:
        raise Refusal(322, "Error processing request.-'bQ' : cause - Duplicate ticker id")
    instrument = session.desk.instrument(request)
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
    if request["snapshot"] or request["regulatorySnapshot"]:
        session.send("tickSnapshotEnd", reqId=request_id)
    else:
        lines.add(request_id, MarketDataLine(instrument.con_id, feed, quote))


def cancel_market_data(session: Session, request: Mapping[str, Any]) -> None:
    request_id = request["reqId"]
    if not session.subscriptions.market_data.remove(request_id):
        raise Refusal(300, f"Can't find EId with tickerId:{request_id}")


def quote_changed(session: Session, event: QuoteChanged) -> None:
    for request_id, line in session.subscriptions.market_data.showing(event.con_id).items():
        for message in tick_messages(line.feed, request_id, event.quote, line.sent):
            session.send_message(message)
        line.sent = event.quote


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
