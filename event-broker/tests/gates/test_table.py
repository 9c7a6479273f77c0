"""The gates together: their order, and the commands that they stand before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import app.gates
from app.events import Command
from app.gates import GATES, Allow, Circumstances, Gate, Hold, Refuse, decide
from app.settings.service_sections import GatesConfig

Judge = Callable[..., Circumstances]

BEGIN = datetime(2026, 11, 25, 6, tzinfo=UTC)
THANKSGIVING = datetime(2026, 11, 26, 16, tzinfo=UTC)

#: What closes each gate, and leaves those after it closed as well.
CLOSED: list[tuple[Gate, dict[str, Any]]] = [
    (Gate.ONCE_A_SESSION, {"rebalances_in_session": 1}),
    (Gate.HOURS, {"now": THANKSGIVING, "armed_until": THANKSGIVING + timedelta(hours=1)}),
    (Gate.ARMING, {"armed_until": None}),
    (Gate.PAUSE, {"paused": "all accounts were paused"}),
    (Gate.AGE, {"asked_at": datetime(2026, 11, 1, tzinfo=UTC)}),
    (Gate.MODE, {"account": {"type": "paper"}}),
]


def test_an_event_goes_through_when_nothing_is_in_its_way(event: Judge) -> None:
    assert decide(event()) == Allow()


def test_the_first_closed_gate_decides(event: Judge) -> None:
    changes: dict[str, Any] = {}
    account: dict[str, Any] = {"pdt_protection_enabled": True}
    for gate, change in CLOSED:
        account |= change.get("account", {})
        changes |= change | {"account": account}
        decision = decide(event(**changes))
        assert isinstance(decision, Hold | Refuse)
        assert decision.gate == gate


@pytest.mark.parametrize("command", sorted(set(Command) - {Command.REBALANCE}))
def test_looking_and_cancelling_are_possible_at_any_time(event: Judge, command: Command) -> None:
    closed = {
        "command": command,
        "account": {"pdt_protection_enabled": True},
        "now": THANKSGIVING,
        "armed_until": None,
        "paused": "all accounts were paused",
        "asked_at": datetime(2026, 11, 1, tzinfo=UTC),
        "rebalances_in_session": 1,
    }
    assert decide(event(**closed)) == Allow()


@pytest.mark.parametrize("command", Command)
def test_nothing_is_possible_for_an_account_of_the_other_mode(
    event: Judge, command: Command
) -> None:
    decision = decide(event(command=command, account={"account_id": "DU100"}))
    assert isinstance(decision, Refuse)
    assert (decision.gate, decision.park) == (Gate.MODE, True)
    assert "DU100 is a paper account by its id" in decision.reason
    assert decision.reason.endswith("Nothing was sent.")


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    minute=st.integers(min_value=0, max_value=4 * 24 * 60),
    restart=st.integers(min_value=0, max_value=24 * 60 - 1),
    delay=st.integers(min_value=0, max_value=7200),
    margin=st.integers(min_value=0, max_value=7200),
)
def test_an_event_that_waits_as_it_is_told_goes_through_while_the_market_is_open(
    event: Judge, minute: int, restart: int, delay: int, margin: int
) -> None:
    plain = event().settings
    gates = GatesConfig(delay_after_open_seconds=delay, stop_before_close_seconds=margin)
    restart_time = time(restart // 60, restart % 60)
    changed = {
        "config": plain.config.model_copy(update={"gates": gates}),
        "environment": plain.environment.model_copy(update={"auto_restart_time": restart_time}),
    }
    now = BEGIN + timedelta(minutes=minute)
    here = event(
        settings=plain.model_copy(update=changed),
        now=now,
        asked_at=now,
        armed_until=now + timedelta(days=30),
    )
    for _ in range(6):
        decision = decide(here)
        if decision == Allow():
            break
        assert isinstance(decision, Hold)
        assert decision.until > here.now
        here = replace(here, now=decision.until)
    assert decision == Allow()
    assert here.sessions is not None
    assert here.sessions.is_open(here.now)


def test_every_gate_has_its_place() -> None:
    assert list(GATES) == list(Gate)


def test_the_public_names_are_these() -> None:
    assert set(app.gates.__all__) == {
        *("GATES", "Allow", "Circumstances", "Decision", "Gate", "Hold"),
        *("Refuse", "decide", "opened_by_broker"),
    }
    assert all(hasattr(app.gates, name) for name in app.gates.__all__)
