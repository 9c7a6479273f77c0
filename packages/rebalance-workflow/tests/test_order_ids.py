"""The key of an order, there and back."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebalance_workflow.order_ids import (
    OrderKey,
    Side,
    is_ours,
    new_run_id,
    parse_order_key,
    side_of,
)

words = st.text(st.characters(codec="ascii", exclude_characters=":\n"), min_size=1, max_size=12)
sides: st.SearchStrategy[Side] = st.sampled_from(["B", "S"])


@settings(deadline=None)
@given(words, words, words, sides, st.integers(1, 99))
def test_every_key_reads_back(
    run_id: str, account_id: str, symbol: str, side: Side, attempt: int
) -> None:
    key = OrderKey(run_id=run_id, account_id=account_id, symbol=symbol, side=side, attempt=attempt)
    assert parse_order_key(str(key)) == key


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    key = parse_order_key(text)
    assert key is None or str(key) == text


@pytest.mark.parametrize(
    "reference",
    [
        None,
        "",
        "mine",
        "rb:1:DU1:AAA:B",
        "rb:1:DU1:AAA:X:1",
        "rb:1:DU1:AAA:B:0",
        "rb:1:DU1:AAA:B:x",
        "rb:1:DU1:AAA:B:01",
        "rb:1:DU1:AAA:B:\N{ARABIC-INDIC DIGIT ONE}",
        "rb::DU1:AAA:B:1",
        "xx:1:DU1:AAA:B:1",
        "rb:1:DU1:AAA:B:1:2",
    ],
)
def test_anything_else_is_not_ours(reference: str | None) -> None:
    assert parse_order_key(reference) is None
    assert not is_ours(reference, "DU1")


def test_an_order_of_another_account_is_not_ours() -> None:
    assert is_ours("rb:1:DU1:BRK B:B:1", "DU1")
    assert not is_ours("rb:1:DU1:BRK B:B:1", "DU2")


def test_a_key_with_a_generated_run_id_fits_into_the_brokers_field() -> None:
    run_id = new_run_id(datetime(2026, 1, 5, 15, 4, 5, tzinfo=UTC))
    assert run_id.startswith("260105150405")
    key = OrderKey(
        run_id=run_id,
        account_id="DUM959247",
        symbol="BRK B",
        side=side_of(Decimal(-3)),
        attempt=1,
    )
    assert str(key) == f"rb:{run_id}:DUM959247:BRK B:S:1"
    assert len(str(key)) <= 40


def test_run_ids_of_one_second_differ() -> None:
    now = datetime(2026, 1, 5, 15, 4, 5, tzinfo=UTC)
    assert len({new_run_id(now) for _ in range(100)}) > 95
