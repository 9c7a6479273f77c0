"""Connections that die, keys and channels that are refused: noticed, shown, and survived."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from ably_standin import AblyStandin, message
from app.ably_service import AlertKind, Connection

KEY = "standin.key"


async def test_a_black_holed_connection_is_replaced_and_nothing_is_lost(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.black_hole()
    ably.publish("alpha", message("unheard"))
    await ingestion.until(lambda: ingestion.status.rebuilds)
    assert "does not answer" in ingestion.status.last_error
    ably.abort_connections()
    ably.black_hole(active=False)
    await ingestion.until(lambda: ingestion.payloads() == ["unheard"])
    await ingestion.caught_up("alpha")


@pytest.mark.parametrize(
    "error",
    [{"code": None}, {"code": 50003, "status": 503}],
    ids=["DISCONNECTED without an error", "DISCONNECTED with 503"],
)
async def test_a_client_that_says_connected_and_hears_nothing_is_replaced(
    ably: AblyStandin, ingestion: Any, error: dict[str, Any]
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.disconnect(**error)
    await ingestion.until(lambda: ingestion.status.rebuilds)
    await ingestion.caught_up("alpha")
    ably.publish("alpha", message("heard"))
    await ingestion.until(lambda: ingestion.payloads() == ["heard"])
    assert ingestion.recorded()[0].message.origin == "live"


async def test_a_client_that_is_not_connected_for_long_is_replaced(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.patience = replace(ingestion.patience, disconnected=0.2)
    ably.fail_upgrade(503)
    ingestion.start("alpha")
    await ingestion.until(lambda: ingestion.status.rebuilds >= 2)
    assert "not connected" in ingestion.status.last_error
    ably.fail_upgrade(None)
    await ingestion.caught_up("alpha")


async def test_a_failed_connection_is_replaced_slower_and_slower(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.send_frame({"action": 9, "error": {"code": 50000, "statusCode": 500, "message": "no"}})
    await ingestion.until(lambda: ingestion.status.rebuilds)
    await ingestion.caught_up("alpha")


async def test_history_is_read_while_no_websocket_can_be_had(
    ably: AblyStandin, ingestion: Any
) -> None:
    ably.fail_upgrade(503)
    ingestion.start("alpha")
    await ably.received.wait("GET", channel="alpha")
    ably.publish("alpha", message("polled"))
    await ingestion.until(lambda: ingestion.payloads() == ["polled"])
    assert not ingestion.status.connected


async def test_an_unreachable_server_does_not_hold_up_the_start(
    ably: AblyStandin, ingestion: Any
) -> None:
    ably.stop_listening()
    began = time.monotonic()
    ingestion.start("alpha")
    assert time.monotonic() - began < 1
    await ingestion.until(lambda: ingestion.feed("alpha").problem is not None)
    await ably.start_listening()
    await ingestion.caught_up("alpha")


async def test_closing_ends_within_its_time_even_with_a_dead_connection(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.black_hole()
    began = time.monotonic()
    await ingestion.stop()
    assert time.monotonic() - began < 3


async def test_closing_is_never_missed_however_often_the_service_pings(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.patience = replace(ingestion.patience, ping_every=0.0)
    for _ in range(4):
        ingestion.start("alpha")
        await ingestion.caught_up("alpha")
        await ingestion.stop()


async def test_closing_says_goodbye_to_the_server(ably: AblyStandin, ingestion: Any) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    service = ingestion.service
    await ingestion.stop()
    await ably.received.wait("CLOSE")
    assert service.status().connection is Connection.STOPPED
    assert service.close(1.0)


class TestKeys:
    async def test_a_refused_key_is_told_once_and_not_tried_again_soon(
        self, ably: AblyStandin, ingestion: Any
    ) -> None:
        ingestion.patience = replace(ingestion.patience, refused=60.0)
        ingestion.environment = replace(
            ingestion.environment, ably_key=SecretStr(f"{KEY}:a-wrong-secret")
        )
        ingestion.start("alpha")
        await ingestion.until(lambda: ingestion.status.connection is Connection.KEY_REFUSED)
        assert "40101" in ingestion.status.last_error
        (told,) = ingestion.alerted(AlertKind.KEY_REFUSED)
        assert "REALTIME_API_KEY" in told
        # Longer than the SDK by itself takes to forget that it has failed and to try again.
        with pytest.raises(TimeoutError):
            await ably.received.wait("CONNECT", count=2, patience=0.9)

    async def test_a_key_that_is_repaired_works_again_without_a_restart(
        self, ably: AblyStandin, ingestion: Any
    ) -> None:
        ably.revoke_key(KEY)
        ingestion.start("alpha")
        await ably.received.wait("CONNECT", count=3)
        assert len(ingestion.alerted(AlertKind.KEY_REFUSED)) == 1
        ably.revoke_key(KEY, revoked=False)
        await ingestion.caught_up("alpha")
        ably.revoke_key(KEY)
        ably.abort_connections()
        await ingestion.until(lambda: len(ingestion.alerted(AlertKind.KEY_REFUSED)) == 2)

    async def test_a_key_without_a_colon_is_refused_before_anything_is_sent(
        self, ably: AblyStandin, ingestion: Any
    ) -> None:
        ingestion.environment = replace(ingestion.environment, ably_key=SecretStr("nonsense"))
        ingestion.start("alpha")
        await ingestion.until(lambda: ingestion.status.connection is Connection.KEY_REFUSED)
        assert len(ably.received) == 0

    async def test_no_key_is_said_in_the_status(self, ingestion: Any) -> None:
        ingestion.environment = replace(ingestion.environment, ably_key=None)
        ingestion.start("alpha")
        assert ingestion.status.connection is Connection.NO_KEY
        assert not ingestion.status.healthy
        assert "REALTIME_API_KEY" in ingestion.status.last_error


class TestChannels:
    async def test_a_channel_that_the_key_does_not_cover_does_not_stop_the_others(
        self, ably: AblyStandin, ingestion: Any
    ) -> None:
        ably.set_capability(KEY, {"open": ["*"]})
        ingestion.start("closed", "open")
        await ingestion.caught_up("open")
        ably.publish("open", message("heard"))
        await ingestion.until(lambda: ingestion.payloads("open") == ["heard"])
        await ingestion.until(lambda: ingestion.alerted(AlertKind.CHANNEL_REFUSED))
        assert not ingestion.status.healthy
        (told,) = ingestion.alerted(AlertKind.CHANNEL_REFUSED)
        assert "closed" in told
        assert "40160" in told

    async def test_a_refused_channel_is_tried_again_and_told_once(
        self, ably: AblyStandin, ingestion: Any
    ) -> None:
        ingestion.patience = replace(ingestion.patience, refused=0.05)
        ably.fail_attach("alpha")
        ingestion.start("alpha")
        await ably.received.wait("ATTACH", count=3)
        assert len(ingestion.alerted(AlertKind.CHANNEL_REFUSED)) == 1
        ably.publish("alpha", message("missed"), deliver=False)
        ably.fail_attach("alpha", None)
        await ingestion.caught_up("alpha")
        assert ingestion.payloads() == ["missed"]

    async def test_a_channel_that_the_server_detaches_is_completed_from_history(
        self, ably: AblyStandin, ingestion: Any
    ) -> None:
        ingestion.start("alpha")
        await ingestion.caught_up("alpha")
        ably.force_non_resumed()
        ably.detach("alpha")
        ably.publish("alpha", message("missed"))
        await ingestion.until(lambda: ingestion.payloads() == ["missed"])

    async def test_an_attachment_that_is_not_confirmed_is_made_later_and_heard_once(
        self, ably: AblyStandin, ingestion: Any
    ) -> None:
        ably.mute(["attached"])
        ingestion.start("alpha")
        await ably.received.wait("ATTACH", count=2)
        ably.mute()
        await ingestion.caught_up("alpha")
        ably.publish("alpha", message("once"))
        await ingestion.until(ingestion.recorded)
        assert ingestion.payloads() == ["once"]

    async def test_channels_change_while_the_service_runs(
        self, ably: AblyStandin, ingestion: Any
    ) -> None:
        ingestion.start("alpha", "beta")
        await ingestion.caught_up("alpha", "beta")
        ingestion.service.update_channels({"beta", "gamma"})
        await ably.received.wait("DETACH", channel="alpha")
        await ingestion.caught_up("gamma")
        assert [feed.channel for feed in ingestion.status.feeds] == ["beta", "gamma"]
        for channel in ("alpha", "beta", "gamma"):
            ably.publish(channel, message(channel))
        await ingestion.until(lambda: len(ingestion.recorded()) == 2)
        assert sorted(ingestion.payloads()) == ["beta", "gamma"]
        ingestion.service.update_channels({"alpha"})
        await ingestion.caught_up("alpha")
        assert ingestion.payloads("alpha") == ["alpha"]

    async def test_channels_may_change_while_there_is_no_connection(
        self, ably: AblyStandin, ingestion: Any
    ) -> None:
        ably.revoke_key(KEY)
        ingestion.start("alpha")
        await ingestion.until(lambda: ingestion.status.connection is Connection.KEY_REFUSED)
        ingestion.service.update_channels(["beta"])
        ably.revoke_key(KEY, revoked=False)
        await ingestion.caught_up("beta")


async def test_an_alert_that_fails_keeps_no_message_from_being_recorded(
    ably: AblyStandin, ingestion: Any
) -> None:
    class Unreachable(list[Any]):
        def append(self, _: object) -> None:
            raise ConnectionError("the notification service is down")

    ingestion.alerts = Unreachable()
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.publish("alpha", [message("good"), {"data": "{", "encoding": "json"}])
    await ingestion.until(lambda: len(ingestion.recorded()) == 2)
    await ingestion.caught_up("alpha")


async def test_a_service_that_never_started_can_be_closed(ingestion: Any) -> None:
    ingestion.environment = replace(ingestion.environment, ably_key=None)
    ingestion.start("alpha")
    assert await asyncio.to_thread(ingestion.service.close, 0.1)
