"""Orders as clients are told of them: asked for in lists, and each time that one changes."""

from collections.abc import Iterable, Mapping
from typing import Any

from ibkr_simulator.refusals import Refusal, refused_by_exchange, rejected
from ibkr_simulator.session import NO_REQUEST, Session
from ibkr_simulator.translate.orders import (
    completed_order_fields,
    open_order_fields,
    order_status_fields,
)
from ibkr_simulator.translate.requests import Owner, owner_of
from ibkr_simulator.translate.texts import day_start, stamp
from simulated_exchange import ChangeRefused, ExchangeError, Order, OrderChanged, OrderState

#: how the exchange says what an order waits for
_AWAITS_OPEN, _AWAITS_SHARES = "market closed", "locate"


def open_orders(session: Session, request: Mapping[str, Any]) -> None:
    """This client's own; for the master client also those that no client placed."""
    for order in of_login(session, session.desk.exchange.open_orders()):
        client_id, order_id = owner_of(order.request)
        mine = client_id == session.client_id and order_id
        if mine or (session.sees_all_orders and not order_id):
            tell(session, order)
    session.send("openOrderEnd")


def all_open_orders(session: Session, request: Mapping[str, Any]) -> None:
    for order in of_login(session, session.desk.exchange.open_orders()):
        tell(session, order)
    session.send("openOrderEnd")


def completed_orders(session: Session, request: Mapping[str, Any]) -> None:
    """Orders that ended today, of all clients."""
    exchange = session.desk.exchange
    today = day_start(exchange.clock.now())
    for order in of_login(session, exchange.completed_orders()):
        by_api = owner_of(order.request)[1] != 0
        if order.is_done and order.updated_at >= today and (by_api or not request["apiOnly"]):
            instrument = exchange.instrument(order.request.con_id)
            session.send("completedOrder", completed_order_fields(order, instrument))
    session.send("completedOrdersEnd")


def order_changed(session: Session, event: OrderChanged) -> None:
    """The order, then its status, and what a gateway adds to some of them."""
    order = session.desk.blocks.whole(event.order)
    tell(session, order)
    if note := _note(session, order):
        session.refuse(note, owner_of(order.request)[1] or NO_REQUEST)


def change_refused(session: Session, event: ChangeRefused) -> None:
    """The reason, then the order on its old terms."""
    order = session.desk.blocks.whole(event.order)
    refusal = refused_by_exchange(ExchangeError(event.reason, event.message))
    session.refuse(refusal, owner_of(order.request)[1] or NO_REQUEST)
    tell(session, order)


def _note(session: Session, order: Order) -> Refusal | None:
    match order.status:
        case OrderState.CANCELLED | OrderState.EXPIRED:
            return Refusal(202, "Order Canceled - reason:")
        case OrderState.REJECTED:
            return rejected(f"{order.reject_reason}")
        case OrderState.HELD if order.why_held == _AWAITS_OPEN:
            return Refusal(399, _held_warning(session, order))
        case OrderState.HELD if order.why_held == _AWAITS_SHARES:
            return Refusal(404, "Order held while securities are located.")
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
    parent = parent_of(session, order)
    terms = session.desk.blocks.terms(owner_of(order.request))
    session.send("openOrder", open_order_fields(order, instrument, parent), **terms)
    session.send("orderStatus", order_status_fields(order, parent))


def parent_of(session: Session, order: Order) -> Owner:
    """The client's and its own number of the order that this one waits, or waited, for."""
    parent_id = order.request.parent_id
    if parent_id is None:
        return 0, 0
    return owner_of(session.desk.exchange.order(parent_id).request)


def of_login(session: Session, orders: Iterable[Order]) -> list[Order]:
    """Those of the login's accounts, blocks as one order each."""
    accounts = session.desk.account_ids
    mine = [order for order in orders if order.request.account_id in accounts]
    return session.desk.blocks.wholes(mine)


REQUESTS = {
    "reqOpenOrders": open_orders,
    "reqAllOpenOrders": all_open_orders,
    "reqCompletedOrders": completed_orders,
}
