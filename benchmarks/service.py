"""The service as it is shipped, from a message on Ably to orders at the exchange, on both engines.

Times begin when the stand-in for Ably is given the message to write, and end when the order is at
the simulated exchange, or when another process sees the row in the store.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.events import FINAL_STATES, Event, EventState
from app.store.testing import PostgresServer, create_database, drop_database
from benchmarks.installation import Installation, Serving, installation
from benchmarks.machine import summarise

_DATABASE = "service_benchmark"


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is measured."""

    #: Accounts that are measured one after the other; the first ones do not count.
    single: int = 13
    warm_up: int = 2
    #: Accounts that follow one strategy.
    crowd: int = 100
    idle_seconds: float = 20.0


def measure(size: Size | None = None) -> dict[str, Any]:
    """SQLite, and PostgreSQL at TEST_DATABASE_URL or of our own, writing to disk."""
    size = size or Size()
    with TemporaryDirectory() as directory:
        sqlite = measure_engine(f"sqlite:///{directory}/events.db", size)
    with _postgres() as url:
        return {"sqlite": sqlite, "postgresql": measure_engine(url, size)}


@contextmanager
def _postgres() -> Iterator[str]:
    if server_url := os.environ.get("TEST_DATABASE_URL"):
        yield create_database(server_url, _DATABASE)
        drop_database(server_url, _DATABASE)
        return
    with TemporaryDirectory() as directory, PostgresServer(Path(directory), durable=True) as server:
        yield server.url


def measure_engine(url: str, size: Size) -> dict[str, Any]:
    """All measurements on one store, which should be empty."""
    singles = [f"single-{number}" for number in range(size.single)]

    def strategy_of(number: int) -> str:
        """The crowd comes last, but for one account that is left for the failure."""
        return [*singles, "failure"][number] if number <= len(singles) else "crowd"

    accounts = len(singles) + 1 + size.crowd
    failing = -1 - size.crowd
    with installation(url, accounts=accounts, strategy_of=strategy_of) as site:
        with site.serving("all", channels=len(singles) + 2) as service:
            measured = {
                "preview_stored": _summary(site, singles, size, _preview),
                "first_order": _summary(site, singles, size, _first_order),
                "crowd": _crowd(site, service, site.far_side.account_ids[-size.crowd :]),
                "idle": _idle(service, size.idle_seconds),
            }
        return {**measured, "worker_killed": _failure(site, site.far_side.account_ids[failing])}


def _summary(
    site: Installation,
    strategies: list[str],
    size: Size,
    seconds: Callable[[Installation, str, str], float],
) -> dict[str, Any]:
    accounts = site.far_side.account_ids
    samples = [seconds(site, *pair) * 1e3 for pair in zip(strategies, accounts, strict=False)]
    return summarise(samples[size.warm_up :], "ms", digits=1)


def _preview(site: Installation, strategy: str, account_id: str) -> float:
    began = site.ably.publish(strategy, {"exec": "print-rebalance"})
    _, seen = site.until(lambda: site.store.previews.latest(account_id))
    _over(site, account_id)
    return seen - began


def _first_order(site: Installation, strategy: str, account_id: str) -> float:
    began = site.ably.publish(strategy, {"exec": "rebalance"})
    site.until(lambda: site.store.runs.list(1, account_id=account_id) or None)
    _over(site, account_id)
    return site.far_side.arrivals().first_order[account_id] - began


def _over(site: Installation, *account_ids: str, pause: float = 0) -> list[Event]:
    """The latest events of the accounts, once all events are over."""

    def look() -> list[Event] | None:
        counts = site.store.events.statistics()
        if counts.queue_length + counts.active_events_count:
            return None
        latest = [site.store.events.list(limit=1, account_id=each) for each in account_ids]
        found = [event for events in latest for event in events if event.state in FINAL_STATES]
        return found if len(found) == len(account_ids) else None

    events, _ = site.until(look, pause=pause)
    return events


def _crowd(site: Installation, service: Serving, account_ids: tuple[str, ...]) -> dict[str, Any]:
    before, began = service.usage(), datetime.now(UTC)
    site.ably.publish("crowd", {"exec": "rebalance"})
    events = _over(site, *account_ids, pause=0.5)
    after, arrivals = service.usage(), site.far_side.arrivals()
    ended = max(event.finished_at for event in events if event.finished_at)
    return {
        "accounts": len(events),
        "seconds": round((ended - began).total_seconds(), 2),
        "outcomes": sorted({event.state.value for event in events}),
        "times_queued": sorted({event.times_queued for event in events}),
        "orders_each": sorted({len(arrivals.orders.get(each, ())) for each in account_ids}),
        "most_messages_in_a_second": arrivals.max_messages_per_second,
        "cpu_seconds": {
            "service": round(after.service - before.service, 2),
            "account_processes": round(after.accounts - before.accounts, 2),
            "gateway": round(after.gateway - before.gateway, 2),
        },
        "service_mb": round(after.service_mb, 1),
        "service_peak_mb": round(after.service_peak_mb, 1),
        "helpers_mb": round(after.helpers_mb, 1),
    }


def _idle(service: Serving, seconds: float) -> dict[str, Any]:
    before, began = service.usage(), time.monotonic()
    time.sleep(seconds)
    used = service.usage().service - before.service
    percent = used / (time.monotonic() - began) * 100
    return {"seconds": seconds, "cpu_percent": round(percent, 2)}


def _failure(site: Installation, account_id: str) -> dict[str, Any]:
    """A worker with orders at work dies with all of its processes; another one takes over."""
    site.far_side.slow_fills()
    with (
        site.serving("ingest", channels=1),
        site.serving("worker") as one,
        site.serving("worker") as other,
    ):
        site.ably.publish("failure", {"exec": "rebalance"})
        site.until(lambda: site.store.runs.list(1, account_id=account_id) or None)
        (running,) = site.store.events.list(states=[EventState.RUNNING])
        killed = (one if running.worker == one.name else other).kill()
        (event,) = _over(site, account_id)
    again = site.store.events.attempts(event.event_id)[1:]
    return {
        "again_after_ms": [round((a.started_at - killed).total_seconds() * 1e3) for a in again],
        "outcome": event.state.value,
        **_books(site, account_id),
    }


def _books(site: Installation, account_id: str) -> dict[str, Any]:
    """What was executed, beside what it took for an account that nothing happened to."""
    executed = site.far_side.arrivals().executed
    fills, undisturbed = executed[account_id], executed[site.far_side.account_ids[0]]
    none = Decimal(0)
    differences = [abs(sum(fills[c], none) - sum(undisturbed[c], none)) for c in undisturbed]
    return {
        "symbols_bought_and_sold": len([f for f in fills.values() if min(f) < 0 < max(f)]),
        "shares_off": int(sum(differences)),
    }
