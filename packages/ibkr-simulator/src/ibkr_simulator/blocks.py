"""Orders that are shared out among accounts: one to the client, several on the exchange.

A client's order for a group comes in with its parts; the order as the client knows it goes out,
made of its parts as they stand. Its terms are kept in the exchange's `extra` and saved with it. Who
gets how much is the adviser's business.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from simulated_exchange import Exchange, Order, OrderState

from .translate.requests import Owner, owner_of

_KEY = "blocks"
_ZERO = Decimal(0)


class Blocks:
    """The blocks on one exchange, by the client and its number of the order."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._kept: dict[str, dict[str, str]] = exchange.extra.setdefault(_KEY, {})
        self._parts: dict[Owner, list[int]] = {}
        for order in (*exchange.completed_orders(), *exchange.open_orders()):
            self.note(order)

    def open(
        self, owner: Owner, account_id: str, quantity: Decimal, terms: Mapping[str, str]
    ) -> None:
        """Keep the terms of a block whose parts follow."""
        kept = {"account": account_id, "quantity": str(quantity)}
        self._kept[_name(owner)] = {**kept, **terms}

    def resize(self, order: Order, quantity: Decimal) -> None:
        """Note another quantity of a block, whose parts follow suit."""
        self._kept[_name(owner_of(order.request))]["quantity"] = str(quantity)

    def note(self, order: Order) -> None:
        """Remember an order if it is part of a block."""
        owner = owner_of(order.request)
        if self._kept and _name(owner) in self._kept:
            parts = self._parts.setdefault(owner, [])
            if order.order_id not in parts:
                parts.append(order.order_id)

    def parts(self, order: Order) -> list[Order]:
        """The orders on the exchange that this one consists of: itself when it is no block."""
        found = self._parts.get(owner_of(order.request), [order.order_id])
        return [self._exchange.order(number) for number in found]

    def whole(self, order: Order) -> Order:
        """The block that this order is a part of, with this part as given; else the order."""
        kept = self._kept and self._kept.get(_name(owner_of(order.request)))
        if not kept:
            return order
        others = [part for part in self.parts(order) if part.order_id != order.order_id]
        parts = sorted((order, *others), key=lambda part: part.order_id)
        quantity = Decimal(kept["quantity"])
        filled = sum((part.filled for part in parts), _ZERO)
        request = replace(parts[0].request, account_id=kept["account"], quantity=quantity)
        return replace(
            parts[0],
            request=request,
            status=_status(parts, filled, quantity),
            updated_at=max(part.updated_at for part in parts),
            filled=filled,
            filled_value=sum((part.filled_value for part in parts), _ZERO),
            last_fill_price=order.last_fill_price or parts[0].last_fill_price,
        )

    def wholes(self, orders: Iterable[Order]) -> list[Order]:
        """Each order once, as its client knows it."""
        found = {whole.order_id: whole for whole in map(self.whole, orders)}
        return list(found.values())

    def terms(self, owner: Owner) -> Mapping[str, Any]:
        """What openOrder says of a block beyond other orders; nothing for an order that is none."""
        kept = self._kept.get(_name(owner), {}) if self._kept else {}
        return {name: text for name, text in kept.items() if name.startswith("fa")}

    def number(self, order_id: int) -> int:
        """The permanent number under which a client knows an order of the exchange."""
        owner = owner_of(self._exchange.order(order_id).request) if self._kept else None
        return min(self._parts[owner]) if owner in self._parts else order_id


def _name(owner: Owner) -> str:
    return f"{owner[0]}/{owner[1]}"


def _status(parts: list[Order], filled: Decimal, quantity: Decimal) -> OrderState:
    """What all parts together amount to."""
    if filled == quantity:
        return OrderState.FILLED
    live = [part.status for part in parts if not part.is_done]
    unfilled = [part.status for part in parts if part.status is not OrderState.FILLED]
    if not live and unfilled:
        return unfilled[0]
    if OrderState.PENDING_CANCEL in live:
        return OrderState.PENDING_CANCEL
    return OrderState.PARTIALLY_FILLED if filled or not live else live[0]
