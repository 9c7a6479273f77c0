"""What is kept of a run decides whether its session is used up."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from app.events import Event
from app.execution import Attempt, Move, run_records
from app.settings import TradingMode

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "told", "sent"),
    [
        ("FILLED", False, True),
        ("UNKNOWN", False, True),
        ("REJECTED", False, True),
        ("NOT_FOUND", False, False),
        ("NOT_FOUND", True, True),
    ],
)
def test_a_run_that_could_not_tell_of_its_orders_has_sent_them_all_the_same(
    event: Event, status: str, told: bool, sent: bool
) -> None:
    order = {
        "client_order_id": "rb:r1:P1:IVV:B:1",
        "symbol": "IVV",
        "quantity": 3,
        "order_type": "LMT",
        "status": status,
        "filled_quantity": 0,
    }
    document = json.dumps({"status": "failed", "orders": [order], "fills": []}).encode()
    attempt = Attempt(
        move=Move.RETRY,
        row={"message": "some orders did not fill"},
        document=document,
        run_id="r1",
        sent_orders=told,
        started_at=NOW,
        finished_at=NOW,
    )
    record = run_records.ended(
        event, "r1", attempt, mode=TradingMode.PAPER, session_date=date(2026, 11, 20)
    )
    assert (record.orders_sent, len(record.orders)) == (sent, 1)
