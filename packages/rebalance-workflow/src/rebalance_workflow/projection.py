"""What an account would be after trades at the quotes: the market of a preview.

Buys fill at the ask and sells at the bid, in full, and cost what the commission model says. Pure
apart from being awaited; nothing is sent anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from broker_connector_base import AccountPosition, AccountSnapshot
from rebalance_calculator import CommissionModel, PlanLine

from .journal import Phase
from .situation import Situation, own_stocks


@dataclass(frozen=True, kw_only=True)
class ProjectedMarket:
    """Fills everything at the quoted prices."""

    commission: CommissionModel

    async def trade(
        self, lines: Sequence[PlanLine], *, phase: Phase, round_number: int, situation: Situation
    ) -> Situation:
        """The situation with the lines filled; quotes stay as they are."""
        snapshot = project(situation.snapshot, lines, situation.mids, self.commission)
        return replace(situation, snapshot=snapshot)


def project(
    snapshot: AccountSnapshot,
    lines: Sequence[PlanLine],
    mids: Mapping[str, Decimal],
    commission: CommissionModel,
) -> AccountSnapshot:
    """The account after the lines have filled at their estimated prices.

    `mids` values what was not held before. Net liquidation loses spread and commission.
    """
    held = {position.symbol: position for position in own_stocks(snapshot)}
    others = tuple(p for p in snapshot.positions if held.get(p.symbol) is not p)
    spent = paid = gained = Decimal(0)
    for line in lines:
        price = line.estimated_price or Decimal(0)
        cost = line.quantity * price + commission.fee(line.quantity, price)
        spent += cost
        paid += max(cost, Decimal(0))
        before = held.get(line.symbol) or _nothing_of(line.symbol, mids, snapshot.currency)
        gained += line.quantity * (before.market_price or mids[line.symbol])
        held[line.symbol] = _resized(before, before.quantity + line.quantity)
    cash, settled_cash = dict(snapshot.cash_by_currency), snapshot.settled_cash
    if snapshot.currency in cash:
        cash[snapshot.currency] -= spent
    return snapshot.model_copy(
        update={
            "positions": (*(p for p in held.values() if p.quantity), *others),
            "cash_balance": snapshot.cash_balance - spent,
            # The money of a sale settles on another day.
            "settled_cash": None if settled_cash is None else settled_cash - paid,
            "cash_by_currency": cash,
            "total_value": snapshot.total_value + gained - spent,
        }
    )


def _nothing_of(symbol: str, mids: Mapping[str, Decimal], currency: str) -> AccountPosition:
    return AccountPosition(
        symbol=symbol, quantity=Decimal(0), market_price=mids[symbol], currency=currency
    )


def _resized(position: AccountPosition, quantity: Decimal) -> AccountPosition:
    price = position.market_price
    value = None if price is None else price * quantity
    return position.model_copy(update={"quantity": quantity, "market_value": value})
