"""What people are told of an attempt: one message, whatever became of it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.account_process.process import AccountProcessError
from app.events import Command, EventState
from app.execution import Attempt, Move
from app.execution.commands import COMMANDS
from app.execution.settlement import Case, Settlement
from app.gates import Gate, Hold, Refuse
from app.notifications import Notification, PlainPost
from app.settings import select_account
from app.store import Store
from app.store.records import Letter, OpenLetter

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


class Letters:
    """A post that has everything recorded, and remembers what was recorded when it was to send."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.sent: list[tuple[Notification, Letter | None, tuple[OpenLetter, ...]]] = []

    def letter(self, notification: Notification) -> Letter:
        return Letter(
            key=uuid.uuid4().hex,
            sender="5" * 32,
            kind=notification.kind.value,
            title=notification.title,
            body=notification.body,
        )

    def send(self, notification: Notification, letter: Letter | None) -> None:
        self.sent.append((notification, letter, self.store.outbox.open()))


def claimed_case(site: Site) -> Case:
    """The event that waits, as a worker has it."""
    claim = site.store.events.claim("w")
    assert claim is not None
    return Case(
        claim=claim,
        account=select_account(site.settings, "P1"),
        command=COMMANDS[Command.REBALANCE],
        settings=site.settings,
    )


def hold(gate: Gate = Gate.HOURS) -> Hold:
    return Hold(gate=gate, until=datetime.now(UTC) + timedelta(hours=1), reason="closed")


def tried(move: Move, document: bytes | None = None) -> Attempt:
    return Attempt(
        move=move,
        row={"message": "no gateway"},
        document=document,
        failure=None if document else AccountProcessError("no gateway"),
        started_at=AT,
        finished_at=AT,
    )


Settle = Callable[[Settlement, Case], Awaitable[None]]


@pytest.mark.parametrize(
    "settle",
    [
        lambda s, case: s.ended(
            case, tried(Move.FINISH, document("done")), None, told_to_end=False
        ),
        lambda s, case: s.ended(case, tried(Move.PARK), None, told_to_end=False),
        lambda s, case: s.ended(case, tried(Move.RETRY), None, told_to_end=False),
        lambda s, case: s.held(case, hold()),
        lambda s, case: s.refused(case, Refuse(gate=Gate.AGE, reason="too old", park=False)),
        lambda s, case: s.impossible(case, "not configured"),
        lambda s, case: s.not_now(case, "no calendar"),
    ],
)
async def test_what_is_told_is_recorded_with_the_outcome_and_sent_after_it(
    site: Site, settle: Settle
) -> None:
    site.enqueue("P1", Command.REBALANCE)
    post = Letters(site.store)
    await settle(Settlement(site.store, post, site.now), claimed_case(site))
    ((news, letter, recorded),) = post.sent
    assert letter is not None
    assert (letter.title, letter.body) == (news.title, news.body)
    assert [one.key for one in recorded] == [letter.key]


@pytest.mark.parametrize(
    "settle",
    [
        lambda s, case: s.held(case, hold(Gate.PAUSE)),
        lambda s, case: s.ended(case, tried(Move.RETRY), None, told_to_end=True),
    ],
)
async def test_what_is_not_told_leaves_no_letter(site: Site, settle: Settle) -> None:
    site.enqueue("P1", Command.REBALANCE)
    post = Letters(site.store)
    await settle(Settlement(site.store, post, site.now), claimed_case(site))
    assert post.sent == []
    assert site.store.outbox.open() == ()


async def test_a_result_that_cannot_be_shown_is_recorded_and_told_all_the_same(site: Site) -> None:
    event_id = site.enqueue("P1", Command.REBALANCE)
    settlement = Settlement(site.store, PlainPost(site.told.append), site.now)
    await settlement.ended(claimed_case(site), tried(Move.FINISH, b"{}"), None, told_to_end=False)
    assert site.store.events.get(event_id).state is EventState.DONE
    (told,) = site.told
    assert told.title == "What became of rebalance of P1 cannot be shown"
    assert told.body == "no gateway"


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
    case = claimed_case(site)
    attempt = Attempt(
        move=move,
        row={"message": "no gateway"},
        document=document(status) if status else None,
        failure=None if status else AccountProcessError("no gateway"),
        started_at=AT,
        finished_at=AT,
    )
    settlement = Settlement(site.store, PlainPost(site.told.append), site.now)
    await settlement.ended(case, attempt, None, told_to_end=False)
    (told,) = site.told
    assert told.title.startswith(title)
    assert words in told.body
    states = {Move.FINISH: "done", Move.RETRY: "queued", Move.PARK: "needs_attention"}
    assert site.store.events.get(event_id).state is EventState(states[move])
