"""What the exchange's books say in the end, and must never say on the way.

It believes nothing that the service says of itself, and reads journals as plain JSON.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import psycopg

from simulated_exchange import Event, Exchange, Order, OrderChanged, Side

from .market import HELD, PRICES, RESERVE, SYMBOLS, VALUE, WEIGHTS
from .stores import Records

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

    def __init__(self, exchange: Exchange, journals: Records) -> None:
        self._exchange = exchange
        self._records = journals
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
        if not self._is_written_down(request.account_id, request.order_ref):
            self.violations.append(f"{request.order_ref} is not in the journal")
        for other in self.orders.values():
            same = (other.request.account_id, other.request.con_id)
            if same == (request.account_id, request.con_id) and not other.is_done:
                self.violations.append(f"{request.order_ref} beside {other.request.order_ref}")

    def _is_written_down(self, account_id: str, order_ref: str) -> bool:
        try:
            records = self._records(account_id)
        except psycopg.OperationalError:
            # A server that was killed a moment ago tells later: by the end in its journal.
            return True
        return any(r["kind"] == "intent" and r["client_order_id"] == order_ref for r in records)

    def untouched(self, account_id: str) -> bool:
        """Whether nothing was ever ordered for the account."""
        return not self._orders_of(account_id)

    def unfinished(self, account_id: str) -> list[str]:
        """Orders that still work, or whose end is not in the journal."""
        records = self._records(account_id)
        told = {r["client_order_id"] for r in records if r["kind"] == "outcome"}
        return [
            f"{order.request.order_ref} is {order.status}, and has an outcome: {has_outcome}"
            for order in self._orders_of(account_id)
            if not (has_outcome := order.request.order_ref in told) or not order.is_done
        ]

    def on_target(self, account_id: str) -> list[str]:
        """What is wrong with an account whose last run has succeeded."""
        return [
            *self.violations,
            *self.unfinished(account_id),
            *self._traded_too_much(account_id),
            *self._off_target(account_id),
        ]

    def _orders_of(self, account_id: str) -> list[Order]:
        return [o for o in self.orders.values() if o.request.account_id == account_id]

    def _traded_too_much(self, account_id: str) -> list[str]:
        filled = dict.fromkeys(product(PRICES, Side), Decimal(0))
        for order in self._orders_of(account_id):
            filled[SYMBOLS[order.request.con_id], order.request.side] += order.filled
        wrong = []
        for symbol in PRICES:
            bought, sold = filled[symbol, Side.BUY], filled[symbol, Side.SELL]
            way = abs(target(symbol) - HELD.get(symbol, 0)) + _slack(symbol)
            if (bought and sold) or bought + sold > way:
                wrong.append(f"{account_id} bought {bought} and sold {sold} {symbol}")
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
