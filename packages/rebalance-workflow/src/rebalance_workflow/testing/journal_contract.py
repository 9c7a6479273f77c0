"""What every run journal does. A test class inherits `JournalContract` and has the fixture
`open_journal`, which opens the journal as the process of another run does, again and again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from broker_connector_base import OrderStatus, RunStatus
from rebalance_workflow.journal import (
    OrderIntent,
    OrderOutcome,
    Phase,
    RunFinished,
    RunJournal,
    RunStarted,
)

AT = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
STARTED = RunStarted(run_id="r1", account_id="DU1", at=AT, strategy="blend")
#: The end of a run that left nothing open.
FINISHED = RunFinished(run_id="r1", account_id="DU1", at=AT, status=RunStatus.DONE, open_orders=0)

OpenJournal = Callable[[], RunJournal]


def intent(symbol: str, account_id: str = "DU1") -> OrderIntent:
    """Of an order that is about to be sent."""
    return OrderIntent(
        run_id="r1",
        account_id=account_id,
        at=AT,
        client_order_id=f"rb:r1:{account_id}:{symbol}:B:1",
        symbol=symbol,
        quantity=Decimal(7),
        held_before=Decimal(0),
        order_type="LIMIT",
        limit_price=Decimal("10.05"),
        time_in_force="DAY",
        phase=Phase.BUY,
        round=1,
    )


def outcome(
    of: OrderIntent, status: OrderStatus, *, filled: int = 0, booked: bool = True
) -> OrderOutcome:
    """What became of it."""
    return OrderOutcome(
        run_id=of.run_id,
        account_id=of.account_id,
        at=AT,
        client_order_id=of.client_order_id,
        status=status,
        filled_quantity=filled,
        booked=booked,
    )


class JournalContract:
    """Tests for every journal."""

    @pytest.fixture
    def journal(self, open_journal: OpenJournal) -> RunJournal:
        """As one run has it."""
        return open_journal()

    def test_records_come_back_in_order_and_per_account(self, journal: RunJournal) -> None:
        ours, others = intent("AAA"), intent("BBB", account_id="DU2")
        journal.append(STARTED)
        journal.append(others)
        journal.append(ours, outcome(ours, OrderStatus.FILLED), FINISHED)
        assert journal.history("DU1") == [
            STARTED,
            ours,
            outcome(ours, OrderStatus.FILLED),
            FINISHED,
        ]
        assert journal.history("DU2") == [others]
        assert journal.history("DU3") == []

    @pytest.mark.parametrize(
        ("status", "is_open"),
        [
            (None, True),
            (OrderStatus.PENDING, True),
            (OrderStatus.WORKING, True),
            (OrderStatus.CANCELLING, True),
            (OrderStatus.UNKNOWN, True),
            (OrderStatus.FILLED, False),
            (OrderStatus.CANCELLED, False),
            (OrderStatus.REJECTED, False),
            (OrderStatus.EXPIRED, False),
            (OrderStatus.NOT_FOUND, False),
        ],
    )
    def test_an_intent_is_open_until_an_outcome_settles_it(
        self, journal: RunJournal, status: OrderStatus | None, is_open: bool
    ) -> None:
        journal.append(STARTED, intent("AAA"), intent("BBB"))
        journal.append(outcome(intent("BBB"), OrderStatus.FILLED))
        if status is not None:
            journal.append(outcome(intent("AAA"), status))
        assert journal.unfinished("DU1") == ([intent("AAA")] if is_open else [])

    def test_an_order_that_filled_is_open_until_the_account_has_shown_it(
        self, journal: RunJournal
    ) -> None:
        journal.append(intent("AAA"))
        journal.append(outcome(intent("AAA"), OrderStatus.CANCELLED, filled=3, booked=False))
        assert journal.unfinished("DU1") == [intent("AAA")]
        journal.append(outcome(intent("AAA"), OrderStatus.CANCELLED, filled=3))
        assert journal.unfinished("DU1") == []

    def test_appending_nothing_changes_nothing(self, journal: RunJournal) -> None:
        journal.append()
        assert journal.history("DU1") == []

    def test_the_next_run_reads_what_is_open(self, open_journal: OpenJournal) -> None:
        open_journal().append(STARTED, intent("AAA"), intent("BBB"))
        second = open_journal()
        assert second.unfinished("DU1") == [intent("AAA"), intent("BBB")]
        second.append(outcome(intent("AAA"), OrderStatus.NOT_FOUND))
        third = open_journal()
        assert third.unfinished("DU1") == [intent("BBB")]
        assert third.recent("DU1")[:3] == [STARTED, intent("AAA"), intent("BBB")]

    def test_the_next_run_knows_the_latest_end_and_what_came_after_it(
        self, open_journal: OpenJournal
    ) -> None:
        open_journal().append(STARTED, intent("AAA"), outcome(intent("AAA"), OrderStatus.FILLED))
        open_journal().append(FINISHED)
        open_journal().append(STARTED, intent("BBB"))
        latest = [FINISHED, STARTED, intent("BBB")]
        assert open_journal().history("DU1")[-3:] == latest
        assert open_journal().recent("DU1")[-3:] == latest
        assert open_journal().unfinished("DU1") == [intent("BBB")]

    def test_a_run_that_left_an_order_open_is_looked_behind(
        self, open_journal: OpenJournal
    ) -> None:
        left_open = FINISHED.model_copy(update={"open_orders": 1})
        open_journal().append(FINISHED, intent("AAA"), left_open)
        assert open_journal().unfinished("DU1") == [intent("AAA")]

    def test_many_records_of_any_text_come_back_whole(self, open_journal: OpenJournal) -> None:
        orders = [intent(f"S{number}") for number in range(300)]
        odd = outcome(orders[0], OrderStatus.WORKING)
        odd = odd.model_copy(update={"message": '"it\'s" {ä€\U0001f600}\n\\ %s :x \x7f'})
        open_journal().append(STARTED, *orders, odd)
        assert open_journal().history("DU1") == [STARTED, *orders, odd]
