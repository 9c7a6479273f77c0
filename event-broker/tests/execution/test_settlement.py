"""What people are told of an attempt: one message, whatever became of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from app.account_process.process import AccountProcessError
from app.events import Command, EventState
from app.execution import Attempt, Move
from app.execution.commands import COMMANDS
from app.execution.settlement import Case, Settlement
from app.settings import select_account

if TYPE_CHECKING:
    from .conftest import Site

AT = datetime(2026, 11, 20, 15, tzinfo=UTC)


def document(status: str) -> bytes:
    """Of a run that sold all it wanted and bought less."""
    order = {
        "symbol": "SPY",
        "quantity": 15,
        "limit_price": None,
        "filled_quantity": 7,
        "average_price": "598.1",
        "slippage": None,
        "commission": None,
        "status": "Cancelled",
        "message": None,
    }
    said: dict[str, Any] = {
        "currency": "USD",
        "target": {"strategy": "alpha"},
        "plan": {"total_value": "100000", "cash_weight_target": "0.01", "bound_bp": "1"},
        "holdings": [],
        "cash_before": "5000",
        "cash_after": "1000",
        "cash_target": "1000",
        "warnings": [],
        "status": status,
        "total_value": "100000",
        "error": None,
        "started_at": AT.isoformat(),
        "finished_at": AT.isoformat(),
        "orders": [order],
        "reconciliation": None,
        "slippage": "0",
        "commission": "1",
    }
    return json.dumps(said).encode()


@pytest.mark.parametrize(
    ("move", "status", "title", "words"),
    [
        (Move.FINISH, "done", "Rebalanced P1", "BUY 7 SPY"),
        (Move.RETRY, "failed", "Targets not reached in P1", "Next attempt: "),
        (Move.RETRY, None, "Attempt 1 failed: P1", "Next attempt: "),
        (Move.PARK, "needs attention", "ACTION REQUIRED: P1", "BUY 7 SPY"),
        (Move.PARK, None, "ACTION REQUIRED: P1", "no gateway"),
    ],
)
async def test_each_attempt_is_told_once(
    site: Site, move: Move, status: str | None, title: str, words: str
) -> None:
    event_id = site.enqueue("P1", Command.REBALANCE)
    claim = site.store.events.claim("w")
    assert claim is not None
    case = Case(
        claim=claim,
        account=select_account(site.settings, "P1"),
        command=COMMANDS[Command.REBALANCE],
        settings=site.settings,
    )
    attempt = Attempt(
        move=move,
        row={"message": "no gateway"},
        document=document(status) if status else None,
        failure=None if status else AccountProcessError("no gateway"),
        started_at=AT,
        finished_at=AT,
    )
    settlement = Settlement(site.store, site.told.append, site.now)
    await settlement.ended(case, attempt, None, told_to_end=False)
    (told,) = site.told
    assert told.title.startswith(title)
    assert words in told.body
    states = {Move.FINISH: "done", Move.RETRY: "queued", Move.PARK: "needs_attention"}
    assert site.store.events.get(event_id).state is EventState(states[move])
