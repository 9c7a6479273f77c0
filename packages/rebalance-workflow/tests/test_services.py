"""Allocations as accounts get them: fetched, checked, replaced."""

from __future__ import annotations

from decimal import Decimal

import pytest

from broker_connector_base import AccountConfig, AllocationItem
from rebalance_calculator import AllocationError, Replacement, ReplacementError, ReplacementSet
from rebalance_workflow import AllocationService, ReplacementService
from rebalance_workflow.testing import FixedSource, make_world

IRA = ReplacementSet(
    replacements=(
        Replacement(source="UVXY", target="VXX", scale=Decimal("1.5")),
        Replacement(source="DBC", target="PDBC"),
    )
)
ACCOUNT = AccountConfig(
    account_id="DU1", type="paper", strategy_name="blend", replacement_set="ira"
)
WEIGHTS = {"UVXY": "0.2", "DBC": "0.3", "SPY": "0.5"}
#: UVXY x 1.5 takes 0.1 from SPY, the only line that is not replaced.
REPLACED = [("VXX", Decimal("0.3")), ("PDBC", Decimal("0.3")), ("SPY", Decimal("0.4"))]


def service(weights: dict[str, str]) -> AllocationService:
    return AllocationService(FixedSource(weights), ReplacementService({"ira": IRA}))


async def test_the_replacement_set_of_the_account_is_applied() -> None:
    items = await service(WEIGHTS).get_allocations(ACCOUNT)
    assert [(item.symbol, item.allocation) for item in items] == REPLACED


async def test_what_was_replaced_is_noted() -> None:
    target = await service(WEIGHTS).get_target(ACCOUNT)
    assert target.notes[0].startswith("UVXY 20.00 % replaced by VXX 30.00 %")
    assert target.as_of == "2026-01-05"


async def test_without_a_set_nothing_is_replaced() -> None:
    account = ACCOUNT.model_copy(update={"replacement_set": None})
    target = await service(WEIGHTS).get_target(account)
    assert [item.symbol for item in target.items] == list(WEIGHTS)
    assert target.notes == ()


async def test_bad_allocations_are_refused_before_they_are_replaced() -> None:
    with pytest.raises(AllocationError):
        await service({"UVXY": "0.2"}).get_target(ACCOUNT)


def test_an_unknown_set_is_named_with_those_that_exist() -> None:
    items = [AllocationItem(symbol="SPY", allocation=Decimal(1))]
    with pytest.raises(ReplacementError, match="'roth' does not exist; known sets: ira"):
        ReplacementService({"ira": IRA}).apply_replacements(items, "roth")


async def test_a_run_trades_the_replacement_and_reports_it() -> None:
    world = make_world(cash=10_000, quotes={"PDBC": ("13.99", "14.00")}, weights={"DBC": 1})
    world.account = world.account.model_copy(update={"replacement_set": "ira"})
    world.replacement_sets = {"ira": IRA}
    result = await world.run()
    assert set(world.holdings.shares) == {"PDBC"}
    assert "DBC 100.00 % replaced by PDBC 100.00 %" in result.warnings
