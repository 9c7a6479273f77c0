"""Orders in both directions: what a client asks for, and what a gateway says of it.

The fields of placeOrder come in and become an `OrderRequest`, or a `Refusal` when they ask for
something that the exchange cannot do: an order is never executed on other terms than its own.
Orders and executions become the fields of openOrder, orderStatus, completedOrder and execDetails.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ibkr_simulator.codec import Message, decode_request, encode_request
from ibkr_simulator.frames import MAX_VERSION
from ibkr_simulator.refusals import Refusal, rejected
from simulated_exchange import (
    CommissionReport,
    Execution,
    Instrument,
    Liquidity,
    Order,
    OrderRequest,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)

from .contracts import contract_fields
from .texts import average, stamp, words

_ZERO = Decimal(0)
#: Above any quantity or price there is, and small enough to be multiplied exactly.
_LARGEST = 10**12

#: Terms that the exchange carries out, and terms that change nothing about the execution of a
#: plain stock order. Everything else has to be at its default.
_UNDERSTOOD = words(
    "orderId conId symbol secType lastTradeDateOrContractMonth strike right multiplier exchange "
    "primaryExchange currency localSymbol tradingClass secIdType secId action totalQuantity "
    "orderType lmtPrice tif account orderRef outsideRth whatIf "
    "openClose origin transmit triggerMethod ocaType rule80A settlingFirm clearingAccount "
    "clearingIntent exemptCode overridePercentageConstraints algoId orderMiscOptions solicited "
    "extOperator mifid2DecisionMaker mifid2DecisionAlgo mifid2ExecutionTrader "
    "mifid2ExecutionAlgo dontUseAutoPriceForHedge usePriceMgmtAlgo advancedErrorOverride "
    "manualOrderTime adjustableTrailingUnit"
)
_NEUTRAL: Mapping[str, Any] = decode_request(
    encode_request(Message("placeOrder", {}), MAX_VERSION), MAX_VERSION
).fields

#: The types whose terms this module carries over.
_ORDER_TYPES = {"MKT": OrderType.MKT, "LMT": OrderType.LMT}

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

#: (client id, order id) of the client that placed an order; (0, 0) for one that no client placed
Owner = tuple[int, int]


def owner_of(request: OrderRequest) -> Owner:
    """Who placed it, as written by `order_request`."""
    match request.owner:
        case (int(client_id), int(order_id)):
            return client_id, order_id
    return 0, 0


def order_request(
    fields: Mapping[str, Any], *, account_id: str, instrument: Instrument, owner: Owner
) -> OrderRequest:
    """The order that a placeOrder asks for. Raises `Refusal` for terms that cannot be met."""
    _refuse_what_is_not_understood(fields)
    quantity = fields["totalQuantity"]
    if abs(quantity) > _LARGEST or abs(fields["lmtPrice"] or 0) > _LARGEST:
        raise rejected(f"A quantity or price above {_LARGEST} is not accepted.")
    if not quantity:
        raise Refusal(434, "The order size cannot be zero.")
    if quantity > 0 and not instrument.is_whole_lots(quantity):
        raise Refusal(
            10243,
            "Fractional-sized order cannot be placed via API."
            " Please use desktop version of TWS to place this order.",
        )
    order_type = _ORDER_TYPES.get(fields["orderType"])
    if order_type is None:
        raise Refusal(387, "Unsupported order type for this exchange and security type.")
    try:
        side, tif = Side(fields["action"]), TimeInForce(fields["tif"] or "DAY")
    except ValueError as error:
        raise rejected(f"Invalid order: {error}.") from None
    return OrderRequest(
        account_id=account_id,
        con_id=instrument.con_id,
        side=side,
        quantity=quantity,
        order_type=order_type,
        limit_price=fields["lmtPrice"] if order_type is OrderType.LMT else None,
        time_in_force=tif,
        order_ref=fields["orderRef"],
        owner=owner,
        outside_rth=fields["outsideRth"],
    )


def _refuse_what_is_not_understood(fields: Mapping[str, Any]) -> None:
    strange = [
        name
        for name, value in fields.items()
        # Clients write "not given" as 0, as "" or as unset, each in its own way.
        if name not in _UNDERSTOOD and value and value != _NEUTRAL[name]
    ]
    if not fields["transmit"]:
        strange.append("transmit=0")
    if strange:
        raise rejected(f"This gateway does not support {', '.join(strange)}.")


def status_text(order: Order) -> str:
    """The order's status as a gateway names it."""
    request = order.request
    if order.status is OrderState.WORKING and request.order_type is OrderType.MKT:
        # Captures of real gateways go from PreSubmitted to Filled for market orders.
        return "PreSubmitted"
    return _STATUS[order.status]


def open_order_fields(order: Order, instrument: Instrument) -> dict[str, Any]:
    """The fields of openOrder."""
    client_id, order_id = owner_of(order.request)
    return {
        **_terms(order, instrument),
        "orderId": order_id,
        "clientId": client_id,
        "status": status_text(order),
    }


def order_status_fields(order: Order) -> dict[str, Any]:
    """The fields of orderStatus; prices are 0 before the first fill."""
    client_id, order_id = owner_of(order.request)
    return {
        "orderId": order_id,
        "status": status_text(order),
        "filled": order.filled,
        "remaining": order.remaining,
        "avgFillPrice": average(order.average_fill_price),
        "permId": order.order_id,
        "lastFillPrice": order.last_fill_price or _ZERO,
        "clientId": client_id,
        "whyHeld": order.why_held if order.why_held == "locate" else "",
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
    }


def _terms(order: Order, instrument: Instrument) -> dict[str, Any]:
    request = order.request
    return {
        **contract_fields(instrument, instrument.exchange),
        "action": request.side.value,
        "totalQuantity": request.quantity,
        "orderType": request.order_type.value,
        "lmtPrice": request.limit_price,
        "tif": request.time_in_force.value,
        "account": request.account_id,
        "orderRef": request.order_ref,
        "permId": order.order_id,
        "outsideRth": request.outside_rth,
    }


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
