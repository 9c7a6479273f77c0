"""The result of an event as it is stored, shown by the API and sent with notifications.

Its first seven fields are those that users of earlier versions read. Money is in the account's
currency, quantities are unsigned shares beside their action, numbers are JSON numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from broker_connector_base.models import AccountConfig

from .moves import Ending, Move

_CENT = Decimal("0.01")

Row = dict[str, object]
"""A JSON document."""


class OrderLine(NamedTuple):
    """One proposed or executed order; `quantity` is signed shares."""

    symbol: str
    quantity: Decimal
    #: Per share; None when it is not known.
    price: Decimal | None
    more: Mapping[str, object] = MappingProxyType({})


class Reading(NamedTuple):
    """What the document of an account process says, whatever the command was."""

    ending: Ending
    message: str
    orders: Sequence[OrderLine] = ()
    #: What an earlier run traded that no result has told.
    recovered: Sequence[OrderLine] = ()
    total_equity: Decimal | None = None


def result_row(
    account: AccountConfig,
    reading: Reading,
    move: Move,
    *,
    mode: Literal["dry_run", "live"],
    document: bytes,
    at: datetime,
) -> Row:
    """The row for a result; `document` is the account process's own, kept whole as `details`."""
    return {
        **_head(account, mode),
        "equity_info": _equity(account, reading.total_equity),
        "orders": [_order(line) for line in reading.orders],
        "status": "success" if move is Move.FINISH else _STATUS[move],
        "message": reading.message,
        "timestamp": at.isoformat(),
        "recovered": [_order(line) for line in reading.recovered],
        "details": json.loads(document),
        "error": None,
    }


def failure_row(
    account: AccountConfig,
    move: Move,
    *,
    mode: Literal["dry_run", "live"],
    kind: str,
    message: str,
    at: datetime,
) -> Row:
    """The row for an attempt that came to no result; `kind` names the cause for programs."""
    return {
        **_head(account, mode),
        "equity_info": None,
        "orders": [],
        "status": _STATUS[move],
        "message": message,
        "timestamp": at.isoformat(),
        "recovered": [],
        "details": None,
        "error": {"kind": kind, "message": message},
    }


_STATUS = {Move.RETRY: "failed", Move.PARK: "needs_attention"}


def _head(account: AccountConfig, mode: str) -> Row:
    return {"account_id": account.account_id, "execution_mode": mode}


def _equity(account: AccountConfig, total: Decimal | None) -> Row | None:
    if total is None:
        return None
    reserve = (total * account.cash_reserve_percent / 100).quantize(_CENT)
    return {
        "total_equity": _cents(total),
        "reserve_percentage": float(account.cash_reserve_percent),
        "reserve_amount": float(reserve),
        "available_for_trading": _cents(total - reserve),
    }


def _order(line: OrderLine) -> dict[str, Any]:
    value = None if line.price is None else _cents(abs(line.quantity) * line.price)
    return {
        "symbol": line.symbol,
        "quantity": _number(abs(line.quantity)),
        "action": "BUY" if line.quantity > 0 else "SELL",
        "market_value": value,
        **line.more,
    }


def _cents(amount: Decimal) -> float:
    return float(amount.quantize(_CENT))


def _number(quantity: Decimal) -> int | float:
    return int(quantity) if quantity == quantity.to_integral_value() else float(quantity)
