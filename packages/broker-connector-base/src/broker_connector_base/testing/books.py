"""The far side of a `FakeBroker`: the broker's own books and its market, scripted by a test.

Comes in: orders and cancellations of the sessions, and what the test decides (quotes, fills,
faults, behaviours). Goes out: events to the session that placed the order, and books to assert on.
The books outlive every session, as a broker outlives its clients. They enforce no cash limit and no
ban on shorts: whether a caller respects those is what a test wants to see.

Every price and quantity may be given as int, str or Decimal.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from broker_connector_base.models import (
    AccountPosition,
    Fill,
)
from broker_connector_base.order_states import OrderStatus, advance

from .behaviour import FILLS, RESTS, Behaviour, OnCancel, Reject
from .ledger import Account, BookOrder
from .market import Amount, Market
from .sessions import Sessions
from .virtual_time import LoopClock


def one_dollar(quantity: Decimal, price: Decimal) -> Decimal:
    """The default commission: easy to add up by hand."""
    return Decimal(1)


class Books(Market, Sessions):
    """Accounts, instruments, quotes, orders and executions of one scripted broker."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime] | None = None,
        commission: Callable[[Decimal, Decimal], Decimal] = one_dollar,
    ) -> None:
        Market.__init__(self, now or LoopClock().now, self._match_all)
        Sessions.__init__(self)
        self.accounts: dict[str, Account] = {}
        #: Every order that reached the market, oldest first, rejected ones included.
        self.orders: list[BookOrder] = []
        #: Every execution at its last correction, oldest first.
        self.executions: list[Fill] = []
        #: How many snapshot reads after a fill still show the account as it was before.
        self.snapshot_lag = 0
        self._commission = commission
        self._scripts: defaultdict[str, deque[Behaviour]] = defaultdict(deque)
        self._untold: dict[str, Fill] = {}
        self._orders_before = 0
        self._executions_before = 0

    # --- what a test sets up -------------------------------------------------------------------

    def add_account(
        self,
        account_id: str,
        *,
        cash: Amount,
        shares: Mapping[str, Amount] | None = None,
        other_positions: tuple[AccountPosition, ...] = (),
    ) -> Account:
        """Open an account with dollars and signed shares."""
        account = Account(
            account_id=account_id,
            cash=Decimal(cash),
            shares={symbol: Decimal(held) for symbol, held in (shares or {}).items()},
            other_positions=other_positions,
        )
        self.accounts[account_id] = account
        return account

    def script(self, symbol: str, *behaviours: Behaviour) -> None:
        """Give the next orders in `symbol` one behaviour each; the last one stays in force."""
        self._scripts[symbol] = deque(behaviours)

    # --- what the test, or the market, does to orders ------------------------------------------

    def place_foreign_order(
        self,
        account_id: str,
        symbol: str,
        quantity: Amount,
        *,
        limit_price: Amount | None = None,
        client_id: int = 0,
        client_order_id: str | None = None,
    ) -> BookOrder:
        """An order from another client or by hand; it rests until the test fills or ends it."""
        order = BookOrder(
            order_id=self.next_order_id(),
            client_id=client_id,
            account_id=account_id,
            symbol=symbol,
            quantity=Decimal(quantity),
            order_type="MARKET" if limit_price is None else "LIMIT",
            limit_price=None if limit_price is None else Decimal(limit_price),
            client_order_id=client_order_id,
            behaviour=RESTS,
        )
        self.receive(order)
        return order

    def fill(
        self, order: BookOrder, quantity: Amount | None = None, *, price: Amount | None = None
    ) -> Fill:
        """Execute `quantity` unsigned shares (default: all that remain), even of an ended order.

        The default price is the quote's far side when it is reached, else the limit, else the mark.
        """
        shares = order.remaining if quantity is None else Decimal(quantity)
        if not 0 < shares <= order.remaining:
            raise ValueError(f"cannot fill {shares} of {order.remaining} remaining shares")
        at = self._price_of(order) if price is None else Decimal(price)
        signed = shares.copy_sign(order.quantity)
        commission = self._commission(signed, at)
        account = self.accounts[order.account_id]
        if self.snapshot_lag:
            account.keep_showing(account.snapshot(self.mark, self.now()), reads=self.snapshot_lag)
        account.trade(order.symbol, signed, at, commission)
        order.filled += shares
        order.traded_value += shares * at
        if not order.remaining:
            order.status = OrderStatus.FILLED
        return self._execute(order, signed, at, commission)

    def end(
        self,
        order: BookOrder,
        status: OrderStatus = OrderStatus.CANCELLED,
        *,
        code: str | None = None,
        message: str | None = None,
    ) -> None:
        """The broker ends (or revives) an order: cancelled, expired, rejected, working again."""
        order.status = advance(order.status, status)
        order.code, order.message = code, message
        self._tell(order)

    def report_commissions(self) -> None:
        """Tell all commissions that were held back; each fill is reported again with its own."""
        for execution_id, told in self._untold.items():
            self._replace_execution(execution_id, told)
        self._untold.clear()

    def correct_execution(self, execution_id: str, *, price: Amount) -> None:
        """Correct the price of an execution, as an exchange may; cash follows."""
        was = next(e for e in self.executions if e.execution_id == execution_id)
        now = was.model_copy(update={"price": Decimal(price)})
        self.accounts[was.account_id].cash -= was.quantity * (now.price - was.price)
        self._replace_execution(execution_id, now)

    def begin_trading_day(self) -> None:
        """DAY orders expire; executions and ended orders are no longer reported."""
        for order in self.orders:
            if order.status.is_live and order.time_in_force == "DAY":
                self.end(order, OrderStatus.EXPIRED)
        self._orders_before = len(self.orders)
        self._executions_before = len(self.executions)

    # --- what a session asks -------------------------------------------------------------------

    def next_behaviour(self, symbol: str) -> Behaviour:
        """How the next order in the symbol fares."""
        script = self._scripts[symbol]
        if not script:
            return FILLS
        return script.popleft() if len(script) > 1 else script[0]

    def next_order_id(self) -> str:
        return str(len(self.orders) + 1)

    def receive(self, order: BookOrder) -> None:
        """An order reaches the broker: it is rejected, or works and trades."""
        self.orders.append(order)
        if isinstance(refusal := self._refusal(order), Reject):
            self.end(order, OrderStatus.REJECTED, code=refusal.code, message=refusal.text)
            return
        self._tell(order)
        if order.behaviour.delay:
            asyncio.get_running_loop().call_later(order.behaviour.delay, self._match, order)
        else:
            self._match(order)
        if order.time_in_force == "IOC" and order.status.is_live:
            self.end(order)

    def cancel(self, order: BookOrder) -> None:
        """A cancellation reaches the broker."""
        on_cancel = order.behaviour.on_cancel
        if order.status.is_final:
            on_cancel = Reject(code="10148", text=f"cannot be cancelled, state: {order.status}")
        if isinstance(on_cancel, Reject):
            order.code, order.message = on_cancel.code, on_cancel.text
            self._tell(order)
        elif on_cancel is OnCancel.FILL_FIRST:
            self.fill(order)
        else:
            self.end(order, OrderStatus.CANCELLING)
            if on_cancel is OnCancel.CONFIRM:
                self.end(order, OrderStatus.CANCELLED)

    def orders_of_today(self, account_id: str) -> list[BookOrder]:
        """What the broker still tells: working orders, and all placed in this trading day."""
        known = [
            order
            for number, order in enumerate(self.orders)
            if number >= self._orders_before or order.status.is_live
        ]
        return [order for order in known if order.account_id == account_id]

    def executions_of_today(self, account_id: str) -> list[Fill]:
        today = self.executions[self._executions_before :]
        return [fill for fill in today if fill.account_id == account_id]

    # --- inside --------------------------------------------------------------------------------

    def _refusal(self, order: BookOrder) -> Reject | None:
        instrument = self.instruments[order.symbol]
        if isinstance(order.behaviour.arrival, Reject):
            return order.behaviour.arrival
        if order.limit_price is not None and order.limit_price % instrument.min_tick:
            return Reject(code="110", text="The price does not conform to the minimum variation")
        if order.quantity % instrument.lot_size:
            return Reject(code="10243", text="Fractional-sized order cannot be placed")
        return None

    def _match(self, order: BookOrder) -> None:
        """Fill what the quote reaches and the script allows."""
        allowed = order.behaviour.fills
        shares = order.remaining
        if allowed is not None:
            shares = min(shares, Decimal(allowed) - order.filled)
        if shares > 0 and order.status.is_live and self.reached_price(order) is not None:
            self.fill(order, shares)

    def _match_all(self, symbol: str) -> None:
        for order in self.orders:
            if order.symbol == symbol:
                self._match(order)

    def _price_of(self, order: BookOrder) -> Decimal:
        price = self.reached_price(order) or order.limit_price or self.mark(order.symbol)
        if price is None:
            raise ValueError(f"no price for {order.symbol}: pass one, or set a quote")
        return price

    def _execute(
        self, order: BookOrder, signed: Decimal, price: Decimal, commission: Decimal
    ) -> Fill:
        execution = Fill(
            execution_id=f"E{len(self.executions) + 1}",
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            permanent_id=order.permanent_id,
            account_id=order.account_id,
            symbol=order.symbol,
            quantity=signed,
            price=price,
            at=self.now(),
        )
        told = execution.model_copy(update={"commission": commission, "commission_currency": "USD"})
        if order.behaviour.commission_told:
            execution = told
        else:
            self._untold[told.execution_id] = told
        self.executions.append(execution)
        self.send(order.client_id, order.account_id, execution)
        self._tell(order)
        return execution

    def _replace_execution(self, execution_id: str, corrected: Fill) -> None:
        place = [e.execution_id for e in self.executions].index(execution_id)
        self.executions[place] = corrected
        owner = next(o.client_id for o in self.orders if o.order_id == corrected.order_id)
        self.send(owner, corrected.account_id, corrected)

    def _tell(self, order: BookOrder) -> None:
        self.send(order.client_id, order.account_id, order.update())
