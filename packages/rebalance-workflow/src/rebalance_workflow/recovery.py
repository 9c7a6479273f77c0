"""Closes what earlier runs left open: every intent without a known fate gets one, or a person.

Comes in: unfinished intents of the journal, after own open orders have been cancelled. Goes out: an
outcome for each, written to the journal. It never sends an order; what the orders did is in the
positions that the next plan starts from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from broker_connector_base import OrderResult, OrderStatus

from .clock import Clock
from .concurrency import all_of
from .errors import RebalanceStopped
from .fate import find_fate
from .journal import OrderIntent, OrderOutcome, Record, RunJournal
from .policy import RebalancePolicy
from .session import Session
from .settling import growing_pauses


async def recover(
    session: Session, intents: Sequence[OrderIntent], journal: RunJournal, clock: Clock
) -> list[OrderOutcome]:
    """Find out about all of them and write it down.

    Raises `RebalanceStopped` when the broker still calls one working, or will not say.
    """
    # Whoever sent them is not at it any more: the account is ours. Their records tell when they
    # were planned, and by a clock that may have been set.
    now = asyncio.get_running_loop().time()
    found = await all_of(find_fate(session, intent, handed_over=now) for intent in intents)
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


async def see_fills(
    session: Session, account_id: str, records: Sequence[Record], policy: RebalancePolicy
) -> None:
    """Wait until the account shows what interrupted runs traded, by their records.

    A run that starts right after a crash could otherwise plan on a picture without those fills and
    trade them again. Raises `RebalanceStopped` when the account does not show them in time.
    """
    expected = _expected_holdings(records)
    if not expected:
        return
    pauses = growing_pauses(policy.settle_timeout_seconds)
    while True:
        snapshot = await session.ask(lambda: session.broker.get_account_snapshot(account_id))
        held = {p.symbol: p.quantity for p in snapshot.positions if p.security_type == "STK"}
        missing = {s: q for s, q in expected.items() if held.get(s, Decimal(0)) != q}
        if not missing:
            return
        pause = next(pauses, None)
        if pause is None:
            break
        await asyncio.sleep(pause)
    listed = ", ".join(f"{s} {held.get(s, Decimal(0)):f}, not {q:f}" for s, q in missing.items())
    raise RebalanceStopped(
        f"account {account_id} does not show what an interrupted run traded in it ({listed}); look "
        "at its positions; no order was placed"
    )


def is_recent(records: Sequence[Record], policy: RebalancePolicy, clock: Clock) -> bool:
    """True while the broker may still be booking what the records tell; later it is history."""
    if not records:
        return False
    age = (clock.now() - records[-1].at).total_seconds()
    return age <= policy.settle_timeout_seconds


def found_orders(pending: Sequence[OrderIntent], outcomes: Sequence[OrderOutcome]) -> list[Record]:
    """Those of the pending orders that the broker still tells of, with what became of them.

    Their fills may be of this very moment, however long ago the orders were written down. What it
    does not tell of any more ended on an earlier day, or never arrived.
    """
    found = [outcome for outcome in outcomes if outcome.status is not OrderStatus.NOT_FOUND]
    keys = {outcome.client_order_id for outcome in found}
    return [*(intent for intent in pending if intent.client_order_id in keys), *found]


def _expected_holdings(records: Sequence[Record]) -> dict[str, Decimal]:
    """Signed shares per symbol after the latest order in it."""
    filled = {r.client_order_id: r.filled_quantity for r in records if isinstance(r, OrderOutcome)}
    return {
        intent.symbol: intent.held_before
        + filled.get(intent.client_order_id, Decimal(0)).copy_sign(intent.quantity)
        for intent in records
        if isinstance(intent, OrderIntent)
    }


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
