"""What a preview of a strategy reports: one row an account, and the sum of what all would trade.

Money is in the account's currency, weights are fractions of the managed value, quantities are
signed shares. An account without figures has an error; none is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby
from typing import Literal

from broker_connector_base import AccountConfig
from broker_connector_base.values import NotNegative, Number, UtcTime, Value

from .allocation_sources import TargetAllocation
from .results import AwaitedCash, PreviewResult, ProposedTrade

_ZERO = Decimal(0)


class Refusal(Value):
    """Why an account cannot be traded."""

    #: Name of the exception's class.
    kind: str
    message: str


class AccountFigures(Value):
    """What one account would trade now."""

    currency: str
    total_value: Number
    cash_before: Number
    cash_after: Number
    #: Cash that shall stay.
    cash_target: Number
    proposed_trades: tuple[ProposedTrade, ...]
    #: Value of all trades at the quotes, buys and sells added.
    turnover: NotNegative
    #: Spread and fees at the quoted prices.
    estimated_cost: Number
    #: Half the sum of all distances from the target weights, cash included: the fraction of the
    #: account that is in the wrong place.
    drift_before: NotNegative
    drift_after: NotNegative
    #: No permitted first round is better by more than this, basis points of the managed value.
    bound_bp: Number
    rounds: int
    #: What a cash account waits for; None when nothing does.
    awaited: AwaitedCash | None = None
    warnings: tuple[str, ...]


class AccountRow(Value):
    """One account of the strategy: figures, or the reason why there are none."""

    account_id: str
    account_type: Literal["paper", "live"]
    figures: AccountFigures | None = None
    error: Refusal | None = None


class SymbolTotal(Value):
    """What all accounts would trade of one symbol; value at the quotes."""

    symbol: str
    name: str | None
    bought: NotNegative
    bought_value: NotNegative
    sold: NotNegative
    sold_value: NotNegative
    #: Accounts that would trade it.
    accounts: int


class StrategyPreview(Value):
    """What all accounts of a strategy would trade now; nothing was sent."""

    strategy: str
    #: As published, before any account's replacements.
    target: TargetAllocation
    accounts: tuple[AccountRow, ...]
    totals: tuple[SymbolTotal, ...]
    #: True when every account was planned as a preview of it alone does.
    exact: bool
    as_of: UtcTime


def refused(account: AccountConfig, error: Exception) -> AccountRow:
    """The row of an account that cannot be planned."""
    return AccountRow(
        account_id=account.account_id,
        account_type=account.type,
        error=Refusal(kind=type(error).__name__, message=str(error)),
    )


def figures_of(report: PreviewResult) -> AccountFigures:
    """The row of an account whose preview this is."""
    trades = report.proposed_trades
    return AccountFigures(
        currency=report.currency,
        total_value=report.current_value,
        cash_before=report.cash_before,
        cash_after=report.cash_after,
        cash_target=report.cash_target,
        proposed_trades=trades,
        turnover=sum(map(_value, trades), _ZERO),
        estimated_cost=report.estimated_cost,
        drift_before=_drift(report, after=False),
        drift_after=_drift(report, after=True),
        bound_bp=report.plan.bound_bp,
        rounds=report.rounds,
        awaited=report.awaited,
        warnings=report.warnings,
    )


def totals_of(rows: Iterable[AccountRow]) -> tuple[SymbolTotal, ...]:
    """The trades of all accounts per symbol, in the order of the alphabet."""
    trades = [t for row in rows if row.figures for t in row.figures.proposed_trades]
    by_symbol = groupby(sorted(trades, key=_symbol), key=_symbol)
    return tuple(_total(symbol, list(group)) for symbol, group in by_symbol)


def _total(symbol: str, trades: list[ProposedTrade]) -> SymbolTotal:
    buys = [trade for trade in trades if trade.quantity > 0]
    sells = [trade for trade in trades if trade.quantity < 0]
    return SymbolTotal(
        symbol=symbol,
        name=trades[0].name,
        bought=sum((trade.quantity for trade in buys), _ZERO),
        bought_value=sum(map(_value, buys), _ZERO),
        sold=-sum((trade.quantity for trade in sells), _ZERO),
        sold_value=sum(map(_value, sells), _ZERO),
        accounts=len(trades),
    )


def _drift(report: PreviewResult, *, after: bool) -> Decimal:
    """What is left alone has no price here and does not count."""
    managed = [line for line in report.holdings if line.price is not None]
    total = report.plan.total_value
    if after:
        cash = report.cash_after / (total - report.estimated_cost)
        weights = [line.weight_after for line in managed]
    else:
        cash = report.cash_before / total
        weights = [line.weight_before for line in managed]
    distance = abs(cash - report.plan.cash_weight_target)
    for line, weight in zip(managed, weights, strict=True):
        distance += abs((weight or _ZERO) - line.target_weight)
    return distance / 2


def _symbol(trade: ProposedTrade) -> str:
    return trade.symbol


def _value(trade: ProposedTrade) -> Decimal:
    return abs(trade.quantity) * trade.estimated_price
