"""The service as it is shipped, from a message on Ably to orders at the exchange, on both engines.

Times begin when the stand-in for Ably is given the message to write, and end when the order is at
the simulated exchange, or when another process sees the row in the store.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.events import FINAL_STATES, Event, EventState
from app.store.testing import PostgresServer, create_database, drop_database
from benchmarks.installation import Installation, Serving, installation
from benchmarks.machine import summarise

_DATABASE = "service_benchmark"
_CROWD = "crowd"
_WORKERS = 2


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is measured."""

    #: Accounts that are measured one after the other; the first ones do not count.
    single: int = 13
    warm_up: int = 2
    #: Accounts that follow one strategy.
    crowd: int = 100
    idle_seconds: float = 20.0
    #: Workers that are killed, one after the other.
    killed: int = 3


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
    killed = [f"killed-{number}" for number in range(size.killed)]
    followed = [*singles, *killed, *[_CROWD] * size.crowd]
    with installation(url, accounts=len(followed), strategy_of=followed.__getitem__) as site:
        accounts = dict(zip(followed, site.far_side.account_ids, strict=True))
        with site.serving("all", channels=len(accounts)) as service:
            one_by_one = [(name, accounts[name]) for name in singles]
            measured = {
                "preview_stored": _series(site, one_by_one, size.warm_up, _preview),
                "first_order": _series(site, one_by_one, size.warm_up, _first_order),
                "crowd": _crowd(site, service, site.far_side.account_ids[-size.crowd :]),
                "idle": _idle(service, size.idle_seconds),
            }
        takeovers = _takeovers(site, [(name, accounts[name]) for name in killed])
        return {**measured, "worker_killed": takeovers}


def _series(
    site: Installation,
    accounts: list[tuple[str, str]],
    warm_up: int,
    seconds: Callable[[Installation, str, str], float],
) -> dict[str, Any]:
    samples = [seconds(site, strategy, account_id) * 1e3 for strategy, account_id in accounts]
    return summarise(samples[warm_up:], "ms", digits=1)


def _preview(site: Installation, strategy: str, account_id: str) -> float:
    began = site.ably.publish(strategy, {"exec": "print-rebalance"})
    _, seen = site.until(lambda: site.store.previews.latest(account_id))
    _over(site, account_id)
    return seen - began


def _first_order(site: Installation, strategy: str, account_id: str) -> float:
    began = site.ably.publish(strategy, {"exec": "rebalance"})
    _orders_left(site, account_id)
    _over(site, account_id)
    return site.far_side.arrivals().first_order[account_id] - began


def _orders_left(site: Installation, account_id: str) -> None:
    """Return when the store has a run of the account, which is when its first orders have left."""
    site.until(lambda: site.store.runs.list(1, account_id=account_id) or None)


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
    site.ably.publish(_CROWD, {"exec": "rebalance"})
    events = _over(site, *account_ids, pause=0.5)
    after, arrivals = service.usage(), site.far_side.arrivals()
    ended = max(event.finished_at for event in events if event.finished_at)
    return {
        "accounts": len(events),
        "seconds": round((ended - began).total_seconds(), 2),
        "outcomes": sorted({event.state.value for event in events}),
        "account": summarise([_seconds(event) for event in events], "s"),
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


def _seconds(event: Event) -> float:
    assert event.started_at is not None
    assert event.finished_at is not None
    return (event.finished_at - event.started_at).total_seconds()


def _idle(service: Serving, seconds: float) -> dict[str, Any]:
    before, began = service.usage(), time.monotonic()
    time.sleep(seconds)
    used = service.usage().service - before.service
    percent = used / (time.monotonic() - began) * 100
    return {"seconds": seconds, "cpu_percent": round(percent, 2)}


def _takeovers(site: Installation, accounts: list[tuple[str, str]]) -> dict[str, Any]:
    """Workers with orders at work die with all of their processes; each time another takes over."""
    site.far_side.slow_fills()
    taken_over: list[float] = []
    outcomes: set[str] = set()
    with ExitStack() as stack:
        stack.enter_context(site.serving("ingest", channels=len(accounts)))
        workers: dict[str, Serving] = {}
        for strategy, account_id in accounts:
            while len(workers) < _WORKERS:
                worker = stack.enter_context(site.serving("worker"))
                workers[worker.name] = worker
            site.ably.publish(strategy, {"exec": "rebalance"})
            _orders_left(site, account_id)
            (running,) = site.store.events.list(states=[EventState.RUNNING])
            killed_at = workers.pop(str(running.worker)).kill()
            (event,) = _over(site, account_id)
            outcomes.add(event.state.value)
            again = site.store.events.attempts(event.event_id)[1:]
            taken_over += [(a.started_at - killed_at).total_seconds() * 1e3 for a in again]
    return {
        "begun_again_after": summarise(taken_over, "ms", digits=0),
        "outcomes": sorted(outcomes),
        **_books(site, [account_id for _, account_id in accounts]),
    }


def _books(site: Installation, account_ids: list[str]) -> dict[str, Any]:
    """What was executed, beside what it took for an account that nothing happened to."""
    executed = site.far_side.arrivals().executed
    bought_and_sold = shares_off = 0
    for account_id in account_ids:
        for contract, undisturbed in executed[site.far_side.account_ids[0]].items():
            fills = executed[account_id][contract]
            bought_and_sold += min(fills) < 0 < max(fills)
            shares_off += abs(int(sum(fills) - sum(undisturbed)))
    return {"symbols_bought_and_sold": bought_and_sold, "shares_off": shares_off}
