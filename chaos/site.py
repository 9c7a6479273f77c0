"""The far side of a case: an exchange, its gateway, and the faults that wait for their moment.

Comes in: a case. Goes out: an address for account processes, the exchange's books, and which faults
have had an effect. It never looks at what the product says.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ibkr_simulator import SimulatedGateway
from simulated_exchange import ExchangeError, OrderChanged, OrderRequest, OrderType, Side

from .case import Anchor, Case, Fault
from .faults import KINDS
from .frames import Frames
from .market import build_exchange, con_ids, usual_quote
from .pace import Pace, PacedClock


class CaseSite:
    """One case's far side, see `faults.kind.Site`; use inside `async with site.gateway:`."""

    def __init__(self, case: Case, pace: Pace) -> None:
        self.world = case.world
        self.exchange = build_exchange(case, PacedClock(pace))
        self.frames = Frames(self._strike)
        self.gateway = SimulatedGateway(self.exchange, recorder=self.frames)
        #: For the account processes that are started next, by account.
        self.mischief: defaultdict[str, list[Fault]] = defaultdict(list)
        self._faults = case.faults
        self._con_ids = con_ids(case.world)
        self.deceived: set[str] = set()
        self._rules: list[tuple[Fault, int]] = []
        self._stalled: list[Fault] = []
        self._fired: list[Fault] = []
        self._busy_until = 0.0
        self.exchange.subscribe(self._hear)

    @property
    def symbols(self) -> dict[int, str]:
        """The symbol of each instrument."""
        return {con_id: symbol for symbol, con_id in self._con_ids.items()}

    def con_id(self, symbol: str) -> int:
        return self._con_ids[symbol]

    def account_id(self, fault: Fault) -> str:
        return self.world.accounts[fault.account].account_id

    # --- faults -----------------------------------------------------------------------------

    def begin_run(self, number: int) -> None:
        """A run that faults may strike is about to start."""
        self.mischief.clear()
        faults = [fault for fault in self._faults if fault.at.run == number]
        for fault in faults:
            if fault.at.anchor is Anchor.START:
                self._strike(fault)
        self.frames.expect([f for f in faults if f.at.anchor is not Anchor.START])

    def _strike(self, fault: Fault) -> None:
        KINDS[fault.kind].strike(self, fault)

    def rule(self, fault: Fault, terms: Mapping[str, Any]) -> None:
        self._rules.append((fault, self.gateway.faults.add(dict(terms))))

    def fired(self, fault: Fault) -> None:
        self._fired.append(fault)

    def stalled(self, fault: Fault) -> None:
        self._stalled.append(fault)

    def deceives(self, symbol: str) -> None:
        self.deceived.add(symbol)

    def lasts(self, seconds: float) -> None:
        end = asyncio.get_running_loop().time() + seconds
        self._busy_until = max(self._busy_until, end)

    def plan_mischief(self, fault: Fault) -> None:
        self.mischief[self.account_id(fault)].append(fault)

    def signal(self, fault: Fault, number: int) -> bool:
        account_id = self.account_id(fault)
        for child in multiprocessing.active_children():
            if child.name == account_id and child.pid is not None:
                os.kill(child.pid, number)
                return True
        return False

    def outsiders_order(self, fault: Fault, side: str, quantity: int, limit: str | None) -> None:
        request = OrderRequest(
            account_id=self.account_id(fault),
            con_id=self.con_id(fault.terms["symbol"]),
            side=Side(side),
            quantity=Decimal(quantity),
            order_type=OrderType.MKT if limit is None else OrderType.LMT,
            limit_price=None if limit is None else Decimal(limit),
        )
        position = self.exchange.account(request.account_id).positions.get(request.con_id)
        if side == "SELL" and (position is None or position.quantity < quantity):
            return  # the campaign is not about people who go short
        try:
            self.exchange.submit(request)
        except ExchangeError:
            return  # not enough money: nobody can trade that by hand either
        self.fired(fault)

    def _hear(self, event: object) -> None:
        if isinstance(event, OrderChanged):
            symbol = self.symbols[event.order.request.con_id]
            self._fired += [f for f in self._stalled if f.terms["symbol"] == symbol]
            self._stalled = [f for f in self._stalled if f.terms["symbol"] != symbol]

    def fired_faults(self) -> list[Fault]:
        """Those that have had an effect so far, as far as this side knows."""
        acted = {rule["number"] for rule in self.gateway.faults.listed() if rule["acted"]}
        self._fired += [fault for fault, number in self._rules if number in acted]
        return [fault for fault in self._faults if fault in self._fired]

    async def take_back(self) -> None:
        """Undo what can be undone, and wait for the end of what ends by itself."""
        self.fired_faults()
        self.gateway.faults.clear()
        self._rules.clear()
        self.frames.expect([])
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._busy_until + 1.0 - loop.time()))
        for order in self.exchange.open_orders():
            if not order.request.order_ref:
                self.exchange.cancel(order.order_id)
        for symbol in self._con_ids:
            self.exchange.set_fill_policy(symbol, None)
            self.exchange.set_quote(self.con_id(symbol), usual_quote(self.world, symbol))
