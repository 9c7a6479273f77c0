"""Channels, messages and processes, as the store knows them."""

from __future__ import annotations

from datetime import timedelta

import httpx

from app.store.records import Message, MessageOrigin, MessageStatus

from .conftest import NOW, Service


async def test_channels_say_how_far_they_are_known(
    service: Service, anybody: httpx.AsyncClient
) -> None:
    assert (await anybody.get("/feeds")).json() == []
    service.store.feeds.start("alpha", NOW)
    (feed,) = (await anybody.get("/feeds")).json()
    assert (feed["channel"], feed["dirty"]) == ("alpha", False)


async def test_messages_say_what_became_of_them(
    service: Service, anybody: httpx.AsyncClient
) -> None:
    for number in range(3):
        message = Message(
            channel="alpha",
            message_id=f"m{number}",
            timestamp=NOW,
            raw='{"data": {"exec": "rebalance"}}',
            origin=MessageOrigin.LIVE,
        )
        service.store.messages.record(message, MessageStatus.MALFORMED, "is not JSON")
    newest, older = (await anybody.get("/messages?limit=2")).json()
    assert (newest["message_id"], older["message_id"]) == ("m2", "m1")
    assert (newest["status"], newest["detail"]) == ("malformed", "is not JSON")
    assert newest["raw"] == '{"data": {"exec": "rebalance"}}'


async def test_processes_are_listed(service: Service, anybody: httpx.AsyncClient) -> None:
    service.store.workers.register("w1", host="here", pid=7, role="worker", version="1.0.0")
    (process,) = (await anybody.get("/workers")).json()
    assert (process["worker"], process["host"], process["role"]) == ("w1", "here", "worker")


async def test_a_gap_is_acknowledged_once(service: Service, operator: httpx.AsyncClient) -> None:
    gap = service.store.feeds.record_gap("alpha", NOW - timedelta(hours=3), NOW, "was down")
    assert gap is not None
    (shown,) = (await operator.get("/feeds/gaps")).json()
    assert (shown["channel"], shown["reason"]) == ("alpha", "was down")
    path = f"/feeds/gaps/{gap.gap_id}/acknowledge"
    assert [(await operator.post(path)).status_code for _ in "12"] == [200, 404]
    assert (await operator.get("/feeds/gaps")).json() == []
    assert len((await operator.get("/feeds/gaps?all=true")).json()) == 1
