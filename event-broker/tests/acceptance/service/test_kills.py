"""The service is killed while accounts stand at every step of an event's way, and started again."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from app.events import EventState
from app.store.records import MessageStatus
from rebalance_workflow import AccountLock
from simulated_exchange import Side

from .product import CONFIG, client_of, until_run_has_ended
from .stores import nobody_writes

if TYPE_CHECKING:
    from .conftest import OpenSite, Site
    from .product import Service

pytestmark = pytest.mark.acceptance

CLAIMED, CONNECTED, SELLING, SOLD, BUYING, NOT_WRITTEN = (f"DU{n}" for n in range(1, 7))
DISPATCHED, RECORDED = "DU7", "DU8"
ACCOUNTS = dict.fromkeys([f"DU{n}" for n in range(1, 8)], "alpha") | {RECORDED: "beta"}
#: Longer than any test.
_FOR_GOOD = 600.0
#: Whoever is held up stays where it is, though the machine be busy.
PATIENT = (
    CONFIG
    + """\
ibkr: {connection_timeout_seconds: 60, acknowledgement_timeout_seconds: 60}
executor: {max_workers: 6}
"""
)


def hold_everybody_up(site: Site) -> None:
    """Let each account come as far as its step, and no further."""
    fault = site.broker.let_fail
    fault(action="delay", seconds=_FOR_GOOD, message="startApi", client_id=client_of(CONNECTED))
    for account_id, side in ((SELLING, "SELL"), (BUYING, "BUY")):
        fault(
            action="delay",
            seconds=_FOR_GOOD,
            message="openOrder",
            client_id=client_of(account_id),
            where={"action": side},
        )
    client, buying = client_of(SOLD), {"action": "BUY"}
    fault(action="swallow", times=0, message="placeOrder", client_id=client, where=buying)
    # Time enough to close the store before there is a result.
    client = client_of(NOT_WRITTEN)
    fault(action="delay", seconds=2, message="openOrder", client_id=client, where=buying)
    # A message that is not dispatched before history is read.
    site.broker.ably(lambda ably: ably.fail_rest(delay=_FOR_GOOD, path="beta"))


def until_all_are_held_up(site: Site, service: Service) -> None:
    service.until("event.started", account_id=CLAIMED)
    broker = site.broker
    broker.until(lambda: broker.has_asked(client_of(CONNECTED), "startApi"))
    broker.until_ordered(SELLING, Side.SELL)
    broker.until(lambda: broker.has_asked(client_of(SOLD), "placeOrder", "BUY"))
    broker.until_ordered(BUYING, Side.BUY)


def test_a_service_killed_at_every_step_of_an_event_ends_each_exactly_once(
    open_site: OpenSite, database_url: str
) -> None:
    site = open_site(database_url, ACCOUNTS, PATIENT)
    locks = site.home / "data" / "simulation" / "locks"
    hold_everybody_up(site)
    with ExitStack() as until_it_is_killed:
        hold = until_it_is_killed.enter_context
        hold(AccountLock(locks, CLAIMED))
        last = AccountLock(locks, NOT_WRITTEN)
        hold(last)
        service = site.start("all")
        service.until("channel", channel="alpha", state="attached")
        service.until("channel", channel="beta", state="attached")
        site.publish("alpha", "rebalance")
        until_all_are_held_up(site, service)
        site.publish("beta", "rebalance")
        site.until(lambda: site.store.messages.list(1, channel="beta"))
        last.release()
        site.broker.until_ordered(NOT_WRITTEN, Side.BUY)
        hold(nobody_writes(database_url, but_journals=True))
        until_run_has_ended(site.home, NOT_WRITTEN)
        states = {event.account_id: event.state for event in site.events()}
        held_up = {states[account] for account in (CONNECTED, SELLING, SOLD, BUYING)}
        assert held_up == {EventState.RUNNING}
        # An attempt waits ten seconds for the lock and comes again. The others may be a step
        # further on a busy machine, where a result is written before the store is closed.
        assert states[CLAIMED] in {EventState.RUNNING, EventState.QUEUED}
        assert states.keys() == ACCOUNTS.keys() - {RECORDED}
        (waiting,) = site.store.messages.list(1, channel="beta")
        assert waiting.status is MessageStatus.RECEIVED
        service.kill_all()
    site.broker.mend()
    site.broker.ably(lambda ably: ably.fail_rest())
    site.start("all")
    site.until_ended()
    assert sorted(event.account_id for event in site.events()) == sorted(ACCOUNTS)
    site.assert_all_is_well()
    # What was done and not written down is found to be done.
    assert len(site.broker.runs_with_orders(NOT_WRITTEN)) == 1
