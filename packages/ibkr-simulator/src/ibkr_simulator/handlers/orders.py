"""Orders: placed, changed, cancelled, listed, and told about as they change."""

from collections.abc import Iterable, Mapping
from typing import Any

from ibkr_simulator.preview import preview, preview_fields
from ibkr_simulator.refusals import Refusal, invalid, refused_by_exchange, rejected
from ibkr_simulator.session import Session
from ibkr_simulator.translate.orders import (
    completed_order_fields,
    open_order_fields,
    order_request,
    order_status_fields,
    owner_of,
    status_text,
)
from ibkr_simulator.translate.texts import day_start, stamp
from simulated_exchange import ExchangeError, Order, OrderChanged, OrderRequest, OrderState


def place_order(session: Session, fields: Mapping[str, Any]) -> None:
    """A new order; or, when this client's order of that id still works, a change to it."""
    _refuse_when_read_only(session)
    order_id, ids = fields["orderId"], session.desk.order_ids
    known = ids.find(session.client_id, order_id)
    if known is not None and not known.is_done:
        _modify(session, known, fields)
        return
    if order_id <= ids.highest(session.client_id):
        raise Refusal(103, "Duplicate order id")
    request = _request(session, fields)
    if fields["whatIf"]:
        _tell_what_if(session, request)
        return
    ids.use(session.client_id, order_id)
    order = session.desk.exchange.submit(request)
    ids.note(order)
    if order.status is OrderState.PENDING:
        tell(session, order)


def _tell_what_if(session: Session, request: OrderRequest) -> None:
    """The order that might be, with its margin: nothing is booked and no id is used up."""
    exchange = session.desk.exchange
    instrument = exchange.instrument(request.con_id)
    now = exchange.clock.now()
    order = Order(
        order_id=0,
        request=request,
        status=OrderState.PENDING,
        submitted_at=now,
        updated_at=now,
    )
    effect = preview_fields(preview(exchange, request), instrument.currency)
    session.send("openOrder", open_order_fields(order, instrument), whatIf=True, **effect)


def _request(session: Session, fields: Mapping[str, Any]) -> OrderRequest:
    return order_request(
        fields,
        account_id=_order_account(session, fields["account"]),
        instrument=session.desk.instrument(fields),
        owner=(session.client_id, fields["orderId"]),
    )


def _order_account(session: Session, account_id: str) -> str:
    accounts = session.desk.account_ids
    if not account_id and len(accounts) == 1:
        return accounts[0]
    if account_id not in accounts:
        raise rejected("Invalid or missing IBCustAcctNo")
    return account_id


def _modify(session: Session, order: Order, fields: Mapping[str, Any]) -> None:
    """Change quantity or limit. A refused change leaves the order alive: its terms are restated."""
    try:
        request = _request(session, fields)
        _refuse_another_order(order.request, request)
        session.desk.exchange.modify(
            order.order_id, quantity=request.quantity, limit_price=request.limit_price
        )
    except (ExchangeError, Refusal) as error:
        refusal = refused_by_exchange(error) if isinstance(error, ExchangeError) else error
        session.refuse(refusal, fields["orderId"])
        tell(session, session.desk.exchange.order(order.order_id))


def _refuse_another_order(before: OrderRequest, after: OrderRequest) -> None:
    if before.order_type is not after.order_type:
        raise Refusal(329, "Order modify failed. Cannot change to the new order type.")
    fixed = ("account_id", "con_id", "side", "time_in_force", "outside_rth")
    if any(getattr(before, name) != getattr(after, name) for name in fixed):
        raise Refusal(105, "Order being modified does not match original order.")


def cancel_order(session: Session, request: Mapping[str, Any]) -> None:
    """Only the client that placed an order can cancel it; others do not find it."""
    _refuse_when_read_only(session)
    order_id = request["orderId"]
    order = session.desk.order_ids.find(session.client_id, order_id)
    if order is None:
        raise Refusal(10147, f"OrderId {order_id} that needs to be cancelled is not found.")
    if order.is_done:
        raise Refusal(
            10148,
            f"OrderId {order_id} that needs to be cancelled cannot be cancelled,"
            f" state: {status_text(order)}.",
        )
    if order.status is OrderState.PENDING_CANCEL:
        raise Refusal(
            161,
            "Cancel attempted when order is not in a cancellable state."
            f"  Order permId = {order.order_id}",
        )
    session.desk.exchange.cancel(order.order_id)


