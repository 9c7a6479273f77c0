"""Closes what earlier runs left open: every intent without a known fate gets one, or a person.

Comes in: unfinished intents of the journal, after own open orders have been cancelled. Goes out: an
outcome for each, written to the journal once the account shows what they filled; until then every
later run asks again. It never sends an order; what the orders did is in the positions that the next
plan starts from, and in the result of the next run that has one: whoever sent them could not tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from decimal import Decimal

from broker_connector_base import OpenOrder, OrderStatus

from .clock import Clock
from .concurrency import all_of
from .errors import RebalanceStopped, orders_in_doubt, positions_unexplained
from .fate import find_fate
from .journal import (
    DOUBT_LASTS,
    JournalError,
    OrderIntent,
    OrderOutcome,
    Record,
    RunFinished,
    RunJournal,
)
from .policy import RebalancePolicy
from .results import RecoveredTrade
from .session import Session
from .settling import growing_pauses
from .situation import own_stocks

_ZERO = Decimal(0)


async def recover(
    session: Session,
    intents: Sequence[OrderIntent],
    journal: RunJournal,
    policy: RebalancePolicy,
    clock: Clock,
    *,
    doubts: Set[str] = frozenset(),
) -> list[OrderOutcome]:
    """Find out about all of them, see their fills in the account, and write it down.

    `doubts` are keys of orders that do not count as never received when the broker does not tell of
    them. Raises `RebalanceStopped` when the broker still calls one working, or will not say, and
    when the account does not show in time what they filled. A run that starts right after a crash
    could otherwise plan on a picture without those fills and trade them again.
    """
    if not intents:
        return []
    # Whoever sent them is not at it any more: the account is ours. Their records tell when they
    # were planned, and by a clock that may have been set.
    now = asyncio.get_running_loop().time()
    fates = await all_of(find_fate(session, intent, handed_over=now) for intent in intents)
    outcomes = [
        OrderOutcome.as_told(intent, fate.order, untold=OrderStatus.NOT_FOUND, at=clock.now())
        for intent, fate in zip(intents, fates, strict=True)
    ]
    doubtful = {
        outcome.client_order_id: outcome.status for outcome in outcomes if not outcome.is_decided
    }
    missing = [o.client_order_id for o in outcomes if o.status is OrderStatus.NOT_FOUND]
    doubtful |= dict.fromkeys(doubts & set(missing), OrderStatus.UNKNOWN)
    if doubtful:
        with suppress(JournalError):
            # That the broker has it must not be lost to the runs after this one.
            journal.append(*(outcome for outcome in outcomes if not outcome.is_decided))
        listed = ", ".join(f"{key} ({status})" for key, status in doubtful.items())
        raise RebalanceStopped(
            f"orders of an earlier run are still in doubt: {listed}; look at them at the broker "
            "and cancel what works; no order was placed. What the broker has no word of counts as "
            f"never received {DOUBT_LASTS.total_seconds() / 60:.0f} minutes after its run",
            orders_in_doubt(intent for intent in intents if intent.client_order_id in doubtful),
        )
    await _see_fills(session, _expected_holdings(intents, outcomes), intents[0].account_id, policy)
    booked = [outcome.model_copy(update={"booked": True}) for outcome in outcomes]
    journal.append(*booked)
    return booked


def note_listed(
    intents: Iterable[OrderIntent], listed: Iterable[OpenOrder], journal: RunJournal, clock: Clock
) -> None:
    """Write down of which of them the broker told that they are open, when they could not be ended:
    it may not tell the next run.
    """
    open_orders = {order.client_order_id: order for order in listed}
    seen = [
        OrderOutcome(
            run_id=intent.run_id,
            account_id=intent.account_id,
            at=clock.now(),
            client_order_id=intent.client_order_id,
            status=order.status,
            filled_quantity=order.filled_quantity,
            arrived=True,
        )
        for intent in intents
        if (order := open_orders.get(intent.client_order_id)) is not None
    ]
    with suppress(JournalError):
        journal.append(*seen)


async def _see_fills(
    session: Session, expected: Mapping[str, Decimal], account_id: str, policy: RebalancePolicy
) -> None:
    """Wait until the account holds so many signed shares of each symbol."""

    async def missing() -> dict[str, str]:
        snapshot = await session.ask(lambda: session.broker.get_account_snapshot(account_id))
        held = {position.symbol: position.quantity for position in own_stocks(snapshot)}
        shown = {symbol: held.get(symbol, Decimal(0)) for symbol in expected}
        return {s: f"{s} {shown[s]:f}, not {q:f}" for s, q in expected.items() if shown[s] != q}

    pauses = growing_pauses(policy.settle_timeout_seconds)
    while expected and (differences := await missing()):
        pause = next(pauses, None)
        if pause is None:
            raise RebalanceStopped(
                f"account {account_id} does not show what an interrupted run traded in it "
                f"({', '.join(differences.values())}); look at its positions; no order was placed",
                positions_unexplained(differences),
            )
        await asyncio.sleep(pause)


def _expected_holdings(
    intents: Sequence[OrderIntent], outcomes: Sequence[OrderOutcome]
) -> dict[str, Decimal]:
    """Signed shares per symbol after the latest order in it that the broker still tells of.

    Its fills may be of this very moment, however long ago it was written down. What the broker does
    not tell of any more ended on an earlier day, or never arrived.
    """
    return {
        intent.symbol: intent.held_before + outcome.filled_quantity.copy_sign(intent.quantity)
        for intent, outcome in zip(intents, outcomes, strict=True)
        if outcome.status is not OrderStatus.NOT_FOUND
    }


def describe_unfilled(
    outcomes: Iterable[OrderOutcome], earlier: Iterable[Record] = ()
) -> list[str]:
    """What became of orders of earlier runs that traded nothing, for people.

    `earlier` are the records before: an order whose fills they know traded, though the broker does
    not tell of it any more.
    """
    filled = {
        record.client_order_id
        for record in earlier
        if isinstance(record, OrderOutcome) and record.filled_quantity
    }
    return [
        f"{outcome.client_order_id} of an earlier run is closed: "
        f"{outcome.status.lower().replace('_', ' ')}, 0 filled"
        for outcome in outcomes
        if not outcome.filled_quantity and outcome.client_order_id not in filled
    ]


def untold_trades(records: Iterable[Record]) -> tuple[RecoveredTrade, ...]:
    """What orders traded that no run's result has told, oldest first.

    From the journal and not from what a run has just recovered: a run that fails between its
    recovery and its first order has closed those orders and tells nothing.
    """
    intents: dict[str, OrderIntent] = {}
    fills: dict[str, OrderOutcome] = {}
    latest: dict[str, OrderOutcome] = {}
    told: dict[str, Decimal] = {}
    for record in records:
        if isinstance(record, OrderIntent):
            intents[record.client_order_id] = record
        elif isinstance(record, OrderOutcome):
            latest[record.client_order_id] = record
            if _tells_more(record, fills.get(record.client_order_id)):
                fills[record.client_order_id] = record
        elif isinstance(record, RunFinished) and record.told:
            told |= {k: max(o.filled_quantity, told.get(k, _ZERO)) for k, o in fills.items()}
    return tuple(
        _recovered(intents[key], filled, latest[key], told.get(key, _ZERO))
        for key, filled in fills.items()
        # Fewer than were told is a correction at the broker, no trade.
        if key in intents and latest[key].is_decided and filled.filled_quantity > told.get(key, 0)
    )


def _tells_more(outcome: OrderOutcome, known: OrderOutcome | None) -> bool:
    """What the broker does not tell of any more takes back nothing that it told, and what a list
    tells without a price no price.
    """
    if known is None or outcome.average_price is not None:
        return outcome.filled_quantity > 0
    return outcome.filled_quantity > known.filled_quantity


def _recovered(
    intent: OrderIntent, filled: OrderOutcome, latest: OrderOutcome, told: Decimal
) -> RecoveredTrade:
    """What was filled beyond what was told, as `filled` knows it; `latest` says how it ended."""
    forgotten = latest.status is OrderStatus.NOT_FOUND and filled.is_decided
    return RecoveredTrade(
        run_id=intent.run_id,
        client_order_id=intent.client_order_id,
        symbol=intent.symbol,
        quantity=intent.quantity,
        filled_quantity=filled.filled_quantity - told,
        # Of a part the broker does not tell the price: the average is that of the whole order.
        average_price=None if told else filled.average_price,
        status=filled.status if forgotten else latest.status,
    )
