"""How every table of trades begins: which way, how much of what, and by which order."""

from __future__ import annotations

from rich.text import Text

from .layout import Column, figure, name, price, shares, side
from .results import ExecutedTrade, ProposedTrade


def columns(*, order_rank: int) -> tuple[Column, ...]:
    """The first columns; the order's kind is left out where room is short, by its rank."""
    return (name("Side"), figure("Shares"), name("Symbol"), name("Order", rank=order_rank))


def cells(trade: ProposedTrade | ExecutedTrade) -> tuple[str | Text, ...]:
    """What stands in them."""
    limit = trade.limit_price
    return (
        side(trade.quantity),
        shares(abs(trade.quantity)),
        trade.symbol,
        "market" if limit is None else f"limit {price(limit)}",
    )
