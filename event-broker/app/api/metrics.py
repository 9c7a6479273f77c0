"""`/metrics` in Prometheus' text format: counts of the store, and this process's own figures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.store import Store, StoreError

from .backend import HealthNow
from .context import Here
from .keys import READ

router = APIRouter(tags=["metrics"], dependencies=[READ])

_PREFIX = "rebalancer"


@router.get("/metrics", response_class=Response)
async def metrics(here: Here) -> Response:
    """For a Prometheus server; a store that cannot be used shows as rebalancer_ready 0."""
    health = await here.backend.health()
    body = await asyncio.to_thread(_text, health, here.store)
    return Response(body, media_type=CONTENT_TYPE_LATEST)


def _text(health: HealthNow, store: Store) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Collector(health, store))
    return generate_latest(registry) + generate_latest(REGISTRY)


class _Collector(Collector):
    """Reads the store when it is asked, so that every process shows the same."""

    def __init__(self, health: HealthNow, store: Store) -> None:
        self._health = health
        self._store = store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The service's own figures, and the store's when it can be used."""
        yield _gauge("ready", "1 when this process can do its work", self._health.ready)
        yield _gauge("degraded_reasons", "Things that need a person", len(self._health.degraded))
        with suppress(StoreError):
            yield from list(_of_store(self._store))


def _of_store(store: Store) -> Iterator[GaugeMetricFamily]:
    statistics = store.events.statistics()
    by_state = GaugeMetricFamily(f"{_PREFIX}_events", "Events by state", labels=["state"])
    for state, number in statistics.by_state.items():
        by_state.add_metric([state.value], number)
    yield by_state
    yield _gauge(
        "oldest_waiting_event_age_seconds",
        "Since the oldest waiting event arrived",
        statistics.oldest_event_age_seconds,
    )
    yield _gauge(
        "events_with_retries",
        "Waiting and running events that are tried again",
        statistics.events_with_retries,
    )
    yield _gauge("workers", "Processes that were seen lately", len(store.workers.present()))
    yield _gauge("open_feed_gaps", "Times whose messages may be lost", len(store.feeds.gaps()))
    yield _gauge("pauses", "Pauses in force", len(store.controls.paused()))
    until = store.controls.armed_until()
    yield _gauge(
        "armed_until_seconds", "Live trading; 0: not armed", until.timestamp() if until else 0
    )
    last = GaugeMetricFamily(
        f"{_PREFIX}_last_rebalance_timestamp_seconds",
        "Start of the latest one",
        labels=["account_id"],
    )
    for account_id, started_at in store.runs.latest_rebalances().items():
        last.add_metric([account_id], started_at.timestamp())
    yield last


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", text, value=value)
