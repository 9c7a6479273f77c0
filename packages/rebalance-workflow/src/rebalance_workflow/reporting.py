"""Turns what was planned, projected or traded into reports.

Comes in: the rounds and the situations around them. Goes out: values for `results`. It only adds
up; nothing here decides or asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from broker_connector_base import AccountSnapshot, Fill
from rebalance_calculator import Plan, PlanLine, ReasonCode, reconcile

from .orders import Order
from .results import AwaitedCash, ExecutedTrade, HoldingReport, ProposedTrade
from .settlement import settlement_day
from .situation import Situation, shares_held

_ZERO = Decimal(0)
_LEFT_ALONE = frozenset({ReasonCode.NOT_A_STOCK, ReasonCode.SHORT, ReasonCode.FOREIGN_CURRENCY})


def managed_value(situation: Situation, cash: Decimal) -> Decimal:
    """Cash and quoted holdings at mid, account currency."""
    shares, mids = shares_held(situation.snapshot), situation.mids
    return cash + sum((q * mids[s] for s, q in shares.items() if s in mids), _ZERO)


def cash_after(opening: Plan, before: AccountSnapshot, after: AccountSnapshot) -> Decimal:
    """The plan's cash moved by what the account's cash in its own currency moved."""
    return opening.cash_before + reconcile(before, (), after).cash_difference


def awaited_cash(
    amount: Decimal, situation: Situation, now: datetime
) -> tuple[AwaitedCash | None, tuple[str, ...]]:
    """What buys wait for, as a value and in words; None and no words when nothing does."""
    if not amount:
        return None, ()
    snapshot = situation.snapshot
    awaited = AwaitedCash(
        amount=amount,
        currency=snapshot.currency,
        settles_on=settlement_day(snapshot, situation.instruments, now),
    )
    return awaited, (str(awaited),)


def holdings(opening: Plan, after: Situation, total_after: Decimal) -> tuple[HoldingReport, ...]:
    """One line per symbol of the opening plan, before and after."""
    shares, mids = shares_held(after.snapshot), after.mids
    names = _names(after)
    return tuple(
        _holding(
            line,
            name=names.get(line.symbol),
            after=shares.get(line.symbol, _ZERO),
            mid=mids.get(line.symbol),
            total_after=total_after,
        )
        for line in sorted((*opening.trades, *opening.holds), key=lambda line: line.symbol)
    )


def proposed_trades(lines: Iterable[PlanLine], situation: Situation) -> tuple[ProposedTrade, ...]:
    """The lines of all rounds, summed per symbol, sells first; what sums to nothing is left out."""
    by_symbol: dict[str, list[PlanLine]] = {}
    for line in lines:
        by_symbol.setdefault(line.symbol, []).append(line)
    names = _names(situation)
    trades = [_proposed(group, names.get(symbol)) for symbol, group in by_symbol.items()]
    return tuple(
        sorted((t for t in trades if t.quantity), key=lambda t: (t.quantity > 0, t.symbol))
    )


def executed_trades(
    orders: Iterable[Order], lines: Mapping[str, PlanLine]
) -> tuple[ExecutedTrade, ...]:
    """One line per order; `lines` holds the plan's line behind each, by client order id."""
    return tuple(_executed(order, lines[order.intent.client_order_id]) for order in orders)


def _holding(
    line: PlanLine,
    *,
    name: str | None,
    after: Decimal,
    mid: Decimal | None,
    total_after: Decimal,
) -> HoldingReport:
    untouched = line.reason_code in _LEFT_ALONE
    quantity = line.current_quantity if untouched else after
    value = line.current_value if untouched or mid is None else quantity * mid
    return HoldingReport(
        symbol=line.symbol,
        name=name,
        quantity_before=line.current_quantity,
        quantity_after=quantity,
        price=None if untouched else mid,
        value_before=line.current_value,
        value_after=value,
        weight_before=line.weight_before,
        weight_after=value / total_after if value is not None and total_after else None,
        target_weight=line.target_weight,
        reason_code=line.reason_code,
        reason=line.reason,
    )


def _proposed(lines: Sequence[PlanLine], name: str | None) -> ProposedTrade:
    first = lines[0]
    quantity = sum((line.quantity for line in lines), _ZERO)
    # The side that prevails gives the price; with one line per symbol that is its own.
    shown = next((line for line in lines if line.quantity * quantity > 0), first)
    return ProposedTrade(
        symbol=first.symbol,
        name=name,
        quantity=quantity,
        current_shares=first.current_quantity,
        current_value=first.current_value or _ZERO,
        target_value=first.target_value,
        price=shown.limit_price or shown.estimated_price or _ZERO,
        order_type="MARKET" if shown.limit_price is None else "LIMIT",
        limit_price=shown.limit_price,
        estimated_price=shown.estimated_price or _ZERO,
        estimated_fee=sum((line.estimated_fee for line in lines), _ZERO),
        reason_code=first.reason_code,
        reason="; then ".join(line.reason for line in lines),
    )


def _executed(order: Order, line: PlanLine) -> ExecutedTrade:
    intent, quoted, average = order.intent, line.estimated_price, order.average_price
    slippage = None
    if average is not None and quoted is not None:
        slippage = (average - quoted) * order.signed_filled
    return ExecutedTrade(
        symbol=intent.symbol,
        quantity=intent.quantity,
        current_shares=line.current_quantity,
        current_value=line.current_value or _ZERO,
        target_value=line.target_value,
        price=line.limit_price or quoted or _ZERO,
        order_type=intent.order_type,
        order_id=order.order_id,
        client_order_id=intent.client_order_id,
        phase=intent.phase,
        round=intent.round,
        status=order.verdict,
        filled_quantity=order.filled,
        average_price=average,
        limit_price=intent.limit_price,
        quoted_price=quoted,
        slippage=slippage,
        commission=_commission(order.fills.values()),
        reason=line.reason,
        message=order.message,
    )


def _commission(fills: Iterable[Fill]) -> Decimal | None:
    told = [fill.commission for fill in fills]
    return None if None in told else sum((c for c in told if c is not None), _ZERO)


def _names(situation: Situation) -> dict[str, str | None]:
    return {instrument.symbol: instrument.name for instrument in situation.instruments}
