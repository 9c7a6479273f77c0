"""What is shown of a case that broke a promise: outcomes, books, journals, the last frames.

Comes in: a verdict and the far side as it ended. Goes out: lines of text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .site import CaseSite

if TYPE_CHECKING:
    from .verdict import Verdict


def trace(verdict: Verdict, site: CaseSite, journals: Path) -> list[str]:
    """Headings, and indented lines under each."""
    parts = {
        "outcomes": (str(outcome) for outcome in verdict.outcomes),
        "orders": _orders(site),
        "executions": _executions(site),
        "accounts": _accounts(site),
        "journals": _journals(journals),
        "frames": site.frames.lines(),
    }
    return [line for name, lines in parts.items() for line in (f"{name}:", *_indented(lines))]


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _orders(site: CaseSite) -> Iterator[str]:
    exchange = site.exchange
    orders = (*exchange.completed_orders(), *exchange.open_orders())
    for order in sorted(orders, key=lambda order: order.order_id):
        request = order.request
        limit = "at the market" if request.limit_price is None else f"at {request.limit_price}"
        yield (
            f"{order.submitted_at:%H:%M:%S.%f} {request.order_ref or 'an outsider'} "
            f"{request.account_id} {request.side} {request.quantity} "
            f"{site.symbols[request.con_id]} {limit}: {order.status}, {order.filled} filled"
        )


def _executions(site: CaseSite) -> Iterator[str]:
    for fill in site.exchange.executions():
        reference = fill.request.order_ref or "an outsider"
        yield (
            f"{fill.at:%H:%M:%S.%f} {fill.exec_id} {reference} {fill.signed_quantity:+} "
            f"{site.symbols[fill.request.con_id]} at {fill.price}"
        )


def _accounts(site: CaseSite) -> Iterator[str]:
    for world in site.world.accounts:
        account = site.exchange.account(world.account_id)
        held = {site.symbols[c]: str(p.quantity) for c, p in account.positions.items()}
        yield f"{world.account_id}: cash {account.cash['USD']}, holds {held}"


def _journals(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.jsonl")):
        yield from path.read_text().splitlines()
