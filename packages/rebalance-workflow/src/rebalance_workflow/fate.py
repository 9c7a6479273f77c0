"""What became of an order that may or may not have reached the broker.

The rule: an order is absent only when the broker, asked in a standing session for open orders,
executions and completed orders, does not know its key, at least `IN_FLIGHT_SECONDS` after it was
handed over and after the session was last lost, and says so three times. Until then it could still
be on its way, and a single list can leave an order out. What was handed over in a session that was
heard of so many seconds later did arrive, whatever became of that session then, and its absence
says nothing: it may wait for somebody to confirm it. Otherwise an absent order was never received:
its session was lost on the way. What an order of an earlier trading day did is no longer told by
the broker; it cannot work any more, and whatever it traded is in the positions that the next plan
starts from.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from broker_connector_base import OrderResult

from .journal import OrderIntent
from .session import Session

#: No gateway holds a message longer before it acts on it or loses it.
IN_FLIGHT_SECONDS = 5.0
#: Between two looks at least; a list that is written at the same moment has the same gap.
_BETWEEN_LOOKS_SECONDS = 1.0
_LOOKS = 3


class Fate(NamedTuple):
    """What is known of an order by its key."""

    #: As the broker knows it; None when it does not.
    order: OrderResult | None
    #: True when the session in which it was handed over was still answering afterwards.
    has_arrived: bool


async def find_fate(session: Session, intent: OrderIntent, *, handed_over: float) -> Fate:
    """Look until the order is found or absent.

    `handed_over` is the loop's time when the order was, or could last have been, handed over.
    Raises the broker's errors when it cannot be asked.
    """

    async def look() -> OrderResult | None:
        return await session.ask(
            lambda: session.broker.find_order(intent.account_id, intent.client_order_id)
        )

    looks_left = _LOOKS - 1
    while (found := await look()) is None:
        since = max(handed_over, session.lost_at)
        left = since + IN_FLIGHT_SECONDS - asyncio.get_running_loop().time()
        if looks_left <= 0 and left <= 0:
            break
        await asyncio.sleep(max(left / max(looks_left, 1), _BETWEEN_LOOKS_SECONDS))
        looks_left -= 1
    return Fate(found, has_arrived(session, handed_over=handed_over))


def has_arrived(session: Session, *, handed_over: float) -> bool:
    """True when the session in which it was handed over was heard of long enough after that.

    That it is lost later makes nothing of that undone.
    """
    return session.last_heard(handed_over) >= handed_over + IN_FLIGHT_SECONDS
