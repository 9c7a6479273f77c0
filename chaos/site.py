"""The far side of a case: an exchange, its gateway, and the faults that wait for their moment.

Comes in: a case. Goes out: an address for account processes, the exchange's books, and which faults
have had an effect. It never looks at what the product says.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from ibkr_simulator import SimulatedGateway
from ibkr_simulator.codec import reply_name, request_name
from ibkr_simulator.faults import Direction
from ibkr_simulator.transcript import HELLO
from simulated_exchange import (
    Exchange,
    ExchangeError,
    FillPolicy,
    Instrument,
    LatencyModel,
    OrderChanged,
    OrderRequest,
    OrderType,
    Quote,
    Side,
)

from .case import OPTION, SHORT, Anchor, Case, Fault, Moment
from .faults import KINDS
from .pace import Pace, PacedClock

_SIZE = Decimal(1_000_000)
#: Frames that come by the dozen and are no step of a run.
_NO_STEPS = frozenset({"accountUpdateMulti", "tickPrice", "tickSize", "tickString", "tickGeneric"})
#: Frames of the end of a case that are kept for whoever has to understand it.
_KEPT_FRAMES = 400


class Frames:
    """Counts the frames of a run and tells when a moment has come; the gateway's recorder."""

    def __init__(self) -> None:
        self.kept: deque[tuple[datetime, int, str, bytes]] = deque(maxlen=_KEPT_FRAMES)
        self._waiting: list[tuple[Moment, Fault]] = []
        self._counts: Counter[Anchor] = Counter()
        self.strike: Any = None

    def expect(self, faults: list[Fault]) -> None:
        """A run begins that these faults belong to."""
        self._counts.clear()
        self._waiting = [(fault.at, fault) for fault in faults]

    def note(
        self, at: datetime, connection: int, direction: Direction, payload: bytes, *, hello: bool
    ) -> None:
        """A frame comes by; a request has not been handled yet."""
        name = HELLO
        if not hello:
            name = (request_name if direction is Direction.REQUEST else reply_name)(payload)
        if name in _NO_STEPS:
            return
        self.kept.append((at, connection, name, payload))
        if not self._waiting:
            return
        for anchor, starts in _STARTS.items():
            if self._counts[anchor] or starts in ("", name):
                self._counts[anchor] += 1
        due = [found for found in self._waiting if self._counts[found[0].anchor] > found[0].step]
        for found in due:
            self._waiting.remove(found)
            self.strike(found[1])


#: The frame that each count begins with; "" for any.
_STARTS = {Anchor.FRAME: "", Anchor.ORDER: "placeOrder", Anchor.FILL: "execDetails"}


class CaseSite:
    """One case's far side, see `faults.kind.Site`; use inside `async with site.gateway:`."""

    def __init__(self, case: Case, pace: Pace) -> None:
        self.world = case.world
        self._faults = case.faults
        self._con_ids = {stock.symbol: 1000 + at for at, stock in enumerate(case.world.stocks)}
        self._con_ids |= {OPTION: 2000, SHORT: 2001}
        self.exchange = self._build(case, PacedClock(pace))
        self.frames = Frames()
        self.frames.strike = self._strike
        self.gateway = SimulatedGateway(self.exchange, recorder=self.frames)  # type: ignore[arg-type]
        self.exchange.subscribe(self._hear)
        self._rules: list[tuple[Fault, int]] = []
        self._stalled: list[Fault] = []
        self._pids: dict[str, int] = {}
        self._busy_until = 0.0
        self._fired: list[Fault] = []
        #: For the account processes that are started next, by account.
        self.mischief: defaultdict[str, list[Fault]] = defaultdict(list)

    # --- the world --------------------------------------------------------------------------

    def _build(self, case: Case, clock: PacedClock) -> Exchange:
        world = case.world
        instruments = [
            Instrument(con_id=self._con_ids[s.symbol], symbol=s.symbol) for s in world.stocks
        ]
        instruments.append(
            Instrument(
                con_id=2000,
                symbol=OPTION,
                sec_type="OPT",
                strike=Decimal(50),
                right="C",
                last_trade_date="20270115",
                multiplier=Decimal(100),
            )
        )
        instruments.append(Instrument(con_id=2001, symbol=SHORT))
        exchange = Exchange(
            clock=clock,
            instruments=instruments,
            seed=case.seed,
            latency=LatencyModel(low=0.0, high=world.latency),
        )
        for symbol in self._con_ids:
            exchange.set_quote(self._con_ids[symbol], self._quote(symbol))
        for account in world.accounts:
            shorts = any(quantity < 0 for quantity in account.held.values())
            exchange.open_account(
                account.account_id,
                cash={"USD": account.cash},
                positions={
                    self._con_ids[symbol]: (Decimal(quantity), Decimal(10))
                    for symbol, quantity in account.held.items()
                },
                margin=shorts,
                allow_short=shorts,
            )
        exchange.fill_policy = self._usual_fills(exchange)
        return exchange

    def _usual_fills(self, exchange: Exchange) -> FillPolicy:
        world = self.world
        if world.slices == 1:
            return FillPolicy.immediate()
        return FillPolicy.partial(*([7] * (world.slices - 1)), gap=world.gap)

    def _quote(self, symbol: str) -> Quote:
        if symbol in (OPTION, SHORT):
            bid, ask = Decimal("4.99"), Decimal("5.01")
        else:
            stock = self.world.stock(symbol)
            bid, ask = stock.bid, stock.ask
        mid = (bid + ask) / 2
        return Quote(bid=bid, ask=ask, last=mid, close=mid, bid_size=_SIZE, ask_size=_SIZE)

    def con_id(self, symbol: str) -> int:
        return self._con_ids[symbol]

    def symbol(self, con_id: int) -> str:
        """The other way round."""
        return next(symbol for symbol, number in self._con_ids.items() if number == con_id)

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
        try:
            self.exchange.submit(request)
        except ExchangeError:
            return  # not enough shares or money: nobody can trade that by hand either
        self.fired(fault)

    def _hear(self, event: object) -> None:
        if isinstance(event, OrderChanged):
            symbol = self.symbol(event.order.request.con_id)
            self._fired += [f for f in self._stalled if f.terms["symbol"] == symbol]
            self._stalled = [f for f in self._stalled if f.terms["symbol"] != symbol]

    def fired_faults(self) -> list[Fault]:
        """Those that have had an effect so far, as far as this side knows."""
        acted = {rule["number"] for rule in self.gateway.faults.listed() if rule["acted"]}
        self._fired += [fault for fault, number in self._rules if number in acted]
        unique: list[Fault] = []
        for fault in self._fired:
            if fault not in unique:
                unique.append(fault)
        self._fired = unique
        return unique

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
            self.exchange.set_quote(self.con_id(symbol), self._quote(symbol))


def frames_as_text(frames: Frames) -> Iterator[str]:
    """The frames that were kept, a line each."""
    for at, connection, name, payload in frames.kept:
        text = payload.decode("utf-8", "replace").replace("\0", "|")
        yield f"{at:%H:%M:%S.%f} #{connection} {name} {text[:160]}"
