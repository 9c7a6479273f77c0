"""What the store keeps of a rebalance: the run with its orders and their fills.

Comes in: an attempt. Goes out: a record. Quantities are positive beside their side, money is in the
account's currency.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel

from app.events import Event
from app.settings import TradingMode
from app.store.records import FillRecord, OrderRecord, RunRecord
from broker_connector_base.models import Fill
from broker_connector_base.order_states import OrderStatus

from .attempt import Attempt


class _Order(BaseModel):
    client_order_id: str
    order_id: str | None = None
    symbol: str
    quantity: Decimal
    order_type: str
    limit_price: Decimal | None = None
    status: str
    filled_quantity: Decimal
    average_price: Decimal | None = None
    message: str | None = None


class _Run(BaseModel):
    status: str
    orders: tuple[_Order, ...]
    fills: tuple[Fill, ...]


def begun(
    event: Event, run_id: str, *, mode: TradingMode, session_date: date | None, at: datetime
) -> RunRecord:
    """The record of a run whose first order may be leaving now."""
    return RunRecord(
        run_id=run_id,
        event_id=event.event_id,
        account_id=event.account_id,
        command=event.command,
        trading_mode=mode.value,
        session_date=session_date,
        status="running",
        orders_sent=True,
        started_at=at,
    )


def ended(
    event: Event,
    run_id: str,
    attempt: Attempt,
    *,
    mode: TradingMode,
    session_date: date | None,
) -> RunRecord:
    """The record of a run that came to its end, with or without a result."""
    run = _Run.model_validate_json(attempt.document) if attempt.document else None
    orders = run.orders if run else ()
    return RunRecord(
        run_id=run_id,
        event_id=event.event_id,
        account_id=event.account_id,
        command=event.command,
        trading_mode=mode.value,
        session_date=session_date,
        status=run.status if run else "interrupted",
        # What the run told meanwhile may have been left out when nobody could listen.
        orders_sent=attempt.sent_orders or any(_was_sent(order) for order in orders),
        started_at=attempt.started_at,
        finished_at=attempt.finished_at,
        message=str(attempt.row["message"]),
        result=attempt.row,
        orders=tuple(_order(order) for order in orders),
        fills=tuple(_fill(fill) for fill in run.fills) if run else (),
    )


def _was_sent(order: _Order) -> bool:
    return order.status != OrderStatus.NOT_FOUND


def _order(order: _Order) -> OrderRecord:
    return OrderRecord(
        order_ref=order.client_order_id,
        order_id=order.order_id,
        symbol=order.symbol,
        side=_side(order.quantity),
        quantity=abs(order.quantity),
        order_type=order.order_type,
        limit_price=order.limit_price,
        status=order.status,
        filled_quantity=order.filled_quantity,
        average_price=order.average_price,
        message=order.message,
    )


def _fill(fill: Fill) -> FillRecord:
    return FillRecord(
        execution_id=fill.execution_id,
        order_ref=fill.client_order_id or "",
        symbol=fill.symbol,
        side=_side(fill.quantity),
        quantity=abs(fill.quantity),
        price=fill.price,
        commission=fill.commission,
        executed_at=fill.at,
    )


def _side(quantity: Decimal) -> str:
    return "BUY" if quantity > 0 else "SELL"
