"""Saving and restoring, in memory and on disk."""

import json
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from simulated_exchange import (
    Event,
    Exchange,
    FillPolicy,
    LatencyModel,
    OrderState,
    QuoteKind,
    RandomWalk,
    StateError,
    StateFile,
    TimeInForce,
    VirtualClock,
)
from simulated_exchange.exchange import STATE_VERSION
from simulated_exchange.testing import ACCOUNT, IBM, SPY, Pit


def restored(pit: Pit) -> Pit:
    """The same pit after its exchange has been through JSON and a new clock."""
    state = json.loads(json.dumps(pit.exchange.save()))
    twin = Pit()
    twin.clock = VirtualClock(pit.clock.now())
    twin.exchange = Exchange.restore(state, clock=twin.clock)
    twin.events = []
    twin.exchange.subscribe(twin.events.append)
    return twin


def busy_pit() -> Pit:
    """An exchange with something of everything going on."""
    pit = Pit(
        positions={SPY: (100, 90)},
        account={"settlement_days": 1},
        latency=LatencyModel(low=0.5, high=2),
        partial_fills=True,
        seed=3,
    )
    pit.exchange.set_fill_policy("SPY", FillPolicy.partial(3, 4, gap=1.5))
    pit.exchange.set_quote_kind(QuoteKind.DELAYED, IBM)
    pit.exchange.walk(IBM, RandomWalk(seed=5, interval=0.7))
    pit.exchange.extra["high water"] = {"7": 12}
    pit.sell(20, owner=(7, 1))
    pit.buy(10, limit=90, con_id=IBM, time_in_force=TimeInForce.GTC, owner="paper")
    leaving = pit.buy(10, limit=90, owner=(7, (2, "nested")))
    pit.clock.advance(2.5)
    pit.exchange.cancel(leaving.order_id)
    changing = pit.buy(5, limit=95)
    pit.clock.advance(1)
    pit.exchange.modify(changing.order_id, limit_price=D(96), quantity=D(7))
    return pit


def test_a_restored_exchange_equals_the_saved_one() -> None:
    pit = busy_pit()
    twin = restored(pit)
    assert twin.exchange.save() == pit.exchange.save()
    assert twin.exchange.account(ACCOUNT) == pit.exchange.account(ACCOUNT)
    assert twin.exchange.open_orders() == pit.exchange.open_orders()
    assert twin.exchange.executions() == pit.exchange.executions()
    assert twin.exchange.extra == {"high water": {"7": 12}}
    assert twin.exchange.quote_kind(IBM) is QuoteKind.DELAYED
    owners = [order.request.owner for order in twin.exchange.open_orders()]
    assert owners == [(7, 1), "paper", (7, (2, "nested")), None]


def test_a_restored_exchange_has_the_future_of_the_saved_one() -> None:
    pit = busy_pit()
    twin = restored(pit)
    pit.events.clear()
    for each in (pit, twin):
        each.clock.advance(60)
        each.buy(3)
        each.quote("95.00", "95.50")
        each.clock.advance(300)
    assert len(pit.events) > 500
    assert twin.events == pit.events
    assert twin.exchange.save() == pit.exchange.save()
    assert pit.exchange.audit() == []


def test_what_fell_due_while_nothing_ran_happens_when_the_clock_moves() -> None:
    pit = Pit()
    order = pit.buy(10, limit=90)
    clock = VirtualClock(pit.clock.now())
    clock.advance(48 * 3600)
    exchange = Exchange.restore(pit.exchange.save(), clock=clock)
    assert exchange.order(order.order_id).status is OrderState.WORKING
    clock.advance(0)
    assert exchange.order(order.order_id).status is OrderState.EXPIRED


def test_a_walk_does_not_catch_up_on_the_steps_of_a_long_night() -> None:
    pit = Pit()
    pit.exchange.walk(SPY, RandomWalk(interval=1))
    clock = VirtualClock(pit.clock.now())
    clock.advance(24 * 3600)
    exchange = Exchange.restore(pit.exchange.save(), clock=clock)
    events: list[Event] = []
    exchange.subscribe(events.append)
    clock.advance(2)
    assert len(events) == 3


def test_an_owner_that_cannot_be_read_back_is_not_saved_as_something_else() -> None:
    pit = Pit()
    pit.buy(1, owner=frozenset({1}))
    with pytest.raises(TypeError, match="frozenset"):
        pit.exchange.save()


@pytest.mark.parametrize("version", [0, STATE_VERSION + 1, None, str(STATE_VERSION)])
def test_a_state_of_another_version_is_refused(version: object) -> None:
    state = {**Pit().exchange.save(), "version": version}
    with pytest.raises(StateError, match="version"):
        Exchange.restore(state, clock=VirtualClock(Pit().clock.now()))


def drop_rates(books: dict[str, Any]) -> None:
    del books["rates"]


def add_unknown(books: dict[str, Any]) -> None:
    books["ledgers"][ACCOUNT]["surprise"] = 1


def break_cash(books: dict[str, Any]) -> None:
    books["ledgers"][ACCOUNT]["cash"]["USD"] = 100.0


def break_number(books: dict[str, Any]) -> None:
    books["ledgers"][ACCOUNT]["cash"]["USD"] = "lots"


def break_count(books: dict[str, Any]) -> None:
    books["requests"] = "3"


def break_kind(books: dict[str, Any]) -> None:
    books["quote_kind"] = "psychic"


def break_shape(books: dict[str, Any]) -> None:
    books["orders"] = [1]


@pytest.mark.parametrize(
    "damage",
    [drop_rates, add_unknown, break_cash, break_number, break_count, break_kind, break_shape],
)
def test_a_damaged_state_is_refused_as_a_whole(damage: Any) -> None:
    state = Pit().exchange.save()
    damage(state["books"])
    with pytest.raises(StateError, match="nothing was loaded"):
        Exchange.restore(state, clock=VirtualClock(Pit().clock.now()))


def test_a_state_file_keeps_the_last_state_and_nothing_else(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "data" / "exchange.json")
    assert file.read() is None
    pit = Pit()
    file.write(pit.exchange.save())
    pit.buy(10)
    file.write(pit.exchange.save())
    assert file.read() == pit.exchange.save()
    assert [path.name for path in file.path.parent.iterdir()] == ["exchange.json"]


def test_a_write_that_fails_leaves_the_old_state(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "exchange.json")
    file.write({"version": 1})
    with pytest.raises(TypeError):
        file.write({"version": object()})
    assert file.read() == {"version": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["exchange.json"]


@pytest.mark.parametrize("content", ["", '{"version": 1', "[]", "\x00\x01"])
def test_a_damaged_state_file_says_what_to_do(tmp_path: Path, content: str) -> None:
    file = StateFile(tmp_path / "exchange.json")
    file.path.write_text(content)
    with pytest.raises(StateError, match=r"exchange\.json.*delete it"):
        file.read()
    assert file.path.read_text() == content


def test_an_order_that_ends_after_a_restart_takes_nobody_elses_entry_off_the_agenda() -> None:
    pit = Pit(partial_fills=True)
    pit.exchange.fill_policy = FillPolicy.partial(1, 1, gap=1, stall=True)
    sliced = pit.buy(10)
    pit.clock.advance(1)  # the entry for its second slice has run
    twin = restored(pit)
    other = twin.buy(1, limit=90)
    twin.exchange.cancel(sliced.order_id)
    twin.clock.advance(24 * 3600)
    assert twin.exchange.order(other.order_id).status is OrderState.EXPIRED
