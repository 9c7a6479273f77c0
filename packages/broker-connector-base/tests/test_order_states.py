"""The order-state table, written down a second time by hand."""

from __future__ import annotations

import pytest

from broker_connector_base import OrderStatus, advance

#: Rows: what we believe. Columns: what the broker reports. x: believed next; dot: an old report.
TABLE = """
            PENDING WORKING CANCELLING FILLED CANCELLED REJECTED EXPIRED NOT_FOUND ERROR UNKNOWN
PENDING     x       x       x          x      x         x        x       .         .     x
WORKING     .       x       x          x      x         x        x       .         .     x
CANCELLING  .       x       x          x      x         x        x       x         .     x
FILLED      .       .       .          x      .         .        .       .         .     .
CANCELLED   .       x       .          x      x         .        x       .         .     .
REJECTED    .       x       .          x      x         x        .       .         .     .
EXPIRED     .       .       .          x      .         .        x       .         .     .
NOT_FOUND   x       x       x          x      x         x        x       x         x     x
ERROR       .       .       .          .      .         .        .       .         x     .
UNKNOWN     x       x       x          x      x         x        x       x         x     x
"""


def cells() -> list[tuple[str, str, bool]]:
    header, *rows = [line.split() for line in TABLE.strip().splitlines()]
    return [
        (row[0], reported, mark == "x")
        for row in rows
        for reported, mark in zip(header, row[1:], strict=True)
    ]


@pytest.mark.parametrize(("believed", "reported", "follows"), cells())
def test_a_report_is_believed_when_the_table_says_so(
    believed: str, reported: str, follows: bool
) -> None:
    after = advance(OrderStatus(believed), OrderStatus(reported))
    assert after == (reported if follows else believed)


def test_the_table_covers_every_pair_of_states() -> None:
    assert {(b, r) for b, r, _ in cells()} == {(b, r) for b in OrderStatus for r in OrderStatus}


def test_a_fill_that_was_on_its_way_beats_a_confirmed_cancellation() -> None:
    assert advance(OrderStatus.CANCELLED, OrderStatus.FILLED) is OrderStatus.FILLED


def test_a_late_cancellation_does_not_undo_a_fill() -> None:
    assert advance(OrderStatus.FILLED, OrderStatus.CANCELLED) is OrderStatus.FILLED


def test_a_refused_order_can_revive() -> None:
    assert advance(OrderStatus.REJECTED, OrderStatus.WORKING) is OrderStatus.WORKING


def test_states_are_final_or_live_or_no_order_at_all() -> None:
    assert {s.value for s in OrderStatus if s.is_final} == {
        "FILLED",
        "CANCELLED",
        "REJECTED",
        "EXPIRED",
    }
    assert {s.value for s in OrderStatus if s.is_live} == {
        "PENDING",
        "WORKING",
        "CANCELLING",
        "UNKNOWN",
    }
