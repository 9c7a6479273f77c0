"""What a preview and a run report: everything that a reader needs, as JSON-able values.

Money is in the account's currency, weights are fractions of the managed value (cash and stocks that
may be traded), quantities are signed shares.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from broker_connector_base import (
    AccountSnapshot,
    Attention,
    CalculateRebalanceResult,
    Fill,
    OpenOrder,
    OrderStatus,
    RebalanceResult,
    RunStatus,
    Trade,
)
from broker_connector_base.values import NotNegative, Number, Positive, UtcTime, Value
from rebalance_calculator import Plan, ReasonCode, Reconciliation

from .allocation_sources import TargetAllocation
from .journal import Phase


class ProposedTrade(Trade):
    """A trade of a preview, summed over the rounds; `price` is the limit or the bid."""

    name: str | None = None
    limit_price: Number | None = None
    #: Ask of a buy, bid of a sell.
    estimated_price: Number
    estimated_fee: NotNegative
    reason_code: ReasonCode
    reason: str


class ExecutedTrade(Trade):
    """One order of a run and what became of it."""

    client_order_id: str
    phase: Phase
    round: int
    status: OrderStatus
    #: Unsigned shares.
    filled_quantity: NotNegative
    average_price: Number | None = None
    limit_price: Number | None = None
    #: Ask (buy) or bid (sell) when it was planned.
    quoted_price: Number | None = None
    #: What the fills cost beyond the quoted price; negative when they were better.
    slippage: Number | None = None
    #: Sum over the fills; None when the broker has not told all of it.
    commission: Number | None = None
    reason: str
    #: The broker's words.
    message: str | None = None


class RecoveredTrade(Value):
    """What an order of an earlier run traded that no result has told."""

    run_id: str
    client_order_id: str
    symbol: str
    #: Signed shares ordered.
    quantity: Number
    #: Unsigned shares; without those that a result has told.
    filled_quantity: Positive
    #: Per share; None when the broker does not tell it, or only that of shares told before as well.
    average_price: Number | None = None
    status: OrderStatus


class HoldingReport(Value):
    """One line of the account, before and after."""

    symbol: str
    name: str | None = None
    quantity_before: Number
    quantity_after: Number
    #: Mid price, or the broker's own mark for what is left alone; None without either.
    price: Number | None
    value_before: Number | None
    value_after: Number | None
    weight_before: Number | None
    weight_after: Number | None
    target_weight: Number
    reason_code: ReasonCode
    reason: str


class AwaitedCash(Value):
    """Money of sales that has to settle before the rest is bought."""

    amount: NotNegative
    currency: str
    settles_on: date

    def __str__(self) -> str:
        return (
            f"{self.amount:,.2f} {self.currency} of the cash settles on {self.settles_on}; the "
            "rest is bought then"
        )


class _Report(Value):
    """What a preview and a run have in common."""

    account_id: str
    account_type: Literal["paper", "live"]
    currency: str
    target: TargetAllocation
    #: The plan of the first round.
    plan: Plan
    #: Rounds that trade, those that had to keep orders back included.
    rounds: int
    holdings: tuple[HoldingReport, ...]
    cash_before: Number
    cash_after: Number
    #: Cash that shall stay.
    cash_target: Number
    #: What a cash account waits for; None when nothing does.
    awaited: AwaitedCash | None = None
    as_of: UtcTime


class PreviewResult(_Report, CalculateRebalanceResult):
    """What a run would do now; nothing was sent."""

    proposed_trades: tuple[ProposedTrade, ...] = ()
    #: Spread and fees at the quoted prices.
    estimated_cost: Number
    #: What already works in the account.
    open_orders: tuple[OpenOrder, ...] = ()


class RunResult(_Report, RebalanceResult):
    """What a run did; `total_value` and `cash_balance` are the broker's last word."""

    run_id: str
    status: RunStatus
    #: Why it needs attention, when it does.
    attention: Attention | None = None
    started_at: UtcTime
    finished_at: UtcTime
    orders: tuple[ExecutedTrade, ...] = ()
    fills: tuple[Fill, ...] = ()
    #: Of earlier runs that were interrupted; not part of `orders`, `slippage` and `commission`.
    recovered: tuple[RecoveredTrade, ...] = ()
    before: AccountSnapshot
    after: AccountSnapshot
    #: None when the account could not be read at the end.
    reconciliation: Reconciliation | None = None
    #: Sum over the orders, positive when worse than quoted.
    slippage: Number
    #: Sum of what the broker has told.
    commission: Number
