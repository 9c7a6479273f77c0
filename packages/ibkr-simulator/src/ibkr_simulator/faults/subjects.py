"""What a message is about: a symbol, an order.

A message and the session it belongs to come in; the terms that rules match on go out. Messages name
their subject in many ways, and some only by an id that the exchange has to be asked for.
"""

from typing import TYPE_CHECKING, NamedTuple

from ibkr_simulator.codec import Message
from ibkr_simulator.translate.requests import owner_of
from simulated_exchange import Order

if TYPE_CHECKING:
    from ibkr_simulator.session import Session

#: messages whose `reqId` may be the number of an order
_ABOUT_ORDERS = ("errMsg",)


class Subject(NamedTuple):
    """`""` and None for what the message is not about."""

    symbol: str = ""
    order_id: int | None = None
    order_ref: str = ""


def subject_of(session: "Session | None", message: Message) -> Subject:
    """What this message is about, as far as it can be known."""
    fields = message.fields
    order = None if session is None else _order(session, message)
    symbol = fields.get("symbol") or ""
    con_id = fields.get("conId") or (order.request.con_id if order else _streamed(session, message))
    if not symbol and con_id and session is not None:
        listed = session.desk.exchange.find_instruments(con_id=con_id)
        symbol = listed[0].symbol if listed else ""
    if order is not None:
        return Subject(symbol, owner_of(order.request)[1], order.request.order_ref)
    order_id = fields.get("orderId") if "orderId" in fields else None
    return Subject(symbol, order_id, fields.get("orderRef") or "")


def _order(session: "Session", message: Message) -> Order | None:
    fields, desk = message.fields, session.desk
    if "execId" in fields and "orderId" not in fields:
        for execution in reversed(desk.exchange.executions()):
            if execution.exec_id == fields["execId"]:
                return desk.exchange.order(execution.order_id)
    name = "reqId" if message.name in _ABOUT_ORDERS else "orderId"
    if name not in fields:
        return None
    return desk.order_ids.find(fields.get("clientId", session.client_id), fields[name])


def _streamed(session: "Session | None", message: Message) -> int | None:
    if session is None or not message.name.startswith("tick"):
        return None
    line = session.subscriptions.market_data.get(message.fields.get("reqId", -1))
    return None if line is None else line.con_id
