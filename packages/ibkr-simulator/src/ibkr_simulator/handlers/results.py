"""Profit and loss of an account or of one position: asked for, then pushed as it changes."""

from collections.abc import Collection, Mapping
from typing import Any

from ibkr_simulator.session import Session
from ibkr_simulator.subscriptions import AccountFeed
from ibkr_simulator.translate.accounts import Statement
from ibkr_simulator.translate.texts import average
from simulated_exchange import PnL


def pnl(session: Session, request: Mapping[str, Any]) -> None:
    feed = AccountFeed(session.account(request["account"]), request["modelCode"])
    session.subscriptions.pnl[request["reqId"]] = feed
    _send_account(session, request["reqId"], feed.account_id)


def cancel_pnl(session: Session, request: Mapping[str, Any]) -> None:
    session.subscriptions.pnl.pop(request["reqId"], None)


def pnl_single(session: Session, request: Mapping[str, Any]) -> None:
    wanted = session.account(request["account"]), request["conId"]
    session.subscriptions.pnl_single[request["reqId"]] = wanted
    _send_position(session, request["reqId"], *wanted)


def cancel_pnl_single(session: Session, request: Mapping[str, Any]) -> None:
    session.subscriptions.pnl_single.pop(request["reqId"], None)


def account_changed(session: Session, statement: Statement, con_ids: Collection[int]) -> None:
    account_id = statement.account_id
    for request_id, feed in session.subscriptions.pnl.items():
        if feed.account_id == account_id:
            _send_account(session, request_id, account_id)
    for request_id, (owner, con_id) in session.subscriptions.pnl_single.items():
        if owner == account_id and con_id in con_ids:
            _send_position(session, request_id, owner, con_id)


def refresh(session: Session) -> None:
    """Tell everything again, with prices as they are now."""
    for request_id, feed in session.subscriptions.pnl.items():
        _send_account(session, request_id, feed.account_id)
    for request_id, (account_id, con_id) in session.subscriptions.pnl_single.items():
        _send_position(session, request_id, account_id, con_id)


def _send_account(session: Session, request_id: int, account_id: str) -> None:
    session.send("pnl", _figures(session.desk.exchange.pnl(account_id)), reqId=request_id)


def _send_position(session: Session, request_id: int, account_id: str, con_id: int) -> None:
    exchange = session.desk.exchange
    position = exchange.account(account_id).positions.get(con_id)
    if position is None:
        session.send("pnlSingle", reqId=request_id)
        return
    session.send(
        "pnlSingle",
        _figures(exchange.pnl(account_id, con_id)),
        reqId=request_id,
        position=position.quantity,
        value=average(position.market_value),
    )


def _figures(found: PnL) -> dict[str, Any]:
    return {
        "dailyPnL": average(found.daily),
        "unrealizedPnL": average(found.unrealized),
        "realizedPnL": average(found.realized),
    }


REQUESTS = {
    "reqPnL": pnl,
    "cancelPnL": cancel_pnl,
    "reqPnLSingle": pnl_single,
    "cancelPnLSingle": cancel_pnl_single,
}
