"""What only an adviser's login has: groups and aliases, read and replaced."""

from collections.abc import Mapping
from typing import Any

from ibkr_simulator.advisor import Data
from ibkr_simulator.refusals import invalid
from ibkr_simulator.session import Session


def request_data(session: Session, request: Mapping[str, Any]) -> None:
    kind = _kind(session, request)
    session.send("receiveFA", type=int(kind), xml=session.desk.advisor.xml(kind))


def replace_data(session: Session, request: Mapping[str, Any]) -> None:
    """All of one kind at once, or nothing of it."""
    kind = _kind(session, request)
    session.desk.advisor.replace(kind, request["xml"], session.desk.account_ids)
    session.send("replaceFAEnd", reqId=request["reqId"], text="success")


def _kind(session: Session, request: Mapping[str, Any]) -> Data:
    if session.desk.advisor_id is None:
        raise invalid("FA data operations ignored for non FA customers")
    try:
        return Data(request["type"])
    except ValueError:
        raise invalid("Invalid FA data type") from None


REQUESTS = {"requestFA": request_data, "replaceFA": replace_data}
