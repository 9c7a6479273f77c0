"""Prices as a function of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from paper_connector import MovingQuotes, QuoteTape, StandingQuotes
from simulated_exchange import Exchange, Quote, StateError, VirtualClock, load_scenario

START = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
LONG_AGO = START - timedelta(days=365)


def market() -> Exchange:
    return load_scenario("demo").build(VirtualClock(START))


MARKET = market()


def at(quotes: MovingQuotes, instant: datetime) -> dict[int, Quote]:
    """The quotes of an instant; the market that they are asked for stays as it was."""
    return {move.con_id: move.quote for move in quotes.moves(MARKET, LONG_AGO, instant)}


def test_two_processes_see_the_same_prices_at_the_same_instant() -> None:
    moment = START + timedelta(seconds=3)
    assert at(MovingQuotes(), moment) == at(MovingQuotes(), START)
    assert at(MovingQuotes(), START + timedelta(seconds=100)) != at(MovingQuotes(), START)
    assert at(MovingQuotes(seed=1), START) != at(MovingQuotes(), START)


def test_prices_swing_around_the_close_on_the_tick_grid_and_keep_their_spread() -> None:
    exchange = MARKET
    lowest, highest = Decimal(0), Decimal(0)
    for hours in range(24 * 14):
        for con_id, quote in at(MovingQuotes(), START + timedelta(hours=hours)).items():
            before, tick = exchange.quote(con_id), exchange.instrument(con_id).min_tick
            assert quote.bid is not None
            assert quote.ask is not None
            assert before.close is not None
            assert before.ask is not None
            assert before.bid is not None
            assert quote.ask - quote.bid == before.ask - before.bid
            assert quote.bid % tick == 0
            change = quote.bid / before.close - 1
            lowest, highest = min(lowest, change), max(highest, change)
    assert Decimal("-0.0105") < lowest < Decimal("-0.006")
    assert Decimal("0.006") < highest < Decimal("0.0105")


def test_steps_are_told_once_and_at_their_own_instant() -> None:
    quotes, exchange = MovingQuotes(interval_seconds=10), market()
    assert quotes.next_due(START) == START + timedelta(seconds=10)
    later = START + timedelta(seconds=14)
    assert {move.due for move in quotes.moves(exchange, START, later)} == {
        START + timedelta(seconds=10)
    }
    assert list(quotes.moves(exchange, later, later + timedelta(seconds=5))) == []


def test_a_price_without_a_close_does_not_move() -> None:
    exchange = market()
    spy = exchange.find_instruments(symbol="SPY")[0].con_id
    alone = Quote(bid=Decimal(1), ask=Decimal(2))
    exchange.set_quote(spy, alone)
    moved = {m.con_id: m.quote for m in MovingQuotes().moves(exchange, LONG_AGO, START)}
    assert moved[spy] == exchange.quote(spy)


def test_standing_quotes_never_move() -> None:
    quotes = StandingQuotes()
    quotes.start(market(), START)
    assert quotes.next_due(START) is None
    assert list(quotes.moves(market(), LONG_AGO, START)) == []


@pytest.mark.parametrize("wrong", [{"interval_seconds": 0}, {"swing": Decimal(0)}])
def test_a_market_that_cannot_move_is_refused(wrong: dict[str, Decimal]) -> None:
    with pytest.raises(ValueError, match="interval"):
        MovingQuotes(**wrong)  # type: ignore[arg-type]


def test_a_tape_plays_each_row_at_its_instant_and_then_stands_still(tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    path.write_text("time,symbol,bid,ask\n10,SPY,600,600.01\n2026-01-05T15:00:20Z,SPY,601,\n")
    tape, exchange = QuoteTape(path), market()
    tape.start(exchange, START)
    ten, twenty = START + timedelta(seconds=10), START + timedelta(seconds=20)
    assert tape.next_due(START) == ten
    assert tape.next_due(ten) == twenty
    assert tape.next_due(twenty) is None
    moves = list(tape.moves(exchange, START, twenty))
    assert [(m.due, m.quote.bid, m.quote.ask) for m in moves] == [
        (ten, Decimal(600), Decimal("600.01")),
        (twenty, Decimal(601), None),
    ]
    assert list(tape.moves(exchange, twenty, twenty + timedelta(days=1))) == []


def test_a_tape_that_is_not_there_or_not_right_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    with pytest.raises(StateError, match=r"tape\.csv"):
        QuoteTape(path).start(market(), START)
    path.write_text("time,symbol,bid,ask\n10,NOSUCH,1,2\n")
    with pytest.raises(StateError, match=r"tape\.csv, line 2"):
        QuoteTape(path).start(market(), START)
