"""What the exchange's books say in the end, and must never say on the way.

It believes nothing that the service says of itself, and reads journals as plain lines of JSON.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from simulated_exchange import Event, Exchange, Order, OrderChanged, Side

from .market import CON_IDS, HELD, PRICES, RESERVE, SYMBOLS, VALUE, WEIGHTS

#: Shares by which a sound plan may miss a target: fitting to whole shares, and the drift that is
#: left alone. An order too many is far beyond it.
_FITTING, _DRIFT = Decimal(1), Decimal("0.006")
#: Commissions, of one dollar an order.
_COSTS = Decimal(40)


def target(symbol: str) -> Decimal:
    """Shares that every account should end with."""
    return (VALUE - RESERVE) * WEIGHTS.get(symbol, Decimal(0)) / PRICES[symbol]


class Witness:
    """Hears of every order before it can trade."""

    def __init__(self, exchange: Exchange, journals: Path) -> None:
        self._exchange = exchange
        self._journals = journals
        #: By the exchange's number, as they are now.
        self.orders: dict[int, Order] = {}
        #: What must never happen, in sentences.
        self.violations: list[str] = []
        exchange.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, OrderChanged):
            order = event.order
            if order.order_id not in self.orders:
                self._first_seen(order)
            self.orders[order.order_id] = order

    def _first_seen(self, order: Order) -> None:
        request = order.request
        if any(other.request.order_ref == request.order_ref for other in self.orders.values()):
            self.violations.append(f"{request.order_ref} was sent twice")
        if request.order_ref not in self._intents(request.account_id):
            self.violations.append(f"{request.order_ref} is not in the journal")
        for other in self.orders.values():
            same = (other.request.account_id, other.request.con_id)
            if same == (request.account_id, request.con_id) and not other.is_done:
                self.violations.append(f"{request.order_ref} beside {other.request.order_ref}")

    def _intents(self, account_id: str) -> set[str]:
        records = self._records(account_id)
        return {r["client_order_id"] for r in records if r["kind"] == "intent"}

    def _records(self, account_id: str) -> list[dict[str, str]]:
        path = self._journals / f"{account_id}.jsonl"
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def on_target(self, account_id: str) -> list[str]:
        """What is wrong with an account whose last run has succeeded."""
        return [*self.violations, *self._never(account_id), *self._off_target(account_id)]

    def untouched(self, account_id: str) -> bool:
        """Whether nothing was ever ordered for the account."""
        orders = self.orders.values()
        return not any(order.request.account_id == account_id for order in orders)

    def _never(self, account_id: str) -> list[str]:
        wrong = []
        orders = [o for o in self.orders.values() if o.request.account_id == account_id]
        outcomes = {
            record["client_order_id"]
            for record in self._records(account_id)
            if record["kind"] == "outcome"
        }
        for order in orders:
            if not order.is_done:
                wrong.append(f"{order.request.order_ref} still works")
            if order.request.order_ref not in outcomes:
                wrong.append(f"{order.request.order_ref} has no outcome in the journal")
        for symbol, con_id in CON_IDS.items():
            filled = {
                side: sum(
                    (
                        o.filled
                        for o in orders
                        if (o.request.con_id, o.request.side) == (con_id, side)
                    ),
                    Decimal(0),
                )
                for side in Side
            }
            if filled[Side.BUY] and filled[Side.SELL]:
                wrong.append(f"{symbol} of {account_id} was bought and sold: {filled}")
            far = abs(target(symbol) - HELD.get(symbol, 0)) + _slack(symbol)
            if max(filled.values()) > far:
                wrong.append(f"{symbol} of {account_id} was traded beyond its target: {filled}")
        return wrong

    def _off_target(self, account_id: str) -> list[str]:
        account = self._exchange.account(account_id)
        held = {SYMBOLS[con_id]: p.quantity for con_id, p in account.positions.items()}
        wrong = [
            f"{account_id} holds {held.get(symbol, 0)} {symbol}, the target is {target(symbol):.1f}"
            for symbol in PRICES
            if abs(held.get(symbol, Decimal(0)) - target(symbol)) > _slack(symbol)
        ]
        if account.cash["USD"] < RESERVE - _COSTS:
            wrong.append(f"{account_id} has {account.cash['USD']} left, less than its reserve")
        return wrong


def _slack(symbol: str) -> Decimal:
    # What one symbol has less, another may have more: the dearest share is 100 dollars.
    return _FITTING + (VALUE * _DRIFT + max(PRICES.values())) / PRICES[symbol]
