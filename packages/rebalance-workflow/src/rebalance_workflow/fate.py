"""What became of an order that may or may not have reached the broker.

The rule: an order is taken as never received only when the broker, asked in a standing session for
open orders, executions and completed orders, does not know its key, at least `IN_FLIGHT_SECONDS`
after it was written down. Until then it could still be on its way. What an order of an earlier
trading day did is no longer told by the broker; it cannot work any more, and whatever it traded is
in the positions that the next plan starts from.
"""

from __future__ import annotations

import asyncio

from broker_connector_base import OrderResult

from .clock import Clock
from .journal import OrderIntent
from .session import Session

#: No gateway holds a message longer before it acts on it or loses it.
IN_FLIGHT_SECONDS = 5.0


async def find_fate(session: Session, intent: OrderIntent, clock: Clock) -> OrderResult | None:
    """The order as the broker knows it; None when it never arrived.

    Raises `BrokerConnectionError` when the broker cannot be asked.
    """

    async def look() -> OrderResult | None:
        return await session.ask(
            lambda: session.broker.find_order(intent.account_id, intent.client_order_id)
        )

    found = await look()
    wait = IN_FLIGHT_SECONDS - (clock.now() - intent.at).total_seconds()
    if found is not None or wait <= 0:
        return found
    # A clock that was set back must not make it longer.
    await asyncio.sleep(min(wait, IN_FLIGHT_SECONDS))
    return await look()
