"""The queue's rules, against a model of a few lines of plain Python."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.events import Claim, Command, EventState, LeaseLost
from app.store import LEASE, open_store
from app.store.testing import AdjustableClock, arrival, empty_tables

#: Few, so that they get in each other's way.
ACCOUNTS = st.sampled_from(["DU1", "DU2"])
COMMANDS = st.sampled_from([Command.REBALANCE, Command.PRINT_REBALANCE])
_DELAY = timedelta(minutes=1)
DELAYS = st.sampled_from([_DELAY, timedelta(hours=1)])


@dataclass(kw_only=True)
class Known:
    """What the model knows of an event."""

    account: str
    command: Command
    state: str = "queued"
    place: int
    #: In the model's time.
    due: timedelta = timedelta(0)
    count: int = 1
    lease_until: timedelta = timedelta(0)


@dataclass
class Model:
    """The rules, said once more."""

    now: timedelta = timedelta(0)
    places: int = 0
    events: dict[str, Known] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)

    def place(self) -> int:
        self.places += 1
        return self.places

    def waiting(self, account: str, command: Command) -> str | None:
        for event_id, event in self.events.items():
            if (event.account, event.command, event.state) == (account, command, "queued"):
                return event_id
        return None

    def running(self, account: str) -> bool:
        return any(e.state == "running" and e.account == account for e in self.events.values())

    def next(self) -> str | None:
        """The event to be claimed."""
        ready = [
            (event.place, event_id)
            for event_id, event in self.events.items()
            if event.state == "queued"
            and event.due <= self.now
            and not self.running(event.account)
            and not (event.account in self.paused and event.command is Command.REBALANCE)
        ]
        return min(ready)[1] if ready else None

    def again(self, event_id: str, *, count: int, due: timedelta, to_the_back: bool) -> None:
        """A running event waits again, or merges into its twin."""
        event = self.events[event_id]
        twin_id = self.waiting(event.account, event.command)
        if twin_id is None:
            event.state, event.count, event.due = "queued", event.count + count, due
            event.place = self.place() if to_the_back else event.place
            return
        twin = self.events[twin_id]
        event.state = "merged"
        twin.count = max(twin.count, event.count + count)
        twin.due = max(twin.due, due)
        twin.place = twin.place if to_the_back else min(twin.place, event.place)


class Rules(RuleBasedStateMachine):
    """Everything that can happen, in any order."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.prepare()
        self.clock = AdjustableClock(self.url)
        self.store = open_store(self.url, clock=self.clock)
        self.model = Model()
        self.claims: list[tuple[str, Claim]] = []

    def prepare(self) -> None:
        """Make `url` an empty store."""
        raise AssertionError("a machine knows its engine")

    def teardown(self) -> None:
        self.store.close()

    @rule(account=ACCOUNTS, command=COMMANDS, later=st.none() | DELAYS)
    def arrive(self, account: str, command: Command, later: timedelta | None) -> None:
        due = timedelta(0) if later is None else self.model.now + later
        not_before = None if later is None else self._wall(due)
        enqueued = self.store.events.enqueue(arrival(account, command, not_before=not_before))
        twin = self.model.waiting(account, command)
        assert enqueued.merged == (twin is not None)
        if twin is None:
            known = Known(account=account, command=command, place=self.model.place(), due=due)
            self.model.events[enqueued.event_id] = known
        else:
            assert enqueued.event_id == twin
            self.model.events[twin].due = min(self.model.events[twin].due, due)
            self.model.place()

    @rule(n=st.integers(0, 1), later=st.none() | DELAYS)
    def arrive_during_a_run(self, n: int, later: timedelta | None) -> None:
        running = [event for event in self.model.events.values() if event.state == "running"]
        if running:
            event = running[n % len(running)]
            self.arrive(event.account, event.command, later)

    @rule()
    def claim(self) -> None:
        expected = self.model.next()
        claim = self.store.events.claim("worker")
        assert (claim.event.event_id if claim else None) == expected
        if claim is not None and expected is not None:
            event = self.model.events[expected]
            assert claim.event.times_queued == event.count
            event.state, event.due = "running", timedelta(0)
            event.lease_until = self.model.now + LEASE
            self.claims.append((expected, claim))

    @rule(
        what=st.sampled_from(["finish", "park", "retry", "hold", "release", "beat"]),
        n=st.integers(0, 2),
        by=DELAYS,
    )
    def settle(self, what: str, n: int, by: timedelta) -> None:
        if not self.claims:
            return
        event_id, claim = self.claims[-1 - n % len(self.claims)]
        current = [held for known_id, held in self.claims if known_id == event_id][-1]
        if current is not claim or self.model.events[event_id].state != "running":
            if what == "beat":
                with pytest.raises(LeaseLost):
                    self.store.events.heartbeat(claim)
            return
        later = self.model.now + by
        match what:
            case "beat":
                self.store.events.heartbeat(claim)
                self.model.events[event_id].lease_until = self.model.now + LEASE
            case "finish":
                self.store.events.finish(claim, {})
                self.model.events[event_id].state = "done"
            case "park":
                self.store.events.park(claim, "look")
                self.model.events[event_id].state = "needs_attention"
            case "retry":
                self.store.events.retry(claim, "no", by)
                self.model.again(event_id, count=1, due=later, to_the_back=True)
            case "hold":
                self.store.events.hold(claim, self._wall(later), "closed")
                self.model.again(event_id, count=0, due=later, to_the_back=False)
            case "release":
                self.store.events.release(claim)
                self.model.again(event_id, count=0, due=timedelta(0), to_the_back=False)

    @rule(by=st.sampled_from([timedelta(seconds=2), LEASE, _DELAY]))
    def wait(self, by: timedelta) -> None:
        self.clock.advance(by)
        self.model.now += by

    @rule()
    def sweep(self) -> None:
        lost = [
            (event.place, event_id)
            for event_id, event in self.model.events.items()
            if event.state == "running" and event.lease_until <= self.model.now
        ]
        swept = self.store.events.sweep()
        assert [event.event_id for event in swept] == [event_id for _, event_id in sorted(lost)]
        for _, event_id in sorted(lost):
            self.model.again(event_id, count=1, due=timedelta(0), to_the_back=True)

    @rule(account=ACCOUNTS)
    def pause_or_resume(self, account: str) -> None:
        if account in self.model.paused:
            self.store.controls.resume(account)
        else:
            self.store.controls.pause(account, by="a person")
        self.model.paused ^= {account}

    @rule(n=st.integers(0, 9), retry=st.booleans())
    def decide(self, n: int, retry: bool) -> None:
        """A person cancels what waits, and retries or dismisses what is parked."""
        open_ids = [
            event_id
            for event_id, event in self.model.events.items()
            if event.state in ("queued", "needs_attention")
        ]
        if not open_ids:
            return
        event_id = open_ids[n % len(open_ids)]
        event = self.model.events[event_id]
        if event.state == "queued":
            merged = self.store.events.merged_count(event_id)
            self.store.events.cancel(event_id, merged=merged)
            event.state = "cancelled"
        elif retry:
            self.store.events.requeue(event_id)
            self.model.again(event_id, count=1, due=timedelta(0), to_the_back=True)
        else:
            self.store.events.dismiss(event_id)
            event.state = "cancelled"

    @invariant()
    def the_store_agrees_with_the_model(self) -> None:
        stored = {event.event_id: event for event in self.store.events.list(limit=1000)}
        for event_id, event in self.model.events.items():
            assert stored[event_id].state == event.state
            if event.state in ("queued", "running"):
                assert stored[event_id].times_queued == event.count
            if event.state == "queued" and event.due > self.model.now:
                not_before = stored[event_id].not_before
                assert not_before is not None
                assert abs(not_before - self._wall(event.due)) < _DELAY / 2
        waiting = [
            (event.place, event_id)
            for event_id, event in self.model.events.items()
            if event.state == "queued"
        ]
        in_order = sorted(waiting, key=lambda pair: stored[pair[1]].seq)
        assert in_order == sorted(waiting)
        traces = [event for event_id, event in stored.items() if event_id not in self.model.events]
        assert all(event.state is EventState.MERGED for event in traces)

    def _wall(self, due: timedelta) -> datetime:
        """A time of the model, on the store's clock."""
        return datetime.now(UTC) + due


def _examples(number: int) -> settings:
    return settings(
        max_examples=number,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def test_the_rules_hold_on_sqlite(sqlite_url: str, tmp_path: Path) -> None:
    template = tmp_path / "events.db"

    class OnSqlite(Rules):
        def prepare(self) -> None:
            self.directory = tempfile.TemporaryDirectory()
            path = shutil.copy(template, self.directory.name)
            self.url = f"sqlite:///{path}"

        def teardown(self) -> None:
            super().teardown()
            self.directory.cleanup()

    run_state_machine_as_test(OnSqlite, settings=_examples(25))


def test_the_rules_hold_on_postgresql(postgres_url: str) -> None:
    class OnPostgres(Rules):
        def prepare(self) -> None:
            self.url = postgres_url
            empty_tables(postgres_url)

    run_state_machine_as_test(OnPostgres, settings=_examples(12))
