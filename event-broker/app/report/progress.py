"""Progress of an account process as lines of text: events come in as JSON, lines go out."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel

from broker_connector_base.order_states import OrderStatus


class _Order(BaseModel):
    """The part of an order's progress that a line shows."""

    client_order_id: str
    symbol: str
    quantity: float
    status: str
    filled_quantity: float
    average_price: float | None = None
    message: str | None = None


class _Event(BaseModel):
    """The part of a progress event that a line shows."""

    stage: str | None = None
    message: str | None = None
    order: _Order | None = None


class ProgressLines:
    """Says one line an event, and only when a person learns something from it."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last_step = ""
        #: Of each order, what was said last: state, shares filled and the broker's words.
        self._told: dict[str, tuple[str, float, str | None]] = {}

    def __call__(self, event: bytes) -> None:
        """Say what the event (JSON) tells."""
        read = _Event.model_validate_json(event)
        line = _line(read)
        if self._is_news(read.order) if read.order else line != self._last_step:
            self._say(line)
        if read.order is None:
            self._last_step = line

    def _is_news(self, order: _Order) -> bool:
        if order.status == OrderStatus.FILLED and order.average_price is None:
            # The execution that tells the price comes right behind.
            return False
        now = (order.status, order.filled_quantity, order.message)
        if self._told.get(order.client_order_id) == now:
            return False
        self._told[order.client_order_id] = now
        return True


def _line(event: _Event) -> str:
    stage = f"{event.stage or '':<12}"
    if event.order is None:
        return f"{stage} {event.message or ''}".rstrip() or "..."
    order = event.order
    verb = "buy" if order.quantity > 0 else "sell"
    line = f"{stage} {verb:<4} {abs(order.quantity):>8,g} {order.symbol:<6} {order.status.lower()}"
    if order.filled_quantity:
        line += f" {order.filled_quantity:,g}"
        line += f" at {order.average_price:,.4f}" if order.average_price is not None else ""
    return f"{line}: {order.message}" if order.message else line
