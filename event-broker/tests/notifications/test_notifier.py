"""Notifications on their way to a real server: what arrives, and what never harms the sender."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from queue import Empty, Queue
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog

from app.notifications import Kind, Notification, Notifier, Patience
from app.notifications.delivery import Deliver, NotDelivered
from app.settings.service_sections import Level, NotificationsConfig
from app.store.records import LetterOutcome

#: One of the libraries that apprise loads.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NO_PAUSES = Patience(pauses=(0, 0), attempt=5)

Open = Callable[..., Notifier]
Block = Callable[[], AbstractContextManager[None]]


def notification(kind: Kind = Kind.REBALANCED, title: str = "Rebalanced DU1") -> Notification:
    return Notification(kind=kind, title=title, body="Trades executed:\n  BUY 5 SPY")


@pytest.fixture
def start() -> Iterator[Open]:
    """Notifiers that are closed at the end of the test."""
    opened: list[Notifier] = []

    def build(*addresses: str, **options: Any) -> Notifier:
        config = NotificationsConfig(**options.pop("levels", {}))
        notifier = Notifier(addresses, lambda: config, **({"patience": NO_PAUSES} | options))
        opened.append(notifier)
        return notifier

    yield build
    for notifier in opened:
        notifier.close(5)


class Inbox:
    """Delivers into a list, after raising the errors that it is given."""

    def __init__(self, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.titles: list[str] = []
        self.arrived: Queue[str] = Queue()

    def __call__(self, address: str, message: Notification) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error:
            raise error
        self.titles.append(message.title)
        self.arrived.put(address)


def by_address(**inboxes: Inbox) -> Deliver:
    """Delivers what is for `ntfy://name` into the inbox of that name."""

    def deliver(address: str, message: Notification) -> None:
        host = urlsplit(address).hostname
        assert host is not None
        inboxes[host](address, message)

    return deliver


def test_title_and_body_arrive_at_the_topic(server: Any, start: Open) -> None:
    start(server.address("my-topic")).send(notification())
    post = server.next_post()
    assert post.body == {
        "topic": "my-topic",
        "title": "Rebalanced DU1",
        "message": "Trades executed:\n  BUY 5 SPY",
    }
    assert "x-priority" not in post.headers


def test_what_is_too_long_for_the_service_comes_in_parts(server: Any, start: Open) -> None:
    body = "\n".join(f"BUY {number} SPY" for number in range(1, 4001))
    notifier = start(f"json://127.0.0.1:{server.port}/hook")
    notifier.send(Notification(kind=Kind.REBALANCED, title="R", body=body))
    parts = [server.next_post().body["message"] for _ in range(2)]
    # The most that apprise sends to such an address at once.
    assert all(0 < len(part) <= 32_768 for part in parts)
    assert "\n".join(parts).split() == body.split()
    notifier.close(5)
    assert notifier.tally().delivered == 1


def test_every_address_is_told(server: Any, start: Open) -> None:
    start(server.address("one"), server.address("two")).send(notification())
    assert {server.next_post().body["topic"] for _ in range(2)} == {"one", "two"}


@pytest.mark.parametrize(
    ("kind", "level", "priority"),
    [
        (Kind.REBALANCED, Level.ON, None),
        (Kind.REBALANCED, Level.SILENT, "low"),
        (Kind.NEEDS_ATTENTION, Level.OFF, "high"),
        (Kind.ALERT, Level.OFF, "high"),
    ],
)
def test_it_is_as_loud_as_its_kind(
    server: Any, start: Open, kind: Kind, level: Level, priority: str | None
) -> None:
    start(server.address(), levels={"rebalanced": level}).send(notification(kind))
    assert server.next_post().headers.get("x-priority") == priority


def test_what_needs_a_person_is_loud_whatever_the_address_says(server: Any, start: Open) -> None:
    start(server.address() + "?priority=min").send(notification(Kind.NEEDS_ATTENTION))
    assert server.next_post().headers["x-priority"] == "high"


def test_what_is_turned_off_is_not_sent(server: Any, start: Open) -> None:
    notifier = start(server.address(), levels={"digest": Level.OFF})
    notifier.send(notification(Kind.DIGEST, "off"))
    notifier.send(notification(title="on"))
    assert server.next_post().body["title"] == "on"
    notifier.close(5)
    with pytest.raises(Empty):
        server.posts.get_nowait()


def test_without_an_address_nothing_happens(start: Open) -> None:
    notifier = start()
    notifier.send(notification())
    assert notifier.tally().waiting == 0


def test_a_refused_message_is_tried_again(server: Any, start: Open) -> None:
    server.statuses += [503, 429]
    notifier = start(server.address())
    notifier.send(notification())
    assert [server.next_post().body["title"] for _ in range(3)] == ["Rebalanced DU1"] * 3
    notifier.close(5)
    assert (notifier.tally().delivered, notifier.tally().failed) == (1, 0)


def test_a_message_that_nobody_takes_is_given_up_logged_and_counted(
    server: Any, start: Open
) -> None:
    server.statuses += [500] * 3
    notifier = start(server.address())
    with structlog.testing.capture_logs() as logs:
        notifier.send(notification())
        notifier.send(notification(title="the next one"))
        assert [server.next_post().body["title"] for _ in range(4)][3] == "the next one"
        notifier.close(5)
    assert (notifier.tally().delivered, notifier.tally().failed) == (1, 1)
    failures = [entry for entry in logs if entry["event"] == "notification.not_delivered"]
    assert [entry["service"] for entry in failures] == ["ntfy"] * 3


def test_only_the_address_that_failed_is_tried_again(start: Open) -> None:
    busy, other = Inbox(NotDelivered("busy")), Inbox()
    notifier = start("ntfy://busy", "ntfy://other", deliver=by_address(busy=busy, other=other))
    notifier.send(notification())
    assert {inbox.arrived.get(timeout=10) for inbox in (busy, other)} == {
        "ntfy://busy",
        "ntfy://other",
    }
    notifier.close(5)
    assert notifier.tally().delivered == len(busy.titles + other.titles) == 2


def test_an_address_that_is_down_holds_up_no_other(start: Open) -> None:
    good = Inbox()
    notifier = start(
        "ntfy://down",
        "ntfy://good",
        patience=Patience(pauses=(3600,)),
        deliver=by_address(down=Inbox(*[NotDelivered("down")] * 30), good=good),
    )
    titles = [f"run {number}" for number in range(10)]
    for title in titles:
        notifier.send(notification(title=title))
    for _ in titles:
        good.arrived.get(timeout=10)
    notifier.send(notification(Kind.NEEDS_ATTENTION, "look"))
    good.arrived.get(timeout=10)
    assert good.titles == [*titles, "look"]


def test_what_an_address_that_is_down_keeps_waiting_is_bounded(start: Open) -> None:
    good = Inbox()
    notifier = start(
        "ntfy://down",
        "ntfy://good",
        patience=Patience(pauses=(3600,), capacity=3),
        deliver=by_address(down=Inbox(*[NotDelivered("down")] * 30), good=good),
    )
    for _ in range(20):
        notifier.send(notification())
        good.arrived.get(timeout=10)
    # One more may be under way.
    assert notifier.tally().waiting <= 4
    assert notifier.tally().dropped >= 16
    assert len(good.titles) == 20


def test_what_needs_a_person_overtakes_what_waits(start: Open) -> None:
    released, entered, inbox = threading.Event(), threading.Event(), Inbox()

    def deliver(address: str, message: Notification) -> None:
        entered.set()
        released.wait(10)
        inbox(address, message)

    notifier = start("ntfy://slow", deliver=deliver)
    notifier.send(notification(title="in delivery"))
    assert entered.wait(10)
    for title in ("first", "second"):
        notifier.send(notification(title=title))
    for title in ("look", "look again"):
        notifier.send(notification(Kind.NEEDS_ATTENTION, title))
    released.set()
    notifier.close(5)
    assert inbox.titles == ["in delivery", "look", "look again", "first", "second"]


def test_what_needs_a_person_does_not_wait_for_a_pause(start: Open) -> None:
    failed = threading.Event()
    inbox = Inbox()

    def deliver(address: str, message: Notification) -> None:
        if not failed.is_set():
            failed.set()
            raise NotDelivered("busy")
        inbox(address, message)

    notifier = start("ntfy://host", patience=Patience(pauses=(3600,)), deliver=deliver)
    notifier.send(notification(title="first"))
    assert failed.wait(10)
    notifier.send(notification(title="second"))
    notifier.send(notification(Kind.NEEDS_ATTENTION, "look"))
    inbox.arrived.get(timeout=10)
    assert inbox.titles == ["look"]
    notifier.close(5)
    assert inbox.titles == ["look", "first", "second"]


def test_what_is_tried_again_keeps_its_place(start: Open) -> None:
    inbox = Inbox(NotDelivered("busy"), NotDelivered("busy"), None, NotDelivered("busy"))
    notifier = start("ntfy://host", deliver=inbox)
    for title in ("first", "second", "third"):
        notifier.send(notification(title=title))
    for _ in range(3):
        inbox.arrived.get(timeout=10)
    assert inbox.titles == ["first", "second", "third"]


def test_an_address_that_is_none_is_not_tried_again(start: Open) -> None:
    notifier = start("nonsense://host/topic")
    with structlog.testing.capture_logs() as logs:
        notifier.send(notification())
        notifier.close(5)
    assert (notifier.tally().failed, notifier.tally().unreached) == (1, 1)
    (failure,) = [entry for entry in logs if entry["event"] == "notification.not_delivered"]
    assert failure["error"] == "not an address that apprise knows"


def test_a_server_that_never_answers_holds_nobody_up(server: Any, start: Open) -> None:
    server.answers.clear()
    patience = Patience(pauses=(), attempt=0.05)
    notifier = start(server.address("stuck"), server.address("fine"), patience=patience)
    with structlog.testing.capture_logs() as logs:
        notifier.send(notification())
        assert {server.next_post().body["topic"] for _ in range(2)} == {"stuck", "fine"}
        notifier.close(5)
    assert notifier.tally().failed == 2
    assert {entry["error"] for entry in logs if "error" in entry} == {"no answer in time"}


def test_an_attempt_that_hangs_is_not_joined_by_another(server: Any, start: Open) -> None:
    server.answers.clear()
    notifier = start(server.address(), patience=Patience(pauses=(0, 0), attempt=0.02))
    notifier.send(notification())
    server.next_post()
    notifier.close(5)
    with pytest.raises(Empty):
        server.posts.get_nowait()


def test_a_full_queue_gives_up_the_oldest_that_needs_nobody(start: Open) -> None:
    released, entered = threading.Event(), threading.Event()
    inbox = Inbox()

    def deliver(address: str, message: Notification) -> None:
        entered.set()
        released.wait(10)
        inbox(address, message)

    notifier = start("ntfy://host", patience=Patience(capacity=2), deliver=deliver)
    notifier.send(notification(title="in delivery"))
    assert entered.wait(10)
    notifier.send(notification(Kind.NEEDS_ATTENTION, "look"))
    notifier.send(notification(title="old"))
    notifier.send(notification(title="new"))
    notifier.send(notification(Kind.ALERT, "feed"))
    notifier.send(notification(Kind.ALERT, "key"))
    assert (notifier.tally().waiting, notifier.tally().dropped) == (2, 3)
    released.set()
    notifier.close(5)
    assert inbox.titles == ["in delivery", "feed", "key"]


def test_a_failing_library_is_told_by_the_name_of_its_error_alone(start: Open) -> None:
    notifier = start("ntfy://t0ken@host/topic", deliver=Inbox(*[RuntimeError("t0ken")] * 3))
    with structlog.testing.capture_logs() as logs:
        notifier.send(notification())
        notifier.close(5)
    assert "t0ken" not in str(logs)
    assert {entry["error"] for entry in logs if "error" in entry} == {"RuntimeError"}


def test_nothing_is_taken_after_the_end(start: Open) -> None:
    inbox = Inbox()
    notifier = start("ntfy://host", deliver=inbox)
    notifier.send(notification(title="before"))
    notifier.close(5)
    notifier.send(notification(title="after"))
    assert inbox.titles == ["before"]
    assert notifier.tally().failed == 1


def test_an_address_is_unreached_until_it_takes_a_message_again(start: Open) -> None:
    inbox, down = Inbox(), {"ntfy://host"}
    attempts = Queue[str]()

    def deliver(address: str, message: Notification) -> None:
        if address in down:
            attempts.put(message.title)
            raise NotDelivered("down")
        inbox(address, message)

    notifier = start("ntfy://host", "ntfy://other", deliver=deliver)
    notifier.send(notification(title="first"))
    notifier.send(notification(title="second"))
    # With the second message, the first has been given up.
    assert [attempts.get(timeout=10) for _ in range(4)] == ["first"] * 3 + ["second"]
    assert notifier.tally().unreached == 1
    down.clear()
    notifier.send(notification(title="the last one"))
    notifier.close(5)
    assert inbox.titles.count("the last one") == 2
    assert notifier.tally().unreached == 0


def test_the_end_does_not_wait_for_an_address_that_never_answers(start: Open) -> None:
    released, entered, good = threading.Event(), threading.Event(), Inbox()

    def deliver(address: str, message: Notification) -> None:
        if address == "ntfy://stuck":
            entered.set()
            released.wait(10)
        good(address, message)

    notifier = start("ntfy://stuck", "ntfy://good", deliver=deliver)
    for title in ("first", "second"):
        notifier.send(notification(title=title))
    assert entered.wait(10)
    for _ in range(2):
        assert good.arrived.get(timeout=10) == "ntfy://good"
    begun = monotonic()
    notifier.close(0.05)
    assert monotonic() - begun < 5
    assert good.titles == ["first", "second"]
    released.set()


def test_the_end_does_not_wait_for_pauses(start: Open) -> None:
    failing = Inbox(*[NotDelivered("down")] * 10)
    notifier = start("ntfy://host", deliver=failing, patience=Patience(pauses=(3600,)))
    notifier.send(notification())
    notifier.send(notification())
    notifier.close(5)
    assert notifier.tally().failed == 2


def test_secrets_of_addresses_are_not_logged_by_anybody(
    server: Any, start: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.statuses += [500]
    address = f"json://user:p4ssword@127.0.0.1:{server.port}/s3cret-path"
    notifier = start(address)
    with structlog.testing.capture_logs() as logs:
        notifier.send(notification())
        posts = [server.next_post() for _ in range(2)]
        notifier.close(5)
    assert posts[0].path == "/s3cret-path"
    for secret in ("s3cret", "p4ssword"):
        assert secret not in caplog.text
        assert secret not in str(logs)


def test_an_address_works_again_after_a_moment_without_threads(
    start: Open, no_thread_left: Block
) -> None:
    inbox, ends = Inbox(), Queue[LetterOutcome]()
    notifier = start("ntfy://one", deliver=inbox)
    notifier.report_to(lambda key, outcome: ends.put(outcome))
    notifier.send(notification(title="before"))
    inbox.arrived.get(timeout=20)
    with no_thread_left():
        notifier.send(replace(notification(title="lost"), key="k"))
        assert ends.get(timeout=20) is LetterOutcome.GIVEN_UP
    notifier.send(notification(title="after"))
    inbox.arrived.get(timeout=20)
    assert inbox.titles == ["before", "after"]


def test_what_came_when_no_thread_could_be_started_goes_with_the_next(
    start: Open, no_thread_left: Block
) -> None:
    inbox = Inbox()
    notifier = start("ntfy://one", deliver=inbox)
    with no_thread_left():
        notifier.send(notification(title="first"))
    assert notifier.tally().waiting == 1
    notifier.send(notification(title="second"))
    for _ in range(2):
        inbox.arrived.get(timeout=20)
    assert inbox.titles == ["first", "second"]


@pytest.mark.parametrize("is_left", [False, True])
def test_the_end_does_not_mind_that_no_thread_could_be_started(
    start: Open, no_thread_left: Block, is_left: bool
) -> None:
    inbox, ends = Inbox(), list[LetterOutcome]()
    notifier = start("ntfy://one", deliver=inbox)
    notifier.report_to(lambda key, outcome: ends.append(outcome))
    with no_thread_left():
        notifier.send(replace(notification(), key="k"))
        if not is_left:
            notifier.close(20)
    notifier.close(20)
    assert len(inbox.titles) == is_left
    # What was not even tried is left to whoever has its letter.
    assert len(ends) == is_left
