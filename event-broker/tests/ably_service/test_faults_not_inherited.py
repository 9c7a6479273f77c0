"""What the predecessor's ingestion got wrong and other modules do not test already."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ably_standin import AblyStandin, message
from app.ably_service import Connection
from app.store import open_store


async def test_a_message_that_comes_while_an_earlier_one_is_still_to_be_worked_on_is_kept(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    for command in ("print-rebalance", "rebalance", "rebalance"):
        ably.publish("alpha", message({"exec": command}))
    await ingestion.until(lambda: len(ingestion.recorded()) == 3)
    waiting = ingestion.store.messages.undispatched()
    assert [ingestion.payloads()[i]["exec"] for i in range(3)] == [
        "print-rebalance",
        "rebalance",
        "rebalance",
    ]
    assert len(waiting) == 3


async def test_a_message_is_on_disk_before_anybody_hears_of_it(
    ably: AblyStandin, ingestion: Any, tmp_path: Path
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.publish("alpha", message("durable"))
    await ingestion.until(lambda: ingestion.feed("alpha").last_message_at)
    with open_store(f"sqlite:///{tmp_path / 'events.db'}") as of_another_process:
        assert len(of_another_process.messages.undispatched()) == 1


async def test_a_bad_key_does_not_hold_up_the_start_of_the_service(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.environment = replace(ingestion.environment, ably_key=SecretStr("standin.key:no"))
    began = time.monotonic()
    ingestion.start("alpha")
    assert time.monotonic() - began < 1
    await ingestion.until(lambda: ingestion.status.connection is Connection.KEY_REFUSED)


async def test_payloads_of_every_type_are_recorded(ably: AblyStandin, ingestion: Any) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    payloads = [{"exec": "rebalance"}, "text", b"bytes", None, [1, 2], 7, "\0"]
    for payload in payloads:
        ably.publish("alpha", message(payload))
    await ingestion.until(lambda: len(ingestion.recorded()) == len(payloads))
    assert ingestion.payloads() == [{"exec": "rebalance"}, "text", "bytes", None, [1, 2], 7, "\0"]


async def test_a_channel_that_is_left_and_followed_again_at_once_is_heard(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ingestion.service.update_channels([])
    await ingestion.until(lambda: not ingestion.status.feeds)
    ingestion.service.update_channels(["alpha"])
    await ably.received.wait("ATTACH", channel="alpha", count=2)
    await ingestion.caught_up("alpha")
    ably.publish("alpha", message("heard"))
    await ingestion.until(lambda: ingestion.payloads() == ["heard"])
    assert ingestion.recorded()[0].message.origin == "live"
