"""What the exchange's books must never say, looked at with every event.

Comes in: the events of an exchange, the world before the first run, and the folder of journals.
Goes out: sentences, one for each promise that was broken. It reads journals as plain lines of JSON,
by no code of the product, and believes nothing that the product says of itself.
"""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from simulated_exchange import Event, Exchange, Executed, Execution, Order, OrderChanged, Side

from .bounds import Bounds
from .case import World

#: How the product marks its orders (docs: the key of an order).
OUR_PREFIX = "rb:"
#: What a journal calls an order that can trade no more.
_DECIDED = frozenset({"FILLED", "CANCELLED", "REJECTED", "EXPIRED", "NOT_FOUND"})
_ZERO = Decimal(0)


class Witness:
    """Listens to one exchange for the life of a case."""

    def __init__(
        self, exchange: Exchange, world: World, symbols: dict[int, str], journals: Path
    ) -> None:
        self._exchange = exchange
        self._symbols = symbols
        self._journals = journals
        self.bounds = {a.account_id: Bounds(world, a) for a in world.accounts}
        self.violations: list[str] = []
        #: Orders of ours by reference; a reference stands for one order for ever.
        self.orders: dict[str, int] = {}
        #: Executions whose effects are in the next three.
        self._allowed_for = 0
        #: Shares that others traded or that corrections moved, unsigned, by account and symbol.
        self.disturbed: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        #: Money that others' trades and corrections moved, by account.
        self._foreign_cash: defaultdict[str, Decimal] = defaultdict(Decimal)
        #: Symbols in which the broker says of its own accord that live orders have ended.
        self.deceived: set[str] = set()
        self._corrected: set[int] = set()
        self._corrected_cash: defaultdict[str, Decimal] = defaultdict(Decimal)
        #: When the present run began, by the exchange's clock.
        self.began = exchange.clock.now()
        #: Outsiders' orders that worked when the present run began.
        self._in_the_way: set[int] = set()
        #: Our orders when the present run began.
        self._before: set[str] = set()
        exchange.subscribe(self.hear)

    def begin_run(self) -> None:
        """Account processes are about to start."""
        working = self._exchange.open_orders()
        self._in_the_way = {order.order_id for order in working if not is_ours(order)}
        self._before = set(self.orders)
        self.began = self._exchange.clock.now()

    def hear(self, event: Event) -> None:
        """Take an event; the books are complete already."""
        if isinstance(event, OrderChanged) and is_ours(event.order):
            self._see_order(event.order)
        elif isinstance(event, Executed):
            self._see_execution(event.execution)

    def _blame(self, text: str) -> None:
        if text not in self.violations:
            self.violations.append(text)

    # --- orders -----------------------------------------------------------------------------

    def _see_order(self, order: Order) -> None:
        reference = order.request.order_ref
        first = self.orders.setdefault(reference, order.order_id)
        if first != order.order_id:
            self._blame(f"{reference} was sent twice")
        if reference not in self.intents(order.request.account_id):
            self._blame(f"{reference} is at the exchange and not in the journal")
        beside = [other for other in self._live(order) if other.order_id != order.order_id]
        if beside and not order.is_done:
            names = ", ".join(other.request.order_ref or "an outsider's order" for other in beside)
            self._blame(f"{reference} works beside {names} in the same symbol")

    def _live(self, order: Order) -> list[Order]:
        """Orders that must not work at the same time: ours, and what was there before the run."""
        request = order.request
        is_new = request.order_ref not in self._before
        return [
            other
            for other in self._exchange.open_orders(request.account_id)
            if other.request.con_id == request.con_id
            and (is_ours(other) or (is_new and other.order_id in self._in_the_way))
        ]

    def intents(self, account_id: str) -> dict[str, str]:
        """The symbol of each order that the journal knows, whether it was sent or not."""
        records = self._records(account_id)
        return {r["client_order_id"]: r["symbol"] for r in records if r["kind"] == "intent"}

    def _records(self, account_id: str) -> list[dict[str, Any]]:
        try:
            lines = (self._journals / f"{account_id}.jsonl").read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def left_working(self, account_id: str) -> list[str]:
        """Our orders of the present run that still work."""
        return [
            f"{order.request.order_ref} ({order.filled} of {order.request.quantity} filled)"
            for order in self._exchange.open_orders(account_id)
            if is_ours(order)
            and order.request.order_ref not in self._before
            and not self._is_excused(order)
        ]

    def without_outcome(self, account_id: str) -> list[str]:
        """Orders that still work, or whose end is not in the journal."""
        return [
            f"{order.request.order_ref}, {order.status} at the exchange, has no outcome"
            for order, record in self._accounts_of(account_id)
            if record is None or not order.is_done or record["status"] not in _DECIDED
        ]

    def wrong_outcomes(self, account_id: str) -> list[str]:
        """Orders whose last line in the journal is not what the books say of them.

        A correction, and a fill after the broker's own word that the order had ended, come too late
        for the journal: what was written down was true when it was written.
        """
        return [
            f"{order.request.order_ref} filled {order.filled} and is written down as "
            f"{record['status']} with {record['filled_quantity']}"
            for order, record in self._accounts_of(account_id)
            if record is not None
            and record["status"] in _DECIDED
            and not self._is_excused(order)
            and Decimal(str(record["filled_quantity"])) != order.filled
        ]

    def _is_excused(self, order: Order) -> bool:
        corrected = order.order_id in self._corrected
        return corrected or self._symbols[order.request.con_id] in self.deceived

    def _accounts_of(self, account_id: str) -> list[tuple[Order, dict[str, Any] | None]]:
        records = self._records(account_id)
        told = {r["client_order_id"]: r for r in records if r["kind"] == "outcome"}
        orders = [self._exchange.order(order_id) for order_id in self.orders.values()]
        return [
            (order, told.get(order.request.order_ref))
            for order in orders
            if order.request.account_id == account_id
        ]

    # --- executions -------------------------------------------------------------------------

    def _see_execution(self, fill: Execution) -> None:
        # The books are ahead of the events: what moved with this fill has to be known first.
        executions = self._exchange.executions()
        for other in executions[self._allowed_for :]:
            self._allow_for(other)
        self._allowed_for = len(executions)
        if fill.request.order_ref.startswith(OUR_PREFIX) and not _revision(fill):
            self._see_own(fill, self._symbols[fill.request.con_id])

    def _allow_for(self, fill: Execution) -> None:
        """Shares and money that an outsider or a correction has moved."""
        account_id, symbol = fill.request.account_id, self._symbols[fill.request.con_id]
        if _revision(fill):
            self._see_correction(fill, symbol)
        elif not fill.request.order_ref.startswith(OUR_PREFIX):
            self.disturbed[account_id, symbol] += fill.quantity
            report = self._exchange.commission_report(fill.exec_id)
            self._foreign_cash[account_id] -= fill.signed_quantity * fill.price + report.commission

    def _see_correction(self, fill: Execution, symbol: str) -> None:
        account_id = fill.request.account_id
        earlier = self._exchange.executions(account_id=account_id)
        same = [f for f in earlier if _stem(f) == _stem(fill) and f.exec_id < fill.exec_id]
        before = same[-1]
        self._corrected.add(fill.order_id)
        self.disturbed[account_id, symbol] += abs(before.quantity - fill.quantity)
        moved = before.quantity * before.price - fill.quantity * fill.price
        self._corrected_cash[account_id] += abs(moved)

    def _see_own(self, fill: Execution, symbol: str) -> None:
        account_id = fill.request.account_id
        bounds, account = self.bounds[account_id], self._exchange.account(account_id)
        if symbol not in bounds.mids:
            self._blame(f"{fill.request.order_ref} traded what was to be left alone")
            return
        position = account.positions.get(fill.request.con_id)
        held = position.quantity if position else _ZERO
        slack = self.disturbed[account_id, symbol]
        # Somebody else may have sold what we were selling.
        if held < -slack:
            self._blame(f"{symbol} of {account_id} is short: {held}")
        if fill.request.side is Side.BUY:
            if held > bounds.most(symbol) + slack:
                self._blame(
                    f"{account_id} holds {held} {symbol} after buying, and no sound plan buys "
                    f"more than {bounds.most(symbol):.1f} (+{slack})"
                )
            self._check_cash(account_id, account.cash["USD"], bounds.reserve)
            if bounds.account.settles:
                self._check_cash(account_id, account.settled_cash["USD"], _ZERO)
        elif held < bounds.least(symbol) - slack:
            self._blame(
                f"{account_id} holds {held} {symbol} after selling, and no sound plan keeps "
                f"less than {bounds.least(symbol):.1f} (-{slack})"
            )

    def _check_cash(self, account_id: str, cash: Decimal, reserve: Decimal) -> None:
        least = reserve * Decimal("0.98") - 2 - self._corrected_cash[account_id]
        # A trade of somebody else may have taken the money after the plan, or added to it before.
        if max(cash, cash - self._foreign_cash[account_id]) < least:
            self._blame(
                f"cash of {account_id} is {cash} after buying, and {reserve:.2f} has to stay"
            )

    # --- at the end -------------------------------------------------------------------------

    def distance(self, account_id: str) -> list[str]:
        """Where the account is off its targets by more than whole shares explain."""
        bounds, account = self.bounds[account_id], self._exchange.account(account_id)
        held = {self._symbols[c]: p.quantity for c, p in account.positions.items()}
        dearest = max(bounds.mids.values())
        stocks = sum((bounds.mids[s] * held.get(s, _ZERO) for s in bounds.mids), _ZERO)
        value = account.cash["USD"] + stocks
        reserve = max(value * bounds.account.reserve_percent / 100, Decimal(100))
        off = []
        waits = account.cash["USD"] - account.settled_cash["USD"] > 1
        for symbol, mid in bounds.mids.items():
            weight = bounds.account.weights.get(symbol, _ZERO)
            shares, target = held.get(symbol, _ZERO), (value - reserve) * weight
            room = value * Decimal("0.012") + Decimal("1.5") * dearest if weight else _ZERO
            missing = target - shares * mid
            if -missing > room or (missing > room and not waits):
                off.append(f"{symbol}: {shares} shares, the target is {target / mid:.1f}")
        for symbol in bounds.account.held.keys() - bounds.mids.keys():
            if held.get(symbol, _ZERO) != bounds.account.held[symbol]:
                off.append(f"{symbol} was to be left alone: {held.get(symbol, _ZERO)}")
        return off

    def churn(self, account_id: str) -> list[str]:
        """Symbols that were traded to and fro, beyond what a better fit is worth: a later round may
        sell a few cheap shares again, of what the first one bought, to pay for one dear share.
        """
        net: defaultdict[str, Decimal] = defaultdict(Decimal)
        gross: defaultdict[str, Decimal] = defaultdict(Decimal)
        for fill in self._effective(account_id):
            symbol = self._symbols[fill.request.con_id]
            net[symbol] += fill.signed_quantity
            gross[symbol] += fill.quantity
        found = []
        for symbol in gross:
            slack = 2 * self.bounds[account_id].refit(symbol)
            slack += 2 * self.disturbed[account_id, symbol]
            if gross[symbol] - abs(net[symbol]) > slack:
                found.append(f"{gross[symbol]} {symbol} traded for a change of {net[symbol]}")
        return found

    def _effective(self, account_id: str) -> list[Execution]:
        latest: dict[str, Execution] = {}
        for fill in self._exchange.executions(account_id=account_id):
            if fill.request.order_ref.startswith(OUR_PREFIX):
                latest[_stem(fill)] = fill
        return list(latest.values())


def is_ours(order: Order) -> bool:
    """Whether a rebalance placed it, by its reference."""
    return order.request.order_ref.startswith(OUR_PREFIX)


def _stem(fill: Execution) -> str:
    """What corrections of an execution have in common."""
    return fill.exec_id.rpartition(".")[0]


def _revision(fill: Execution) -> int:
    """0 for the first report of an execution."""
    return int(fill.exec_id.rpartition(".")[2]) - 1
