"""Ably at its worst: messages come twice, malformed, or while nobody or nothing can hear them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ably_standin import message
from app.events import Command, EventState
from app.store.records import MessageStatus

if TYPE_CHECKING:
    from .conftest import OpenSite, Site
    from .product import Service

pytestmark = pytest.mark.acceptance


def until_it_listens(site: Site, service: Service) -> None:
    """It hears what is published from now on."""
    service.until("channel", channel="alpha", state="attached")


def commands(site: Site) -> list[Command]:
    return sorted(event.command for event in site.events())


def test_messages_that_come_twice_or_malformed_lead_to_each_event_once(
    open_site: OpenSite, database_url: str
) -> None:
    site = open_site(database_url, {"DU1": "alpha"})
    service = site.start("all")
    until_it_listens(site, service)
    site.publish("alpha", "rebalance")
    site.until_ended()
    wanted = message({"exec": "print-positions"})
    nothing = {"data": "{not json", "encoding": "json"}
    site.broker.ably(lambda ably: ably.publish("alpha", [wanted, nothing]))
    for _ in range(3):
        site.broker.ably(lambda ably: ably.redeliver("alpha"))
    site.publish("alpha", "print-orders")
    site.until_ended(events=3)
    assert commands(site) == ["print-orders", "print-positions", "rebalance"]
    statuses = sorted(stored.status for stored in site.store.messages.list(10))
    assert statuses == sorted([MessageStatus.MALFORMED, *[MessageStatus.DISPATCHED] * 3])
    service.until("ably.alert", kind="ably_malformed_message")
    site.assert_all_is_well()


def test_messages_published_while_the_service_is_down_are_found_in_history(
    open_site: OpenSite, database_url: str
) -> None:
    site = open_site(database_url, {"DU1": "alpha"})
    first = site.start("ingest")
    until_it_listens(site, first)
    site.publish("alpha", "print-equity")
    first.until("message.dispatched")
    assert first.stop() == 0
    site.publish("alpha", "print-orders", "print-positions")
    site.publish("alpha", "rebalance")
    second = site.start("ingest")
    second.until("message.dispatched", count=3)
    wanted = ["print-equity", "print-orders", "print-positions", "rebalance"]
    assert commands(site) == wanted
    assert {event.state for event in site.events()} == {EventState.QUEUED}


def test_a_connection_through_which_nothing_comes_is_replaced_and_nothing_is_missed(
    open_site: OpenSite, sqlite_url: str
) -> None:
    site = open_site(sqlite_url, {"DU1": "alpha"})
    service = site.start("ingest")
    until_it_listens(site, service)
    site.broker.ably(lambda ably: ably.black_hole())
    site.publish("alpha", "rebalance")
    service.until("connection", state="disconnected")
    site.broker.ably(lambda ably: ably.abort_connections())
    site.broker.ably(lambda ably: ably.black_hole(active=False))
    service.until("message.dispatched")
    assert commands(site) == ["rebalance"]