def global_cancel(session: Session, request: Mapping[str, Any]) -> None:
    """Every open order of this login's accounts, whoever placed it."""
    _refuse_when_read_only(session)
    for order in _of_login(session, session.desk.exchange.open_orders()):
        session.desk.exchange.cancel(order.order_id)


def open_orders(session: Session, request: Mapping[str, Any]) -> None:
    """This client's own; for the master client also those that no client placed."""
    for order in _of_login(session, session.desk.exchange.open_orders()):
        client_id, order_id = owner_of(order.request)
        mine = client_id == session.client_id and order_id
        if mine or (session.sees_all_orders and not order_id):
            tell(session, order)
    session.send("openOrderEnd")


def all_open_orders(session: Session, request: Mapping[str, Any]) -> None:
    for order in _of_login(session, session.desk.exchange.open_orders()):
        tell(session, order)
    session.send("openOrderEnd")


def completed_orders(session: Session, request: Mapping[str, Any]) -> None:
    """Orders that ended today, of all clients."""
    exchange = session.desk.exchange
    today = day_start(exchange.clock.now())
    for order in _of_login(session, exchange.completed_orders()):
        by_api = owner_of(order.request)[1] != 0
        if order.updated_at >= today and (by_api or not request["apiOnly"]):
            instrument = exchange.instrument(order.request.con_id)
            session.send("completedOrder", completed_order_fields(order, instrument))
    session.send("completedOrdersEnd")


def order_changed(session: Session, event: OrderChanged) -> None:
    """The order, then its status, and what a gateway adds to some of them."""
    order = event.order
    client_id, order_id = owner_of(order.request)
    if not session.sees_all_orders and (client_id != session.client_id or not order_id):
        return
    tell(session, order)
    if note := _note(session, order):
        session.refuse(note, order_id or -1)


def _note(session: Session, order: Order) -> Refusal | None:
    match order.status:
        case OrderState.CANCELLED | OrderState.EXPIRED:
            return Refusal(202, "Order Canceled - reason:")
        case OrderState.REJECTED:
            return rejected(f"{order.reject_reason}")
        case OrderState.HELD:
            return Refusal(399, _held_warning(session, order))
    return None


def _held_warning(session: Session, order: Order) -> str:
    exchange, request = session.desk.exchange, order.request
    instrument = exchange.instrument(request.con_id)
    hours = instrument.trading_hours if request.outside_rth else instrument.liquid_hours
    opens = hours.next_open(exchange.clock.now())
    return (
        f"Order Message: {request.side} {request.quantity:f} {instrument.symbol}"
        f" {instrument.primary_exchange or instrument.exchange} Warning: your order will not be"
        f" placed at the exchange until {stamp(opens) if opens else 'further notice'}"
    )


def tell(session: Session, order: Order) -> None:
    """Always both: clients drop the status of an order that they were not told of."""
    instrument = session.desk.exchange.instrument(order.request.con_id)
    session.send("openOrder", open_order_fields(order, instrument))
    session.send("orderStatus", order_status_fields(order))


def _of_login(session: Session, orders: Iterable[Order]) -> list[Order]:
    accounts = session.desk.account_ids
    return [order for order in orders if order.request.account_id in accounts]


def _refuse_when_read_only(session: Session) -> None:
    if session.desk.read_only:
        raise invalid("The API interface is currently in Read-Only mode.")


REQUESTS = {
    "placeOrder": place_order,
    "cancelOrder": cancel_order,
    "reqGlobalCancel": global_cancel,
    "reqOpenOrders": open_orders,
    "reqAllOpenOrders": all_open_orders,
    "reqCompletedOrders": completed_orders,
}
