"""Whatever happens to the connection, every message ends up in the store, once."""

from __future__ import annotations

from typing import Any

from ably_standin import AblyStandin, message
from app.store.records import MessageOrigin, MessageStatus

REBALANCE = {"exec": "rebalance"}


async def test_a_live_message_is_recorded_with_all_that_it_says(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    frame = ably.publish("alpha", message(REBALANCE, name="signal"))
    await ingestion.until(ingestion.recorded)
    (stored,) = ingestion.recorded()
    assert stored.status is MessageStatus.RECEIVED
    assert stored.message.origin is MessageOrigin.LIVE
    assert stored.message.message_id == f"{frame['id']}:0"
    assert stored.message.timestamp.timestamp() * 1_000 == frame["timestamp"]
    assert stored.message.name == "signal"
    assert ingestion.payloads() == [REBALANCE]
    assert ingestion.status.healthy
