from __future__ import annotations

from decimal import Decimal as D

import pytest
from pydantic import ValidationError

from broker_connector_base.models import AllocationItem
from rebalance_calculator import (
    AllocationError,
    Replacement,
    ReplacementError,
    ReplacementSet,
    apply_replacements,
    validate_allocations,
)


def lines(**weights: str) -> list[AllocationItem]:
    return [AllocationItem(symbol=symbol, allocation=D(w)) for symbol, w in weights.items()]


def rules(*entries: tuple[str, str, str], kept: str | None = None) -> ReplacementSet:
    return ReplacementSet(
        replacements=tuple(Replacement(source=s, target=t, scale=D(x)) for s, t, x in entries),
        kept_fraction=None if kept is None else D(kept),
    )


def replaced(allocations: list[AllocationItem], chosen: ReplacementSet) -> dict[str, D]:
    result = apply_replacements(allocations, chosen)
    validate_allocations(result.allocations)
    return {item.symbol: item.allocation for item in result.allocations}


def test_a_replacement_keeps_the_weight() -> None:
    chosen = rules(("DBC", "PDBC", "1"))
    assert replaced(lines(DBC="0.3", SPY="0.7"), chosen) == {"PDBC": D("0.3"), "SPY": D("0.7")}


def test_what_scaling_adds_is_taken_from_the_others_in_proportion() -> None:
    # 0.2 x 1.5 = 0.3; the missing 0.1 comes from 0.6 and 0.2 in proportion 3 to 1
    chosen = rules(("UVXY", "VXX", "1.5"))
    result = replaced(lines(UVXY="0.2", SPY="0.6", TLT="0.2"), chosen)
    assert result == {"VXX": D("0.3"), "SPY": D("0.525"), "TLT": D("0.175")}


def test_lines_that_end_on_one_symbol_are_merged() -> None:
    chosen = rules(("VIXY", "VXX", "1"), ("UVXY", "VXX", "1.5"))
    result = replaced(lines(VIXY="0.1", UVXY="0.2", VXX="0.1", SPY="0.6"), chosen)
    # VXX's own 0.1 is not replaced, so it gives a seventh of the 0.1 like SPY
    assert result["VXX"] == pytest.approx(D("0.1") + D("0.3") + D("0.1") * 6 / 7)
    assert sum(result.values()) == pytest.approx(D(1))


def test_what_scaling_frees_is_spread_over_all_lines() -> None:
    chosen = rules(("AAA", "BBB", "0.5"))
    result = replaced(lines(AAA="0.4", CCC="0.6"), chosen)
    assert result == {"BBB": D("0.25"), "CCC": D("0.75")}  # 0.2 and 0.6, of 0.8


def test_scaling_beyond_what_the_others_have_is_refused_with_the_numbers() -> None:
    chosen = rules(("UVXY", "VXX", "1.5"))
    says = r"need 40.00 % more than they replace, but .* have only 20.00 %"
    with pytest.raises(ReplacementError, match=says):
        apply_replacements(lines(UVXY="0.8", SPY="0.2"), chosen)


def test_a_set_may_say_how_much_of_the_others_to_keep_instead() -> None:
    chosen = rules(("UVXY", "VXX", "1.5"), kept="0.1")
    result = replaced(lines(UVXY="0.8", SPY="0.2"), chosen)
    assert result["SPY"] == D("0.02") / D("1.22")


def test_the_others_may_give_all_they_have() -> None:
    chosen = rules(("UVXY", "VXX", "1.25"))
    assert replaced(lines(UVXY="0.8", SPY="0.2"), chosen) == {"VXX": D(1), "SPY": D(0)}


def test_cash_is_a_line_like_the_others() -> None:
    chosen = rules(("UVXY", "VXX", "1.5"))
    result = replaced(lines(UVXY="0.2", CASH="0.8"), chosen)
    assert result == {"VXX": D("0.3"), "CASH": D("0.7")}


def test_replacements_are_not_chained() -> None:
    chosen = rules(("AAA", "BBB", "1"), ("BBB", "CCC", "1"))
    assert replaced(lines(AAA="0.3", BBB="0.7"), chosen) == {"BBB": D("0.3"), "CCC": D("0.7")}


def test_a_set_that_does_not_apply_changes_nothing() -> None:
    result = apply_replacements(lines(SPY="1"), rules(("DBC", "PDBC", "1")))
    assert [(i.symbol, i.allocation) for i in result.allocations] == [("SPY", D(1))]
    assert result.notes == ()


def test_the_notes_say_what_moved() -> None:
    chosen = rules(("uvxy", "vxx", "1.5"))
    result = apply_replacements(lines(UVXY="0.2", SPY="0.8"), chosen)
    assert result.notes == (
        "UVXY 20.00 % replaced by VXX 30.00 %",
        "all other lines change by -12.50 % of their weight",
    )


def test_bad_lines_are_refused_before_anything_is_replaced() -> None:
    with pytest.raises(AllocationError, match="sum to 2"):
        apply_replacements(lines(AAA="1", BBB="1"), rules(("AAA", "CCC", "1")))


def test_a_source_may_be_replaced_once_only() -> None:
    with pytest.raises(ValidationError, match="replaced more than once: AAA"):
        rules(("AAA", "BBB", "1"), ("aaa", "CCC", "1"))


@pytest.mark.parametrize("entry", [("", "BBB", "1"), ("AAA", " ", "1"), ("AAA", "BBB", "0")])
def test_an_incomplete_replacement_is_refused(entry: tuple[str, str, str]) -> None:
    with pytest.raises(ValidationError):
        rules(entry)
