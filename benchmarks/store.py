"""How fast the event store is on both engines: enqueue to claim, events a second, idle time."""

from __future__ import annotations

import multiprocessing
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from app.events import Claim, Command, EventSource, NewEvent
from app.store import Store, open_store
from app.store.testing import PostgresServer
from benchmarks.machine import summarise

_CONTEXT = multiprocessing.get_context("forkserver")
_PATIENCE = 60
#: As the service does without any event: a look at the queue and a sweep every second.
_POLL_SECONDS = 1.0
_IDLE_SECONDS = 5.0


def measure() -> dict[str, Any]:
    """SQLite with synchronous=FULL, and a PostgreSQL server of our own that writes to disk."""
    with tempfile.TemporaryDirectory() as directory:
        sqlite = _engine(f"sqlite:///{directory}/events.db")
        with PostgresServer(Path(directory) / "postgres", durable=True) as server:
            postgres = _engine(server.url)
    return {"sqlite": sqlite, "postgresql": postgres}


def _engine(url: str) -> dict[str, Any]:
    with open_store(url) as store:
        return {
            "open_up_to_date": summarise([_open(url) for _ in range(5)], "ms"),
            "enqueue_to_claim_in_process": summarise(_in_process(store, 60), "ms"),
            "enqueue_to_claim_across_processes": summarise(_across(store, url, 60), "ms"),
            "events_per_second_4_threads": _throughput(store, url, events=300, processes=0),
            "events_per_second_2_processes": _throughput(store, url, events=300, processes=2),
            "heartbeat_of_24": summarise(_heartbeats(store, 20), "ms"),
            "idle_cpu_percent": _idle(url),
        }


def _open(url: str) -> float:
    began = time.perf_counter()
    open_store(url).close()
    return (time.perf_counter() - began) * 1000


def _new(number: int) -> NewEvent:
    return NewEvent(account_id=f"DU{number}", command=Command.PRINT_EQUITY, source=EventSource.API)


class _Consumer:
    """Claims when it is woken, as the service does, and finishes at once."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._changed = threading.Event()
        self._leave = store.wake.subscribe(self._changed.set)

    def claims(self, number: int) -> Iterator[tuple[Claim, float]]:
        """So many claims, each with the time of CLOCK_MONOTONIC at which it was there."""
        for _ in range(number):
            while (claim := self._store.events.claim(self._name)) is None:
                self._changed.wait(_POLL_SECONDS)
                self._changed.clear()
            yield claim, time.monotonic()
            self._store.events.finish(claim, {})
        self._leave()


def _in_process(store: Store, number: int) -> list[float]:
    claimed: list[float] = []
    ready = threading.Semaphore(0)

    def consume() -> None:
        for _, at in _Consumer(store, "thread").claims(number):
            claimed.append(at)
            ready.release()

    thread = threading.Thread(target=consume)
    thread.start()
    began = []
    for n in range(number):
        time.sleep(0.02)  # the consumer waits again
        began.append(time.monotonic())
        store.events.enqueue(_new(n))
        ready.acquire(timeout=_PATIENCE)
    thread.join(_PATIENCE)
    return [(end - start) * 1000 for start, end in zip(began, claimed, strict=True)]


def _consume(url: str, name: str, number: int, pipe: Pipe) -> None:
    with open_store(url) as store:
        consumer = _Consumer(store, name)
        pipe.send("ready")
        for _, at in consumer.claims(number):
            pipe.send(at)


@contextmanager
def _child(target: Any, *args: Any) -> Iterator[tuple[ForkServerProcess, Pipe]]:
    here, there = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=target, args=(*args, there), daemon=True)
    process.start()
    here.recv()
    yield process, here
    process.join(_PATIENCE)


def _across(store: Store, url: str, number: int) -> list[float]:
    samples = []
    with _child(_consume, url, "process", number) as (_, pipe):
        for n in range(number):
            time.sleep(0.02)
            began = time.monotonic()
            store.events.enqueue(_new(n))
            samples.append((pipe.recv() - began) * 1000)
    return samples


def _work(url: str, name: str, pipe: Pipe) -> None:
    with open_store(url) as store:
        pipe.send("ready")
        pipe.recv()
        _work_off(store, name)


def _work_off(store: Store, name: str) -> None:
    while (claim := store.events.claim(name)) is not None:
        store.events.finish(claim, {"status": "success"})


def _throughput(store: Store, url: str, *, events: int, processes: int) -> float:
    """No-op events a second from the first enqueue to the last result."""
    if processes == 0:
        began = time.perf_counter()
        for n in range(events):
            store.events.enqueue(_new(n))
        threads = [threading.Thread(target=_work_off, args=(store, f"t{n}")) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_PATIENCE)
        return round(events / (time.perf_counter() - began), 1)
    children = [_child(_work, url, f"p{n}") for n in range(processes)]
    started = [child.__enter__() for child in children]
    began = time.perf_counter()
    for n in range(events):
        store.events.enqueue(_new(n))
    for _, pipe in started:
        pipe.send("go")
    for child in children:
        child.__exit__(None, None, None)
    return round(events / (time.perf_counter() - began), 1)


def _heartbeats(store: Store, number: int) -> list[float]:
    for n in range(24):
        store.events.enqueue(_new(n))
    claims = [claim for _ in range(24) if (claim := store.events.claim("beater")) is not None]
    samples = []
    for _ in range(number):
        began = time.perf_counter()
        store.events.heartbeat_all(claims)
        samples.append((time.perf_counter() - began) * 1000)
    for claim in claims:
        store.events.finish(claim, {})
    return samples


def _idle_service(url: str, pipe: Pipe) -> None:
    with open_store(url) as store:
        changed = threading.Event()
        store.wake.subscribe(changed.set)
        _look(store)
        pipe.send("ready")
        began, used = time.monotonic(), time.process_time()
        while time.monotonic() - began < _IDLE_SECONDS:
            changed.wait(_POLL_SECONDS)
            changed.clear()
            _look(store)
        pipe.send((time.process_time() - used) / (time.monotonic() - began) * 100)


def _look(store: Store) -> None:
    store.events.sweep()
    store.events.claim("idle")


def _idle(url: str) -> float:
    with _child(_idle_service, url) as (_, pipe):
        return round(float(pipe.recv()), 2)
