"""The parts of a preview and of a run that a report shows, read from the account process's JSON.

The full results are the workflow's (`rebalance_workflow.results`); loading that package here would
make a command wait for numpy and an HTTP client that only the account process uses. Units and signs
are the workflow's: signed shares, account currency, weights as fractions.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel

from broker_connector_base.models import OpenOrder, RunStatus


class Target(BaseModel):
    """The strategy's allocation."""

    strategy: str
    name: str | None = None
    long_name: str | None = None
    as_of: str | None = None


class Plan(BaseModel):
    """The plan of the first round."""

    total_value: Decimal
    cash_weight_target: Decimal
    bound_bp: Decimal


class Holding(BaseModel):
    """One line of the account, before and after."""

    symbol: str
    quantity_before: Decimal
    quantity_after: Decimal
    price: Decimal | None
    value_before: Decimal | None
    value_after: Decimal | None
    weight_before: Decimal | None
    weight_after: Decimal | None
    target_weight: Decimal
    reason_code: str


class AwaitedCash(BaseModel):
    """Money of sales that has to settle before the rest is bought."""

    amount: Decimal
    settles_on: date


class Result(BaseModel):
    """What a preview and a run have in common."""

    currency: str
    target: Target
    plan: Plan
    holdings: tuple[Holding, ...]
    cash_before: Decimal
    cash_after: Decimal
    cash_target: Decimal
    awaited: AwaitedCash | None = None
    warnings: tuple[str, ...]


class ProposedTrade(BaseModel):
    """A trade that a run would make; `limit_price` is None for a market order."""

    symbol: str
    quantity: Decimal
    limit_price: Decimal | None
    estimated_price: Decimal
    estimated_fee: Decimal
    reason: str


class Preview(Result):
    """What a run would do."""

    proposed_trades: tuple[ProposedTrade, ...]
    estimated_cost: Decimal
    open_orders: tuple[OpenOrder, ...]


class ExecutedTrade(BaseModel):
    """One order of a run and what became of it."""

    symbol: str
    quantity: Decimal
    limit_price: Decimal | None
    filled_quantity: Decimal
    average_price: Decimal | None
    slippage: Decimal | None
    commission: Decimal | None
    status: str
    message: str | None


class RecoveredTrade(BaseModel):
    """What an order of an earlier run traded that no result has told."""

    symbol: str
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None
    status: str


class PositionCheck(BaseModel):
    """Expected and actual shares of one symbol."""

    symbol: str
    expected: Decimal
    actual: Decimal
    difference: Decimal


class Reconciliation(BaseModel):
    """Whether the account is what the fills make it."""

    positions: tuple[PositionCheck, ...]
    cash_difference: Decimal
    verdict: str


class Run(Result):
    """What a run did."""

    status: RunStatus
    #: The broker's last word.
    total_value: Decimal
    error: str | None
    started_at: datetime
    finished_at: datetime
    orders: tuple[ExecutedTrade, ...]
    recovered: tuple[RecoveredTrade, ...] = ()
    reconciliation: Reconciliation | None
    slippage: Decimal
    commission: Decimal


class AccountFigures(BaseModel):
    """What one account of a strategy would trade."""

    currency: str
    total_value: Decimal
    cash_before: Decimal
    cash_after: Decimal
    proposed_trades: tuple[ProposedTrade, ...]
    turnover: Decimal
    drift_before: Decimal
    drift_after: Decimal
    bound_bp: Decimal
    awaited: AwaitedCash | None = None
    warnings: tuple[str, ...]


class Refusal(BaseModel):
    """Why an account cannot be traded."""

    message: str


class AccountRow(BaseModel):
    """One account: figures, or the reason why there are none."""

    account_id: str
    figures: AccountFigures | None
    error: Refusal | None


class SymbolTotal(BaseModel):
    """What all accounts would trade of one symbol."""

    symbol: str
    bought: Decimal
    bought_value: Decimal
    sold: Decimal
    sold_value: Decimal
    accounts: int


class StrategyPreview(BaseModel):
    """What all accounts of a strategy would trade."""

    strategy: str
    target: Target
    accounts: tuple[AccountRow, ...]
    totals: tuple[SymbolTotal, ...]
