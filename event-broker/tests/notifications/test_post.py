"""Letters of one process, and what another one makes of those that it left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from queue import Queue
from typing import Any, cast

import pytest

from app.notifications import Kind, Notification, Notifier, Patience, StorePost
from app.notifications.delivery import NotDelivered
from app.notifications.notifier import Report
from app.settings.service_sections import Level, NotificationsConfig
from app.store import Store, StoreUnavailable, open_store
from app.store.records import Letter, LetterOutcome
from app.store.testing import arrival, claimed

DONE = Notification(kind=Kind.REBALANCED, title="Rebalanced DU1", body="BUY 5 SPY")


class Link:
    """The way from a process to the store, which may be cut."""

    def __init__(self, store: Store) -> None:
        self.outbox = store.outbox
        self.is_cut = False
        self._store = store

    async def call(self, work: Callable[..., object], *args: object) -> object:
        if self.is_cut:
            raise StoreUnavailable("the store is away")
        return await self._store.call(work, *args)


class _Heard(Notifier):
    """Tells the test of an end, too, after the post has heard of it."""

    def __init__(self, ended: Queue[LetterOutcome], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._outcomes = ended

    def report_to(self, report: Report) -> None:
        def both(key: str, outcome: LetterOutcome) -> None:
            report(key, outcome)
            self._outcomes.put(outcome)

        super().report_to(both)


@dataclass
class Process:
    """The part of a service that tells people."""

    store: Store
    levels: dict[str, Level] = field(default_factory=dict)
    addresses: tuple[str, ...] = ("ntfy://host/topic",)
    #: Addresses that take nothing.
    down: dict[str, NotDelivered] = field(default_factory=dict)
    #: Addresses that do not answer: what is set when they are asked, and what lets them go on.
    stuck: dict[str, tuple[threading.Event, threading.Event]] = field(default_factory=dict)
    #: What each attempt comes to, before all succeed.
    errors: list[NotDelivered] = field(default_factory=list)
    patience: Patience = field(default_factory=lambda: Patience(pauses=(0,), attempt=5))
    told: list[str] = field(default_factory=list)
    arrived: Queue[str] = field(default_factory=Queue)
    ended: Queue[LetterOutcome] = field(default_factory=Queue)
    time: float = 100.0
    letter: Letter | None = None

    def __post_init__(self) -> None:
        self.notifier = _Heard(
            self.ended,
            self.addresses,
            lambda: NotificationsConfig.model_validate(self.levels),
            patience=self.patience,
            deliver=self._deliver,
        )
        self.link = Link(self.store)
        self.post = StorePost(cast(Store, self.link), self.notifier)

    def _deliver(self, address: str, notification: Notification) -> None:
        if address in self.stuck:
            asked, released = self.stuck[address]
            asked.set()
            released.wait(10)
        if address in self.down:
            raise self.down[address]
        if self.errors:
            raise self.errors.pop(0)
        self.told.append(notification.title)
        self.arrived.put(notification.title)

    def record(self, notification: Notification = DONE) -> None:
        """An outcome, and its letter; it is not sent yet."""
        self.store.events.enqueue(arrival())
        self.letter = self.post.letter(notification)
        assert self.letter is not None
        self.store.events.finish(claimed(self.store), {}, self.letter)

    async def look(self, times: int = 1) -> None:
        """Time passes from one look to the next."""
        for _ in range(times):
            self.time += 5
            await self.post.tick(self.time)

    async def end(self) -> None:
        """In order."""
        self.notifier.close(5)
        await self.post.close()


Start = Callable[..., Process]


def senders(store: Store) -> list[str | None]:
    """Of letters that are not settled."""
    return [letter.sender for letter in store.outbox.open()]


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    with open_store(sqlite_url) as opened:
        yield opened


@pytest.fixture
def start(store: Store) -> Iterator[Start]:
    """Starts processes on one store."""
    started: list[Process] = []

    def begin(**options: object) -> Process:
        started.append(Process(store, **options))  # type: ignore[arg-type]
        return started[-1]

    yield begin
    for process in started:
        process.notifier.close(5)


async def test_what_is_delivered_is_settled(start: Start, store: Store) -> None:
    process = start()
    process.record()
    process.post.send(DONE, process.letter)
    assert process.ended.get(timeout=10) is LetterOutcome.DELIVERED
    await process.look()
    assert store.outbox.open() == ()


async def test_what_a_living_process_has_is_left_to_it(start: Start, store: Store) -> None:
    process, other = start(errors=[NotDelivered("down")], patience=Patience(pauses=(60,))), start()
    process.record()
    process.post.send(DONE, process.letter)
    for _ in range(20):
        await process.look()
        await other.look()
    assert other.told == []
    assert len(store.outbox.open()) == 1


async def test_what_a_killed_process_left_is_told_once(start: Start, store: Store) -> None:
    start().record()
    others = start(), start()
    for _ in range(3):
        for other in others:
            await other.look()
    assert [other.told for other in others] == [[], []]
    for _ in range(5):
        for other in others:
            await other.look()
    others[0].notifier.close(5)
    others[1].notifier.close(5)
    assert others[0].told + others[1].told == ["Rebalanced DU1"]


async def test_a_process_that_stood_still_itself_does_not_take_others_for_dead(
    start: Start, store: Store
) -> None:
    start().record()
    other = start()
    await other.look()
    other.time += 3600
    await other.look()
    assert other.told == []
    assert len(store.outbox.open()) == 1


async def test_an_outage_of_the_store_says_nothing_of_others(start: Start, store: Store) -> None:
    process, other = start(), start()
    process.record()
    await other.look(3)
    other.link.is_cut = True
    await other.look(5)
    other.link.is_cut = False
    await other.look(3)
    assert senders(store) == [process.letter and process.letter.sender]
    await other.look()
    assert other.ended.get(timeout=10) is LetterOutcome.DELIVERED


async def test_what_an_ending_process_could_not_deliver_is_taken_at_once(
    start: Start, store: Store
) -> None:
    down = [NotDelivered("down")] * 9
    process = start(errors=down, patience=Patience(pauses=(3600,)))
    process.record()
    process.post.send(DONE, process.letter)
    await process.end()
    other = start()
    await other.look()
    assert other.ended.get(timeout=10) is LetterOutcome.DELIVERED
    assert other.told == ["Rebalanced DU1"]


async def test_what_is_sent_after_the_end_is_left_to_others(start: Start, store: Store) -> None:
    process = start()
    process.notifier.close(5)
    process.record()
    process.post.send(DONE, process.letter)
    await process.post.close()
    assert senders(store) == [None]


async def test_what_no_patience_helps_is_given_up(start: Start, store: Store) -> None:
    process = start(errors=[NotDelivered("down")] * 2)
    process.record()
    process.post.send(DONE, process.letter)
    assert process.ended.get(timeout=10) is LetterOutcome.GIVEN_UP
    await process.look()
    assert store.outbox.open() == ()


ONE, TWO = "ntfy://one/topic", "ntfy://two/topic"


async def test_an_address_that_never_takes_it_is_no_delivery(start: Start) -> None:
    process = start(addresses=(ONE, TWO), down={ONE: NotDelivered("no", permanent=True)})
    process.record()
    process.post.send(DONE, process.letter)
    assert process.ended.get(timeout=10) is LetterOutcome.GIVEN_UP
    assert process.told == ["Rebalanced DU1"]


async def test_it_is_settled_when_every_address_has_it_or_was_given_up(
    start: Start, store: Store
) -> None:
    process = start(
        addresses=(ONE, TWO),
        down={ONE: NotDelivered("down")},
        patience=Patience(pauses=(3600,)),
    )
    process.record()
    process.post.send(DONE, process.letter)
    process.arrived.get(timeout=10)
    for _ in range(5):
        await process.look()
    # The other address is tried again in an hour.
    assert len(store.outbox.open()) == 1
    process.down.clear()
    await process.end()
    assert process.ended.get(timeout=10) is LetterOutcome.DELIVERED
    assert process.told == ["Rebalanced DU1"] * 2
    assert store.outbox.open() == ()


async def test_what_one_address_has_when_a_process_ends_does_not_come_to_it_twice(
    start: Start, store: Store
) -> None:
    process = start(
        addresses=(ONE, TWO),
        down={ONE: NotDelivered("down")},
        patience=Patience(pauses=(3600,)),
    )
    process.record()
    process.post.send(DONE, process.letter)
    process.arrived.get(timeout=10)
    await process.end()
    assert process.ended.get(timeout=10) is LetterOutcome.GIVEN_UP
    assert store.outbox.open() == ()


async def test_an_end_that_comes_first_settles_what_one_address_has(
    start: Start, store: Store
) -> None:
    """The other one never answers, and the end does not wait for it."""
    stuck, released = threading.Event(), threading.Event()
    process = start(addresses=(ONE, TWO), stuck={ONE: (stuck, released)})
    for _ in range(2):
        process.record()
        process.post.send(DONE, process.letter)
        process.arrived.get(timeout=10)
    assert stuck.wait(10)
    process.notifier.close(0.05)
    await process.post.close()
    assert [process.ended.get(timeout=10) for _ in "12"] == [LetterOutcome.GIVEN_UP] * 2
    assert store.outbox.open() == ()
    released.set()


async def test_what_was_recorded_and_never_sent_is_told_by_the_process_itself(
    start: Start, store: Store
) -> None:
    process = start()
    process.record()
    await process.look(4)
    assert process.ended.get(timeout=10) is LetterOutcome.DELIVERED
    await process.look(4)
    assert process.told == ["Rebalanced DU1"]
    assert store.outbox.open() == ()


async def test_what_nobody_wants_to_hear_is_not_recorded(start: Start) -> None:
    assert start(levels={"rebalanced": Level.OFF}).post.letter(DONE) is None
    assert start(addresses=()).post.letter(DONE) is None


async def test_what_was_turned_off_since_is_given_up(start: Start, store: Store) -> None:
    start().record()
    other = start(levels={"rebalanced": Level.OFF})
    await other.look(4)
    assert other.ended.get(timeout=10) is LetterOutcome.GIVEN_UP


async def test_a_process_that_can_tell_nobody_takes_nothing(start: Start, store: Store) -> None:
    process = start()
    process.record()
    await start(addresses=()).look(10)
    assert senders(store) == [process.letter and process.letter.sender]


async def test_what_was_delivered_while_the_store_was_away_is_settled_later(
    start: Start, store: Store
) -> None:
    process = start()
    process.record()
    process.link.is_cut = True
    process.post.send(DONE, process.letter)
    assert process.ended.get(timeout=10) is LetterOutcome.DELIVERED
    await process.look()
    assert len(store.outbox.open()) == 1
    process.link.is_cut = False
    await process.end()
    assert store.outbox.open() == ()


async def test_the_end_of_a_process_is_no_trouble_without_a_store(
    start: Start, store: Store
) -> None:
    process = start()
    process.record()
    process.link.is_cut = True
    await process.end()
    assert len(store.outbox.open()) == 1
