"""What a gateway says of an order.

Orders and executions come in and become the fields of openOrder, orderStatus, completedOrder and
execDetails. What a client asks for is read in `requests`.
"""

from decimal import Decimal
from typing import Any

from simulated_exchange import (
    CommissionReport,
    Execution,
    Instrument,
    Liquidity,
    Order,
    OrderState,
    OrderType,
    Side,
    WhatIf,
)

from .contracts import contract_fields
from .requests import Owner, owner_of, price_names
from .texts import average, stamp

_ZERO = Decimal(0)
_STATUS = {
    OrderState.PENDING: "PreSubmitted",
    OrderState.HELD: "PreSubmitted",
    OrderState.WORKING: "Submitted",
    OrderState.PARTIALLY_FILLED: "Submitted",
    OrderState.PENDING_CANCEL: "PendingCancel",
    OrderState.FILLED: "Filled",
    OrderState.CANCELLED: "Cancelled",
    OrderState.REJECTED: "Inactive",
    OrderState.EXPIRED: "Cancelled",
}
_ENDED = {
    OrderState.CANCELLED: "Cancelled by Trader",
    OrderState.REJECTED: "Rejected",
    OrderState.EXPIRED: "Expired",
}

#: why a live order is in the list of open orders as "Inactive"
_INACTIVE = "inactive"
#: what a live order waits for, as the exchange says it and as a gateway does
_WHY_HELD = {"parent": "child", "trigger": "trigger", "locate": "locate"}


def status_text(order: Order) -> str:
    """The order's status as a gateway names it."""
    request = order.request
    if order.status is OrderState.WORKING and request.order_type is OrderType.MKT:
        # Captures of real gateways go from PreSubmitted to Filled for market orders.
        return "PreSubmitted"
    if order.status is OrderState.HELD and order.why_held == _INACTIVE:
        return "Inactive"
    return _STATUS[order.status]


def open_order_fields(order: Order, instrument: Instrument, parent: Owner) -> dict[str, Any]:
    """The fields of openOrder; `parent` is the owner of the order that it waits for."""
    client_id, order_id = owner_of(order.request)
    return {
        **_terms(order, instrument),
        "orderId": order_id,
        "clientId": client_id,
        "parentId": parent[1],
        "status": status_text(order),
    }


def order_status_fields(order: Order, parent: Owner) -> dict[str, Any]:
    """The fields of orderStatus; prices are 0 before the first fill."""
    client_id, order_id = owner_of(order.request)
    return {
        "orderId": order_id,
        "status": status_text(order),
        "filled": order.filled,
        "remaining": order.remaining,
        "avgFillPrice": average(order.average_fill_price),
        "permId": order.order_id,
        "parentId": parent[1],
        "lastFillPrice": order.last_fill_price or _ZERO,
        "clientId": client_id,
        "whyHeld": _WHY_HELD.get(order.why_held, ""),
    }


def completed_order_fields(order: Order, instrument: Instrument) -> dict[str, Any]:
    """The fields of completedOrder, which has neither the client's id nor the order's own."""
    ended = _ENDED.get(order.status, f"Filled Size: {order.filled:f}")
    return {
        **_terms(order, instrument),
        "status": status_text(order),
        "filledQuantity": order.filled,
        "shareholder": "Not an insider or substantial shareholder",
        "completedTime": stamp(order.updated_at),
        "completedStatus": ended,
        "parentPermId": order.request.parent_id,
    }


def _terms(order: Order, instrument: Instrument) -> dict[str, Any]:
    request = order.request
    # A stop that follows the market is told as it stands, not as it was asked for.
    stands = {"stop_price": order.stop_price}
    prices = {
        wire: stands.get(name, getattr(request, name))
        for name, wire in price_names(request.order_type).items()
    }
    return {
        **contract_fields(instrument, instrument.exchange),
        "action": request.side.value,
        "totalQuantity": request.quantity,
        "orderType": request.order_type.value,
        **prices,
        "triggerMethod": int(request.trigger_method),
        "ocaGroup": request.oca_group,
        "ocaType": int(request.oca_type) if request.oca_group else 0,
        "tif": request.time_in_force.value,
        "account": request.account_id,
        "orderRef": request.order_ref,
        "permId": order.order_id,
        "outsideRth": request.outside_rth,
    }


def what_if_fields(found: WhatIf) -> dict[str, Any]:
    """The margin fields of the openOrder that answers a what-if order."""
    fields: dict[str, Any] = {
        "commission": average(found.commission),
        "commissionCurrency": found.currency,
    }
    figures = {
        "initMargin": found.initial_margin,
        "maintMargin": found.maintenance_margin,
        "equityWithLoan": found.equity,
    }
    for name, figure in figures.items():
        fields[f"{name}Before"] = average(figure.before)
        fields[f"{name}After"] = average(figure.after)
        fields[f"{name}Change"] = average(figure.change)
    return fields


def execution_fields(execution: Execution, instrument: Instrument) -> dict[str, Any]:
    """The fields of execDetails, without a request's id."""
    request = execution.request
    client_id, order_id = owner_of(request)
    return {
        **contract_fields(instrument, instrument.exchange),
        "orderId": order_id,
        "execId": execution.exec_id,
        "time": stamp(execution.at),
        "account": request.account_id,
        "execExchange": instrument.primary_exchange or instrument.exchange,
        "side": side_text(request.side),
        "shares": execution.quantity,
        "price": execution.price,
        "permId": execution.order_id,
        "clientId": client_id,
        "cumQty": execution.cumulative_quantity,
        "avgPrice": average(execution.average_price),
        "orderRef": request.order_ref,
        "lastLiquidity": 1 if execution.liquidity is Liquidity.ADDED else 2,
    }


def side_text(side: Side) -> str:
    """The side as executions name it."""
    return "BOT" if side is Side.BUY else "SLD"


def commission_fields(report: CommissionReport) -> dict[str, Any]:
    """The fields of commissionReport; what an opening trade realized is unset, not 0."""
    realized = report.realized_pnl
    return {
        "execId": report.exec_id,
        "commission": average(report.commission),
        "currency": report.currency,
        "realizedPNL": None if realized is None else average(realized),
    }
