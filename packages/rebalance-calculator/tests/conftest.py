"""Builders of accounts, allocations and quotes in a few words; everything else keeps defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

import pytest

from broker_connector_base.models import (
    AccountPosition,
    AccountSnapshot,
    AllocationItem,
    ContractPrice,
)
from rebalance_calculator import Plan, PlanPolicy, plan

Market = Mapping[str, tuple[str, str]]

#: Rules switched off, so that a test names only what it is about.
PLAIN: Mapping[str, object] = {"cash_reserve_percent": 0, "buy_slippage_percent": 0}


def build_snapshot(cash: str, held: Mapping[str, str], market: Market) -> AccountSnapshot:
    """An account whose net liquidation is its cash and its holdings at mid."""
    values = [Decimal(q) * sum(map(Decimal, market[s])) / 2 for s, q in held.items()]
    return AccountSnapshot(
        account_id="DU1",
        total_value=Decimal(cash) + sum(values),
        cash_balance=Decimal(cash),
        positions=tuple(AccountPosition(symbol=s, quantity=Decimal(q)) for s, q in held.items()),
    )


def build_allocations(wanted: Mapping[str, str]) -> list[AllocationItem]:
    return [AllocationItem(symbol=s, allocation=Decimal(w)) for s, w in wanted.items()]


def build_quotes(market: Market) -> list[ContractPrice]:
    return [
        ContractPrice(symbol=s, bid=Decimal(bid), ask=Decimal(ask))
        for s, (bid, ask) in market.items()
    ]


@pytest.fixture(name="snapshot")
def _snapshot() -> Callable[..., AccountSnapshot]:
    return build_snapshot


@pytest.fixture(name="allocations")
def _allocations() -> Callable[[Mapping[str, str]], list[AllocationItem]]:
    return build_allocations


@pytest.fixture(name="quotes")
def _quotes() -> Callable[[Market], list[ContractPrice]]:
    return build_quotes


@pytest.fixture
def plan_for() -> Callable[..., Plan]:
    """Plan for (cash, held, wanted, market); keywords change the plain policy."""

    def make(
        cash: str,
        held: Mapping[str, str],
        wanted: Mapping[str, str],
        market: Market,
        **policy: object,
    ) -> Plan:
        return plan(
            build_snapshot(cash, held, market),
            build_allocations(wanted),
            build_quotes(market),
            PlanPolicy.model_validate({**PLAIN, **policy}),
        )

    return make
