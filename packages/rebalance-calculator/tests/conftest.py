"""Builders of accounts, allocations and quotes in a few words; everything else keeps defaults."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

import pytest

from broker_connector_base.models import (
    AccountPosition,
    AccountSnapshot,
    AllocationItem,
    ContractPrice,
)
from rebalance_calculator import Plan, PlanPolicy, plan

#: Rules switched off, so that a test names only what it is about.
PLAIN = PlanPolicy(cash_reserve_percent=Decimal(0), buy_slippage_percent=Decimal(0))


class MakePlan(Protocol):
    def __call__(
        self,
        cash: str,
        held: Mapping[str, str],
        wanted: Mapping[str, str],
        market: Mapping[str, tuple[str, str]],
        **policy: object,
    ) -> Plan: ...


def build_snapshot(
    cash: str, held: Mapping[str, str], market: Mapping[str, tuple[str, str]]
) -> AccountSnapshot:
    """An account whose net liquidation is its cash and its holdings at mid."""
    values = {s: Decimal(q) * sum(map(Decimal, market[s])) / 2 for s, q in held.items()}
    return AccountSnapshot(
        account_id="DU1",
        total_value=Decimal(cash) + sum(values.values()),
        cash_balance=Decimal(cash),
        positions=tuple(AccountPosition(symbol=s, quantity=Decimal(q)) for s, q in held.items()),
    )


def build_allocations(wanted: Mapping[str, str]) -> list[AllocationItem]:
    return [AllocationItem(symbol=s, allocation=Decimal(w)) for s, w in wanted.items()]


def build_quotes(market: Mapping[str, tuple[str, str]]) -> list[ContractPrice]:
    return [
        ContractPrice(symbol=s, bid=Decimal(bid), ask=Decimal(ask))
        for s, (bid, ask) in market.items()
    ]


@pytest.fixture
def make_plan() -> MakePlan:
    """Plan for a consistent account; keywords change the plain policy."""

    def make(
        cash: str,
        held: Mapping[str, str],
        wanted: Mapping[str, str],
        market: Mapping[str, tuple[str, str]],
        **policy: object,
    ) -> Plan:
        return plan(
            build_snapshot(cash, held, market),
            build_allocations(wanted),
            build_quotes(market),
            PlanPolicy.model_validate(PLAIN.model_dump() | policy),
        )

    return make
