"""Requests about the connection itself."""

from collections.abc import Mapping
from typing import Any

from ibkr_simulator.session import Session

#: What a gateway says of its data farms when a client has logged in.
_FARMS = (
    (2104, "Market data farm connection is OK:usfarm"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefil"),
)


def welcome(session: Session) -> None:
    """What a client hears first: its accounts, its next order id, the state of the farms."""
    managed_accounts(session, {})
    next_id(session, {})
    for code, text in _FARMS:
        session.error(code, text)


def managed_accounts(session: Session, request: Mapping[str, Any]) -> None:
    session.send("managedAccounts", accounts=",".join(session.desk.account_ids))


def next_id(session: Session, request: Mapping[str, Any]) -> None:
    """However many ids are asked for, the answer is one number above all that were used."""
    session.send("nextValidId", id=session.desk.order_ids.highest(session.client_id) + 1)


def current_time(session: Session, request: Mapping[str, Any]) -> None:
    session.send("currentTime", time=int(session.desk.exchange.clock.now().timestamp()))


def user_info(session: Session, request: Mapping[str, Any]) -> None:
    session.send("userInfo", reqId=request["reqId"])


def family_codes(session: Session, request: Mapping[str, Any]) -> None:
    session.send("familyCodes", codes=[{"account": name} for name in session.desk.account_ids])


def accept(session: Session, request: Mapping[str, Any]) -> None:
    """For settings that a gateway takes without a word and that change nothing here."""


REQUESTS = {
    "reqManagedAccts": managed_accounts,
    "reqIds": next_id,
    "reqCurrentTime": current_time,
    "reqUserInfo": user_info,
    "reqFamilyCodes": family_codes,
    "setServerLogLevel": accept,
    "reqAutoOpenOrders": accept,
}
