"""Orders: placed, alone or with their family, changed and cancelled."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ibkr_simulator.drafts import Draft
from ibkr_simulator.refusals import Refusal, invalid, refused_by_exchange, rejected
from ibkr_simulator.session import Session
from ibkr_simulator.translate.orders import open_order_fields, status_text, what_if_fields
from ibkr_simulator.translate.requests import order_request
from simulated_exchange import ExchangeError, Order, OrderRequest, OrderState

from .block_orders import advisor_of, place_block, resized
from .order_reports import tell

#: prices of a live order that may be changed
_CHANGEABLE = ("limit_price", "stop_price", "trail_amount", "trail_percent", "limit_offset")


def place_order(session: Session, fields: Mapping[str, Any]) -> None:
    """A new order; or, when this client's order of that id still works, a change to it.

    One that is not to be transmitted waits for an order of its family that is.
    """
    _refuse_when_read_only(session)
    order_id, ids, drafts = fields["orderId"], session.desk.order_ids, session.drafts
    known = ids.find(session.client_id, order_id)
    if known is not None and not known.is_done:
        _modify(session, known, fields)
        return
    if order_id not in drafts and order_id <= ids.highest(session.client_id):
        raise Refusal(103, "Duplicate order id")
    if fields["faGroup"]:
        place_block(session, fields)
        return
    request = _request(session, fields)
    if fields["whatIf"]:
        _tell_what_if(session, request)
        return
    _refuse_too_many(session, request)
    ids.use(session.client_id, order_id)
    drafts.add(Draft(order_id=order_id, parent_id=fields["parentId"], request=request))
    if fields["transmit"]:
        _transmit(session, order_id, drafts.take_family(order_id))


def _transmit(session: Session, sent_id: int, family: list[Draft]) -> None:
    """Hand an order in, with its children if it has any; all of them or none.

    A refusal is about the order that was sent last, and about all that waited for it.
    """
    parent, *children = family
    exchange = session.desk.exchange
    try:
        request = _child_of_placed(session, parent)
        if children:
            placed = exchange.submit_family(request, [child.request for child in children])
        else:
            placed = [exchange.submit(request)]
    except (ExchangeError, Refusal) as error:
        refusal = refused_by_exchange(error) if isinstance(error, ExchangeError) else error
        for draft in family:
            if draft.order_id != sent_id:
                session.refuse(refusal, draft.order_id)
        raise
    for order in placed:
        session.desk.order_ids.note(order)
        if order.status is OrderState.PENDING:
            tell(session, order)


def _child_of_placed(session: Session, draft: Draft) -> OrderRequest:
    """The draft's request, tied to its parent if that has been placed before."""
    if not draft.parent_id:
        return draft.request
    parent = session.desk.order_ids.find(session.client_id, draft.parent_id)
    if parent is None:
        raise Refusal(135, f"Can't find order with id ={draft.parent_id}")
    return replace(draft.request, parent_id=parent.order_id)


def _tell_what_if(session: Session, request: OrderRequest) -> None:
    """The order that might be, with its margin: nothing is booked and no id is used up."""
    exchange = session.desk.exchange
    now = exchange.clock.now()
    order = Order(
        order_id=0,
        request=request,
        status=OrderState.PENDING,
        submitted_at=now,
        updated_at=now,
        stop_price=request.stop_price,
    )
    shown = open_order_fields(order, exchange.instrument(request.con_id), (0, 0))
    session.send("openOrder", shown, whatIf=True, **what_if_fields(exchange.preview(request)))


def _request(session: Session, fields: Mapping[str, Any]) -> OrderRequest:
    return order_request(
        fields,
        account_id=_order_account(session, fields),
        instrument=session.desk.instrument(fields),
        owner=(session.client_id, fields["orderId"]),
    )


def _refuse_too_many(session: Session, request: OrderRequest) -> None:
    limits = session.desk.limits
    if limits is None:
        return
    alike = [
        order
        for order in session.desk.exchange.open_orders(request.account_id)
        if (order.request.con_id, order.request.side) == (request.con_id, request.side)
    ]
    if len(alike) >= limits.working_orders:
        raise rejected(
            f"Minimum of {limits.working_orders} orders working on either the buy or sell side for"
            " this particular contract"
        )


def _order_account(session: Session, fields: Mapping[str, Any]) -> str:
    """The account that an order is for; of one for a group, the adviser's."""
    accounts: tuple[str, ...] = session.desk.account_ids
    account_id: str = fields["account"]
    if fields["faGroup"]:
        return advisor_of(session, fields)
    if not account_id and len(accounts) == 1:
        return accounts[0]
    if account_id not in accounts or account_id == session.desk.advisor_id:
        raise rejected("Invalid or missing IBCustAcctNo")
    return account_id


def _modify(session: Session, order: Order, fields: Mapping[str, Any]) -> None:
    """Change quantity or prices. A refused change leaves the order alive, and restates it."""
    try:
        request = _request(session, fields)
        _refuse_another_order(order.request, request)
        prices = {name: getattr(request, name) for name in _CHANGEABLE}
        for part, quantity in resized(session, order, request.quantity):
            session.desk.exchange.modify(part.order_id, quantity=quantity, **prices)
    except (ExchangeError, Refusal) as error:
        refusal = refused_by_exchange(error) if isinstance(error, ExchangeError) else error
        session.refuse(refusal, fields["orderId"])
        tell(session, session.desk.blocks.whole(session.desk.exchange.order(order.order_id)))


def _refuse_another_order(before: OrderRequest, after: OrderRequest) -> None:
    if before.order_type is not after.order_type:
        raise Refusal(329, "Order modify failed. Cannot change to the new order type.")
    fixed = ("account_id", "con_id", "side", "time_in_force", "outside_rth", "trigger_method")
    if any(getattr(before, name) != getattr(after, name) for name in fixed):
        raise Refusal(105, "Order being modified does not match original order.")


def cancel_order(session: Session, request: Mapping[str, Any]) -> None:
    """Only the client that placed an order can cancel it; others do not find it."""
    _refuse_when_read_only(session)
    order_id = request["orderId"]
    if session.drafts.remove(order_id):
        raise Refusal(202, "Order Canceled - reason:")
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
    for part in session.desk.blocks.parts(order):
        if not part.is_done:
            session.desk.exchange.cancel(part.order_id)


def global_cancel(session: Session, request: Mapping[str, Any]) -> None:
    """Every open order of this login's accounts, whoever placed it."""
    _refuse_when_read_only(session)
    exchange, accounts = session.desk.exchange, session.desk.account_ids
    for order in exchange.open_orders():
        if order.request.account_id in accounts:
            exchange.cancel(order.order_id)


def _refuse_when_read_only(session: Session) -> None:
    if session.desk.read_only:
        raise invalid("The API interface is currently in Read-Only mode.")


REQUESTS = {
    "placeOrder": place_order,
    "cancelOrder": cancel_order,
    "reqGlobalCancel": global_cancel,
}
