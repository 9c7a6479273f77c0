"""Quotes replayed from a file."""

import json
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path

import pytest

from simulated_exchange import (
    Exchange,
    ExchangeError,
    OrderState,
    QuoteChanged,
    StateError,
    VirtualClock,
)
from simulated_exchange.tape import TapeRow, read_tape
from simulated_exchange.testing import IBM, MONDAY_10_00, SPY, Pit

TAPE = """\
time,symbol,bid,ask,last,bid_size,ask_size
1,SPY,99.00,99.02,99.01,300,200
2025-03-24T10:00:03-04:00,SPY,98.00,98.02,98.00,100,
0.5,IBM,50.00,50.10,,,
2,SPY,,,,,
"""


def rows(tmp_path: Path, pit: Pit, text: str = TAPE) -> tuple[TapeRow, ...]:
    path = tmp_path / "tape.csv"
    path.write_text(text)
    return read_tape(path, pit.exchange.find_instruments(), pit.clock.now())


def test_rows_play_at_their_instants_in_the_order_of_time(tmp_path: Path) -> None:
    pit = Pit()
    pit.exchange.replay(rows(tmp_path, pit))
    pit.clock.advance(10)
    played = [event for event in pit.events if isinstance(event, QuoteChanged)]
    # ten o'clock in New York is MONDAY_10_00
    assert [(event.con_id, event.quote.at) for event in played] == [
        (con_id, MONDAY_10_00 + timedelta(seconds=seconds))
        for con_id, seconds in ((IBM, 0.5), (SPY, 1), (SPY, 2), (SPY, 3))
    ]
    assert [event.quote.bid for event in played] == [D("50.00"), D("99.00"), None, D("98.00")]
    last = played[-1].quote
    # An empty size stays as it was; high and low follow the last prices.
    assert (last.bid_size, last.ask_size) == (D(100), D(200))
    assert (last.high, last.low) == (D("99.01"), D("98.00"))
    assert pit.exchange.save()["books"]["tapes"] == {}


def test_a_replayed_quote_fills_what_it_reaches(tmp_path: Path) -> None:
    pit = Pit()
    order = pit.buy(10, limit="98.50")
    pit.exchange.replay(rows(tmp_path, pit))
    pit.clock.advance(2.9)
    assert pit.exchange.order(order.order_id).status is OrderState.WORKING
    pit.clock.advance(0.1)
    assert pit.exchange.order(order.order_id).average_fill_price == D("98.50")


def test_a_restored_exchange_plays_on_from_the_next_row(tmp_path: Path) -> None:
    pit = Pit()
    pit.exchange.replay(rows(tmp_path, pit))
    pit.clock.advance(1.5)
    clock = VirtualClock(pit.clock.now())
    exchange = Exchange.restore(json.loads(json.dumps(pit.exchange.save())), clock=clock)
    pit.clock.advance(5)
    clock.advance(5)
    assert exchange.quote(SPY) == pit.exchange.quote(SPY)
    assert exchange.save() == pit.exchange.save()


def test_an_empty_tape_and_an_unlisted_instrument(tmp_path: Path) -> None:
    pit = Pit()
    pit.exchange.replay(rows(tmp_path, pit, "time,symbol,bid,ask\n"))
    assert pit.exchange.save()["books"]["agenda"]["entries"] == {}
    row = TapeRow(due=MONDAY_10_00, con_id=9, bid=D(1), ask=D(2))
    with pytest.raises(ExchangeError, match="UNKNOWN_INSTRUMENT"):
        pit.exchange.replay([row])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("time,symbol,bid\n", "the columns are"),
        ("time,symbol,bid,ask,mid\n", "mid"),
        ("time,symbol,bid,ask\n1,SPY,1,2\n2,XYZ,1,2\n", r"line 3: KeyError\('XYZ'\)"),
        ("time,symbol,bid,ask\n1,SPY,cheap,2\n", "line 2"),
        ("time,symbol,bid,ask\n1,SPY,nan,2\n", "nan is not a finite number"),
        ("time,symbol,bid,ask\n2025-03-24T10:00:00,SPY,1,2\n", "no time zone"),
    ],
)
def test_a_wrong_tape_is_refused_with_the_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(StateError, match=complaint):
        rows(tmp_path, Pit(), text)
