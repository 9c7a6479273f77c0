"""Closes what earlier runs left open: every intent without a known fate gets one, or a person.

Comes in: unfinished intents of the journal, after own open orders have been cancelled. Goes out: an
outcome for each, written to the journal. It never sends an order; what the orders did is in the
positions that the next plan starts from.
"""

from __future__ import annotations

from collections.abc import Sequence

from broker_connector_base import OrderResult, OrderStatus

from .clock import Clock
from .concurrency import all_of
from .errors import RebalanceStopped
from .fate import find_fate
from .journal import OrderIntent, OrderOutcome, RunJournal
from .session import Session


async def recover(
    session: Session, intents: Sequence[OrderIntent], journal: RunJournal, clock: Clock
) -> list[OrderOutcome]:
    """Find out about all of them and write it down.

    Raises `RebalanceStopped` when the broker still calls one working, or will not say.
    """
    found = await all_of(find_fate(session, intent, clock) for intent in intents)
    outcomes = [
        _outcome(intent, result, clock) for intent, result in zip(intents, found, strict=True)
    ]
    journal.append(*outcomes)
    doubtful = [outcome for outcome in outcomes if not outcome.settles]
    if doubtful:
        listed = ", ".join(f"{o.client_order_id} ({o.status})" for o in doubtful)
        raise RebalanceStopped(
            f"orders of an earlier run are still in doubt: {listed}; look at them at the broker "
            "and cancel what works; no order was placed"
        )
    return outcomes


def describe_recovered(outcome: OrderOutcome) -> str:
    """What became of an order of an earlier run, for people."""
    return (
        f"{outcome.client_order_id} of an earlier run is closed: {outcome.status.lower()}, "
        f"{outcome.filled_quantity:f} filled"
    )


def _outcome(intent: OrderIntent, result: OrderResult | None, clock: Clock) -> OrderOutcome:
    return OrderOutcome(
        run_id=intent.run_id,
        account_id=intent.account_id,
        at=clock.now(),
        client_order_id=intent.client_order_id,
        status=OrderStatus.NOT_FOUND if result is None else result.status,
        filled_quantity=0 if result is None else result.filled_quantity,
        average_price=None if result is None else result.average_price,
        message="the broker does not know this order" if result is None else result.message,
    )
