"""Progress of an account process as lines of text: events come in as JSON, lines go out."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel


class _Order(BaseModel):
    """The part of an order's progress that a line shows."""

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
    """Says one line an event; repeated lines are said once."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last = ""

    def __call__(self, event: bytes) -> None:
        """Say what the event (JSON) tells."""
        line = _line(_Event.model_validate_json(event))
        if line != self._last:
            self._say(line)
        self._last = line


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
