"""The clerk who books a fill.

Comes in: one fill of one order. Goes out: entries in the ledger and the records, and the events
that tell of them. Never: a decision whether, at what price, or how much.
"""

from datetime import datetime
from decimal import Decimal

from .accounts import Ledger
from .books import Books, Ticket
from .events import (
    AccountChanged,
    CommissionCharged,
    CommissionReport,
    Event,
    Executed,
    Execution,
    Liquidity,
    PositionChanged,
)
from .orders import Side

#: first group of every execution id; the real one names the order-routing system
EXEC_PREFIX = "0000e0d5"


def book_fill(
    books: Books,
    ticket: Ticket,
    size: Decimal,
    price: Decimal,
    liquidity: Liquidity,
    at: datetime,
) -> tuple[Event, Event, Event, Event]:
    """Book `size` at `price`: shares, cash, commission and records, all or nothing.

    Returns Executed, PositionChanged (for a currency pair AccountChanged of the one that was
    bought), AccountChanged and CommissionCharged.
    """
    order = books.orders[ticket.order_id]
    request, instrument = order.request, books.instruments[order.request.con_id]
    filled, filled_value = order.filled + size, order.filled_value + size * price
    charge = books.commissions.charge(filled, filled_value * instrument.multiplier)
    commission = charge - ticket.commission
    ticket.commission, ticket.fills = charge, ticket.fills + 1
    signed = size if request.side is Side.BUY else -size
    ledger = books.ledgers[request.account_id]
    value = signed * price * instrument.multiplier
    realized = None
    if instrument.is_pair:
        ledger.convert(
            bought=instrument.symbol,
            quantity=signed,
            currency=instrument.currency,
            value=value,
            commission=commission,
        )
    else:
        realized = ledger.book(
            con_id=request.con_id,
            currency=instrument.currency,
            quantity=signed,
            value=value,
            commission=commission,
            at=at,
            hours=instrument.liquid_hours,
        )
    books.last_exec_number += 1
    execution = Execution(
        exec_id=f"{EXEC_PREFIX}.{books.last_exec_number:08x}.01.01",
        order_id=order.order_id,
        request=request,
        quantity=size,
        price=price,
        at=at,
        cumulative_quantity=filled,
        average_price=filled_value / filled,
        liquidity=liquidity,
    )
    report = CommissionReport(
        exec_id=execution.exec_id,
        commission=commission,
        currency=instrument.currency,
        realized_pnl=realized,
    )
    books.executions.append(execution)
    books.reports[execution.exec_id] = report
    if instrument.is_pair:
        moved: Event = cash_changed(ledger, instrument.symbol, at)
    else:
        moved = position_changed(ledger, request.con_id, at)
    return (
        Executed(execution=execution),
        moved,
        cash_changed(ledger, instrument.currency, at),
        CommissionCharged(execution=execution, report=report),
    )


def position_changed(ledger: Ledger, con_id: int, at: datetime) -> PositionChanged:
    holding = ledger.holdings[con_id]
    return PositionChanged(
        account_id=ledger.account_id,
        con_id=con_id,
        quantity=holding.quantity,
        average_cost=holding.average_cost,
        at=at,
    )


def cash_changed(ledger: Ledger, currency: str, at: datetime) -> AccountChanged:
    return AccountChanged(
        account_id=ledger.account_id, currency=currency, cash=ledger.cash[currency], at=at
    )
