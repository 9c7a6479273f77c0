"""Many who look at the same time, and a store that is slow: changes and probes are answered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from anyio import to_thread
from sqlalchemy import Connection, Engine
from sqlalchemy import event as sqlalchemy_event

from app.api import create_api, serve_api
from app.events import Statistics
from app.store import Store

from .conftest import KEY

if TYPE_CHECKING:
    from .conftest import Service

OPERATOR = {"Authorization": f"Bearer {KEY}"}


class StuckQueue:
    """The events of a store that counts nothing before it is released."""

    def __init__(self, store: Store) -> None:
        self._events = store.events
        self.enqueue = store.events.enqueue
        self.released = threading.Event()
        self.inside = threading.Semaphore(0)

    def statistics(self) -> Statistics:
        self.inside.release()
        assert self.released.wait(60)
        return self._events.statistics()


class StuckStore:
    """A store with such events."""

    def __init__(self, store: Store) -> None:
        self.events = StuckQueue(store)


@pytest.fixture
def stuck(service: Service) -> Iterator[StuckStore]:
    store = StuckStore(service.store)
    yield store
    store.events.released.set()


@asynccontextmanager
async def caller(
    service: Service, store: object, patience_seconds: float
) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who asks the API over another store."""
    backend = replace(service, store=cast(Store, store))
    api = create_api(backend, read_patience_seconds=patience_seconds)
    limits = httpx.Limits(max_connections=None)
    async with (
        serve_api(api, "127.0.0.1", 0) as server,
        httpx.AsyncClient(
            base_url=f"http://{server.host}:{server.port}", timeout=60, limits=limits
        ) as client,
    ):
        yield client


async def test_only_a_few_look_at_the_same_time_and_the_others_are_told_to_come_again(
    service: Service, stuck: StuckStore
) -> None:
    async with caller(service, stuck, patience_seconds=0.2) as client:
        looking = [asyncio.create_task(client.get("/queue/status")) for _ in range(50)]
        refused = 0
        async with asyncio.timeout(60):
            for answer in asyncio.as_completed(looking):
                assert (await answer).headers["Retry-After"] == "1"
                refused += 1
                if refused == 46:
                    break
        stuck.events.released.set()
        answers = await asyncio.gather(*looking)
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [503] * 46
    assert sum(stuck.events.inside.acquire(blocking=False) for _ in range(50)) == 4


async def test_who_waits_in_line_is_answered(service: Service, stuck: StuckStore) -> None:
    async with caller(service, stuck, patience_seconds=60) as client:
        looking = [asyncio.create_task(client.get("/queue/status")) for _ in range(20)]
        await asyncio.to_thread(stuck.events.inside.acquire)
        stuck.events.released.set()
        answers = await asyncio.gather(*looking)
    assert {answer.status_code for answer in answers} == {200}


async def test_a_change_waits_for_nobody_who_looks(service: Service, stuck: StuckStore) -> None:
    async with caller(service, stuck, patience_seconds=60) as client:
        looking = [asyncio.create_task(client.get("/queue/status")) for _ in range(50)]
        await asyncio.to_thread(stuck.events.inside.acquire)
        body = {"account_id": "DU100", "exec_command": "rebalance"}
        answer = await client.post("/queue/events", json=body, headers=OPERATOR)
        assert answer.status_code == 202
        assert not any(task.done() for task in looking)
        stuck.events.released.set()
        await asyncio.gather(*looking)


@pytest.mark.parametrize("path", ["/live", "/ready", "/health"])
async def test_a_probe_waits_for_no_thread(anybody: httpx.AsyncClient, path: str) -> None:
    threads = to_thread.current_default_thread_limiter()
    borrowers = [object() for _ in range(int(threads.total_tokens))]
    for borrower in borrowers:
        threads.acquire_on_behalf_of_nowait(borrower)
    try:
        assert (await anybody.get(path, timeout=20)).status_code == 200
    finally:
        for borrower in borrowers:
            threads.release_on_behalf_of(borrower)


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to any database meanwhile."""
    sent: list[str] = []

    def note(_: Connection, __: object, statement: str, *___: object) -> None:
        sent.append(statement)

    sqlalchemy_event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sqlalchemy_event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize(("path", "table"), [("/runs", "runs"), ("/queue/events", "events")])
async def test_a_list_loads_no_document_that_it_does_not_show(
    anybody: httpx.AsyncClient, path: str, table: str
) -> None:
    with statements() as sent:
        assert (await anybody.get(path)).status_code == 200
    (query,) = [statement for statement in sent if f"FROM {table}" in statement]
    assert "result" not in query
    assert not any("FROM orders" in statement for statement in sent)
