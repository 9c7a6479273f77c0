"""Positions: all accounts at once or one, then pushed at once when one changes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ibkr_simulator.session import Session
from ibkr_simulator.subscriptions import AccountFeed
from ibkr_simulator.translate.contracts import contract_fields
from ibkr_simulator.translate.texts import average
from simulated_exchange import PositionChanged


def positions(session: Session, request: Mapping[str, Any]) -> None:
    session.subscriptions.positions = True
    for account_id in session.desk.account_ids:
        for fields in _held(session, account_id):
            session.send("position", fields)
    session.send("positionEnd")


def cancel_positions(session: Session, request: Mapping[str, Any]) -> None:
    session.subscriptions.positions = False


def positions_multi(session: Session, request: Mapping[str, Any]) -> None:
    request_id = request["reqId"]
    feed = AccountFeed(session.account(request["account"]), request["modelCode"])
    session.subscriptions.position_requests[request_id] = feed
    for fields in _held(session, feed.account_id):
        session.send("positionMulti", fields, reqId=request_id, modelCode=feed.model)
    session.send("positionMultiEnd", reqId=request_id)


def cancel_positions_multi(session: Session, request: Mapping[str, Any]) -> None:
    session.subscriptions.position_requests.pop(request["reqId"], None)


def position_changed(session: Session, event: PositionChanged) -> None:
    """A position that is closed is told with quantity 0."""
    if event.account_id not in session.desk.account_ids:
        return
    fields = _fields(session, event.account_id, event.con_id, event.quantity, event.average_cost)
    if session.subscriptions.positions:
        session.send("position", fields)
    for request_id, feed in session.subscriptions.position_requests.items():
        if feed.account_id == event.account_id:
            session.send("positionMulti", fields, reqId=request_id, modelCode=feed.model)


def _held(session: Session, account_id: str) -> list[dict[str, Any]]:
    return [
        _fields(session, account_id, con_id, position.quantity, position.average_cost)
        for con_id, position in session.desk.account(account_id).positions.items()
        if position.quantity
    ]


def _fields(
    session: Session, account_id: str, con_id: int, quantity: Decimal, cost: Decimal
) -> dict[str, Any]:
    """Without an exchange, as a gateway does: such a contract cannot be traded as it is."""
    return {
        **contract_fields(session.desk.exchange.instrument(con_id)),
        "account": account_id,
        "position": quantity,
        "avgCost": average(cost),
    }


REQUESTS = {
    "reqPositions": positions,
    "cancelPositions": cancel_positions,
    "reqPositionsMulti": positions_multi,
    "cancelPositionsMulti": cancel_positions_multi,
}
