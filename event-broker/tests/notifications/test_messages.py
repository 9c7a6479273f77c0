"""The words of notifications, word for word."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import app.notifications
from app.events import Command
from app.notifications import (
    Day,
    Kind,
    Subject,
    alert,
    alive,
    attempt_failed,
    digest,
    missed,
    needs_attention,
    postponed,
    previewed,
    run_finished,
    stale,
)
from app.report.results import Preview, Run
from broker_connector_base.models import AccountConfig

NEW_YORK = ZoneInfo("America/New_York")
AT = datetime(2026, 11, 25, 16, 0, 5, tzinfo=UTC)
SUBJECT = Subject(
    account=AccountConfig(account_id="DU1", type="paper", strategy_name="alpha"),
    command=Command.REBALANCE,
    at=AT,
    zone=NEW_YORK,
)
HEADING = """\
Account: DU1 (paper)
Strategy: alpha
Operation: rebalance
Time: 2026-11-25 11:00:05 EST"""

RESULT: dict[str, Any] = {
    "currency": "USD",
    "target": {"strategy": "alpha"},
    "plan": {"total_value": "100000", "cash_weight_target": "0.01", "bound_bp": "1"},
    "holdings": [],
    "cash_before": "5000",
    "cash_after": "1012.334",
    "cash_target": "1000",
    "warnings": [],
}


def order(
    symbol: str, quantity: int, filled: int, price: str | None, status: str
) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "quantity": quantity,
        "limit_price": None,
        "filled_quantity": filled,
        "average_price": price,
        "slippage": None,
        "commission": None,
        "status": status,
        "message": None,
    }


def run(**changes: Any) -> Run:
    return Run.model_validate(
        RESULT
        | {
            "status": "done",
            "total_value": "99987.5",
            "error": None,
            "started_at": AT,
            "finished_at": AT,
            "orders": [],
            "reconciliation": None,
            "slippage": "0",
            "commission": "1",
        }
        | changes
    )


def test_a_run_tells_account_trades_value_and_cash_and_warnings_apart() -> None:
    told = run_finished(
        SUBJECT,
        run(
            orders=[
                order("GLD", -12, 12, "301.2", "Filled"),
                order("SPY", 1500, 700, "598.119", "Cancelled"),
                order("QQQ", 3, 0, None, "Inactive"),
            ],
            warnings=["DBC is held in fractions", "UUP is left alone"],
        ),
    )
    assert (told.kind, told.title) == (Kind.REBALANCED, "Rebalanced DU1 (alpha)")
    assert told.body == (
        f"{HEADING}\n\n"
        "Trades executed:\n"
        "  SELL 12 GLD at 301.20 USD\n"
        "  BUY 700 SPY at 598.12 USD (of 1,500: Cancelled)\n"
        "  BUY 0 QQQ (of 3: Inactive)\n\n"
        "Portfolio value: 99,987.50 USD\n"
        "Cash: 1,012.33 USD\n\n"
        "Warnings:\n"
        "  DBC is held in fractions\n"
        "  UUP is left alone"
    )


def test_what_an_interrupted_run_traded_is_told_by_the_next_as_a_rebalance() -> None:
    recovered = [order("AGG", 401, 401, "98.1", "FILLED"), order("GLD", -9, 4, None, "CANCELLED")]
    told = run_finished(SUBJECT, run(status="nothing to do", recovered=recovered))
    assert (told.kind, told.title) == (Kind.REBALANCED, "Rebalanced DU1 (alpha)")
    assert told.body == (
        f"{HEADING}\n\n"
        "Trades of an earlier run, told only now:\n"
        "  BUY 401 AGG at 98.10 USD\n"
        "  SELL 4 GLD (of 9: CANCELLED)\n\n"
        "Portfolio value: 99,987.50 USD\n"
        "Cash: 1,012.33 USD"
    )
    more = run_finished(
        SUBJECT, run(recovered=recovered, orders=[order("SPY", 1, 1, "9", "FILLED")])
    )
    assert "told only now:\n  BUY 401 AGG" in more.body
    assert "\n\nTrades executed:\n  BUY 1 SPY at 9.00 USD\n\n" in more.body


@pytest.mark.parametrize(
    ("status", "kind", "title"),
    [
        ("nothing to do", Kind.NOTHING_TO_DO, "Nothing to trade in DU1 (alpha)"),
        ("failed", Kind.REBALANCED, "Targets not reached in DU1 (alpha)"),
        ("needs attention", Kind.NEEDS_ATTENTION, "ACTION REQUIRED: DU1 (alpha)"),
    ],
)
def test_a_run_is_told_by_how_it_ended(status: str, kind: Kind, title: str) -> None:
    told = run_finished(SUBJECT, run(status=status, error="the market closed"))
    assert (told.kind, told.title) == (kind, title)
    assert "Trades executed:\n  none\n\n" in told.body
    assert "Error: the market closed" in told.body
    assert "Warnings" not in told.body
    assert "Next attempt" not in told.body
    again = run_finished(SUBJECT, run(status=status), again_at=AT)
    assert again.body.endswith("Next attempt: 2026-11-25 11:00:05 EST")


def test_a_preview_says_that_nothing_was_sent() -> None:
    trade = {
        "symbol": "SPY",
        "quantity": 1500,
        "limit_price": None,
        "estimated_price": "598.1",
        "estimated_fee": "1",
        "reason": "",
    }
    preview = Preview.model_validate(
        RESULT | {"proposed_trades": [trade], "estimated_cost": "1", "open_orders": []}
    )
    told = previewed(SUBJECT, preview)
    assert told.kind == Kind.PREVIEW
    assert told.body == (
        f"{HEADING}\n\n"
        "Proposed trades, nothing was sent:\n"
        "  BUY 1,500 SPY at about 598.10\n\n"
        "Portfolio value: 100,000.00 USD\n"
        "Cash: 1,012.33 USD"
    )


def test_what_needs_a_person_says_so_first() -> None:
    told = needs_attention(SUBJECT, "an order's fate is unknown")
    assert (told.kind, told.title) == (Kind.NEEDS_ATTENTION, "ACTION REQUIRED: DU1 (alpha)")
    assert told.body.endswith(
        "an order's fate is unknown\n\nLook at it, then retry or dismiss the event."
    )


def test_of_many_failures_only_some_are_told() -> None:
    def told(times: int) -> bool:
        return bool(attempt_failed(SUBJECT, "no gateway", times_queued=times, again_at=AT))

    assert [times for times in range(1, 40) if told(times)] == [1, 2, 4, 8, 16, 32]
    second = attempt_failed(SUBJECT, "no gateway", times_queued=2, again_at=AT)
    assert second is not None
    assert (second.kind, second.title) == (Kind.FAILED, "Attempt 2 failed: DU1 (alpha)")
    assert second.body.endswith("no gateway\n\nNext attempt: 2026-11-25 11:00:05 EST")


def test_other_ends_of_an_event() -> None:
    held = postponed(SUBJECT, "the market is closed", until=AT)
    assert held.kind == Kind.POSTPONED
    assert held.body.endswith("the market is closed\n\nNext: 2026-11-25 11:00:05 EST")
    assert postponed(SUBJECT, "PDT protection", until=None).body.endswith("PDT protection")
    assert stale(SUBJECT, "asked for on Monday").kind == Kind.STALE
    late = missed("schedule of DU1", AT, NEW_YORK)
    assert (late.kind, late.title) == (Kind.MISSED, "Missed: schedule of DU1")
    assert "It was due on 2026-11-25 at 11:00 EST" in late.body
    assert alert("Ably", "the key is refused").kind == Kind.ALERT


def test_the_digest_counts_and_names_what_waits_for_a_person() -> None:
    day = Day(
        since=datetime(2026, 11, 24, 22, tzinfo=UTC),
        until=datetime(2026, 11, 25, 22, tzinfo=UTC),
        runs={"nothing to do": 1, "done": 3},
        trades=14,
        waiting=2,
        needs_attention=("DU1 rebalance: an order's fate is unknown",),
    )
    told = digest(day, NEW_YORK)
    assert (told.kind, told.title) == (Kind.DIGEST, "Daily digest: 1 needs attention")
    assert told.body == (
        "From 2026-11-24 17:00 EST to 2026-11-25 17:00 EST\n\n"
        "Rebalances:\n  3 done\n  1 nothing to do\n"
        "Orders filled: 14\nEvents waiting: 2\n\n"
        "ACTION REQUIRED:\n  DU1 rebalance: an order's fate is unknown"
    )


def test_a_quiet_day_is_told_as_one() -> None:
    quiet = Day(since=AT, until=AT, runs={}, trades=0, waiting=0, needs_attention=())
    told = digest(quiet, NEW_YORK)
    assert told.title == "Daily digest: 0 rebalances, 0 orders filled"
    assert "Rebalances:\n  none\n" in told.body
    assert "ACTION REQUIRED" not in told.body


def test_the_service_says_that_it_is_alive() -> None:
    told = alive(now=AT, accounts=3, at_work=1, mode="paper", zone=NEW_YORK)
    assert told.kind == Kind.ALIVE
    assert told.body == "2026-11-25 11:00 EST: 3 accounts, trading mode paper, 1 process at work."


def test_where_nobody_works_there_is_no_sign_of_life() -> None:
    told = alive(now=AT, accounts=1, at_work=0, mode="live", zone=NEW_YORK)
    assert (told.kind, told.title) == (Kind.ALERT, "ACTION REQUIRED: no process works events")
    assert told.body.startswith("2026-11-25 11:00 EST: 1 account, trading mode live. Events wait")


def test_the_public_names_are_these() -> None:
    assert set(app.notifications.__all__) == {
        *("Day", "Kind", "Notification", "Notifier", "Patience", "Subject", "Tally"),
        *("addresses", "alert", "alive", "attempt_failed", "digest", "missed"),
        *("needs_attention", "postponed", "previewed", "run_finished", "stale"),
        *("PlainPost", "Post", "StorePost", "Tell"),
    }
    assert all(hasattr(app.notifications, name) for name in app.notifications.__all__)
