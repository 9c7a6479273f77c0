"""Events: one account has something to do. Values only: no clock, store or process is touched.

An event waits (`queued`), runs under a lease (`running`) and ends in exactly one final state:
`done`, `merged` into a waiting twin, `cancelled` by a person, or parked as `needs_attention` until
a person retries or dismisses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Command(StrEnum):
    """What to do with an account."""

    REBALANCE = "rebalance"
    PRINT_REBALANCE = "print-rebalance"
    PRINT_POSITIONS = "print-positions"
    PRINT_EQUITY = "print-equity"
    PRINT_ORDERS = "print-orders"
    CANCEL_ORDERS = "cancel-orders"


class EventState(StrEnum):
    """Where an event is on its way."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    MERGED = "merged"
    NEEDS_ATTENTION = "needs_attention"
    CANCELLED = "cancelled"


#: The states in which an event stays unless a person moves it.
FINAL_STATES = frozenset(EventState) - {EventState.QUEUED, EventState.RUNNING}


class EventSource(StrEnum):
    """Who asked."""

    ABLY = "ably"
    API = "api"
    CLI = "cli"
    SCHEDULE = "schedule"
    GUARD = "guard"


class AttemptOutcome(StrEnum):
    """How one attempt at an event ended."""

    DONE = "done"
    RETRIED = "retried"
    PARKED = "parked"
    HELD = "held"
    RELEASED = "released"
    LEASE_EXPIRED = "lease_expired"


#: Levels of objects and arrays in a payload. Strategies need a handful; some hundreds can be read
#: from JSON and not be written again.
MAX_NESTING = 64


def is_nested_too_deeply(document: object) -> bool:
    """Whether a JSON document has more levels than a payload may have."""
    level = [document]
    for _ in range(MAX_NESTING):
        level = [inner for value in level for inner in _inside(value)]
    return any(isinstance(value, Mapping | list | tuple) for value in level)


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event that is not in the store yet."""

    account_id: str
    command: Command
    source: EventSource
    #: JSON document for the command; kept word for word.
    payload: Mapping[str, object] = field(default_factory=dict)
    #: What the source calls its cause: a message id, a schedule's name, a person.
    source_ref: str | None = None
    #: Not to be started before; None means at once.
    not_before: datetime | None = None

    def __post_init__(self) -> None:
        if not self.account_id:
            raise ValueError("an event names its account")
        if self.not_before is not None and self.not_before.tzinfo is None:
            raise ValueError(f"not_before {self.not_before} needs a time zone")
        if is_nested_too_deeply(self.payload):
            raise ValueError(f"a payload has at most {MAX_NESTING} levels")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSummary:
    """An event without the document of its result; all times are aware UTC."""

    event_id: str
    account_id: str
    command: Command
    payload: Mapping[str, object]
    source: EventSource
    source_ref: str | None
    state: EventState
    #: Place in the queue: lower goes first.
    seq: int
    not_before: datetime | None
    #: 1 at first; one more with every retry and every lost lease.
    times_queued: int
    #: Who runs it, or ran it last.
    worker: str | None
    created_at: datetime
    #: Start of the latest attempt.
    started_at: datetime | None
    finished_at: datetime | None
    #: What went wrong in the latest attempt that failed.
    error: str | None
    #: The waiting twin that took this event over.
    merged_into: str | None
    #: Why it waits or why it was ended, for people.
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(EventSummary):
    """An event as the store knows it."""

    #: JSON document of the latest attempt that gave one.
    result: Mapping[str, object] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at an event, from claim to outcome (None while it runs)."""

    event_id: str
    #: 1 for the first try.
    number: int
    worker: str
    started_at: datetime
    finished_at: datetime | None
    outcome: AttemptOutcome | None
    result: Mapping[str, object] | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to work on an event, until `lease_until` unless it is renewed."""

    event: Event
    #: Fencing token: the store accepts an outcome only together with the latest one.
    token: str
    #: Seconds of this machine's CLOCK_BOOTTIME. Nobody else gets the event before; act as if it
    #: were lost afterwards. Any process of this machine may compare it with its own clock.
    lease_until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueued:
    """Where an arrival went: a new event, or the waiting twin that it was merged into."""

    event_id: str
    merged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Counts of the queue; the first four are what the queue's status shows."""

    #: Events that wait, due or not.
    queue_length: int
    #: Events that run now.
    active_events_count: int
    #: Whole seconds since the oldest waiting event arrived; 0 when none waits.
    oldest_event_age_seconds: int
    #: Waiting and running events that were queued more than once.
    events_with_retries: int
    #: Number of events in every state, zeros included.
    by_state: Mapping[EventState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait after a failure: `first`, then `factor` times longer each time, to `cap`."""

    first: timedelta = timedelta(seconds=5)
    factor: float = 2.0
    #: Long enough not to press a broker that is down, short enough to be back within minutes.
    cap: timedelta = timedelta(minutes=5)

    def __post_init__(self) -> None:
        if self.first <= timedelta(0) or self.factor < 1 or self.cap < self.first:
            raise ValueError(f"a backoff grows from a positive delay to its cap: {self}")

    def delay(self, times_queued: int) -> timedelta:
        """The wait after the `times_queued`-th failure (from 1)."""
        if times_queued < 1:
            raise ValueError(f"times_queued {times_queued} counts from 1")
        seconds, cap = self.first.total_seconds(), self.cap.total_seconds()
        for _ in range(times_queued - 1):
            seconds *= self.factor
            if seconds >= cap or self.factor == 1:
                break
        return timedelta(seconds=min(seconds, cap))


class LeaseLost(Exception):
    """The claim is no longer its event's latest one: nothing was written; stop working on it."""

    def __init__(self, claim: Claim) -> None:
        event = claim.event
        super().__init__(
            f"the lease on event {event.event_id} ({event.command} of {event.account_id}) was "
            "lost; another worker may have it, nothing was recorded"
        )
        self.claim = claim


class UnknownEvent(LookupError):
    """No event has this id."""

    def __init__(self, event_id: str) -> None:
        super().__init__(f"there is no event {event_id}")
        self.event_id = event_id


class WrongState(Exception):
    """A person's move does not fit the state that the event is in; nothing was changed."""

    def __init__(self, event: Event, move: str, needed: EventState) -> None:
        super().__init__(
            f"event {event.event_id} is {event.state}; only one that is {needed} can be {move}"
        )
        self.event = event


class StandsForOthers(Exception):
    """Others were merged into a waiting event: to cancel it is to cancel them; nothing was done."""

    def __init__(self, event: Event, merged: int) -> None:
        latest = " ".join(filter(None, (event.source, event.source_ref)))
        super().__init__(
            f"event {event.event_id} stands for {merged} more that were merged into it, the latest "
            f"word is of {latest}; nothing was cancelled"
        )
        self.event = event
        #: How many were merged into it.
        self.merged = merged
