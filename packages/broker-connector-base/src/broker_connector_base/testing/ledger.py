"""The rows of a scripted broker's books: orders and accounts, mutable and open to assertions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from broker_connector_base.models import (
    AccountPosition,
    AccountSnapshot,
    OpenOrder,
    OrderResult,
    OrderUpdate,
)
from broker_connector_base.order_states import OrderStatus

from .behaviour import Behaviour

#: A position's mark: (symbol) -> price per share, or None when nobody knows one.
Mark = Callable[[str], Decimal | None]


@dataclass(kw_only=True, eq=False)
class BookOrder:
    """An order as the broker keeps it; `quantity` is signed, `filled` unsigned shares."""

    order_id: str
    client_id: int
    account_id: str
    symbol: str
    quantity: Decimal
    order_type: str
    behaviour: Behaviour
    limit_price: Decimal | None = None
    time_in_force: str = "DAY"
    client_order_id: str | None = None
    status: OrderStatus = OrderStatus.WORKING
    filled: Decimal = Decimal(0)
    #: Money of all fills, unsigned.
    traded_value: Decimal = Decimal(0)
    code: str | None = None
    message: str | None = None

    @property
    def permanent_id(self) -> str:
        return f"P{self.order_id}"

    @property
    def remaining(self) -> Decimal:
        """Unsigned shares not filled."""
        return abs(self.quantity) - self.filled

    @property
    def average_price(self) -> Decimal | None:
        return self.traded_value / self.filled if self.filled else None

    def result(self) -> OrderResult:
        return OrderResult(
            order_id=self.order_id,
            symbol=self.symbol,
            quantity=self.quantity,
            status=self.status,
            client_order_id=self.client_order_id,
            permanent_id=self.permanent_id,
            filled_quantity=self.filled,
            average_price=self.average_price,
            message=self.message,
        )

    def update(self) -> OrderUpdate:
        return OrderUpdate(
            order_id=self.order_id,
            client_order_id=self.client_order_id,
            permanent_id=self.permanent_id,
            symbol=self.symbol,
            status=self.status,
            filled_quantity=self.filled,
            remaining_quantity=self.remaining,
            average_price=self.average_price,
            code=self.code,
            message=self.message,
        )

    def as_open(self, *, seen_by: int) -> OpenOrder:
        return OpenOrder(
            order_id=self.order_id,
            symbol=self.symbol,
            quantity=self.quantity,
            status=self.status,
            order_type=self.order_type,
            account_id=self.account_id,
            client_order_id=self.client_order_id,
            permanent_id=self.permanent_id,
            filled_quantity=self.filled,
            limit_price=self.limit_price,
            time_in_force=self.time_in_force,
            own=self.client_id == seen_by,
        )


@dataclass(kw_only=True, eq=False)
class Account:
    """Cash (US dollars) and signed shares; trades move both, no limit is enforced."""

    account_id: str
    cash: Decimal
    shares: dict[str, Decimal] = field(default_factory=dict)
    #: Money of sales settles when the test says so (`settle`), and must not be spent before.
    cash_account: bool = False
    unsettled: Decimal = Decimal(0)
    #: Purchases that were paid with money that had not settled: good-faith violations.
    paid_unsettled: int = 0
    #: Holdings that never trade here: options, other currencies, fractional stubs.
    other_positions: tuple[AccountPosition, ...] = ()
    #: Net liquidation to report in place of the sum, for a broker that contradicts itself.
    reported_total: Decimal | None = None
    _old: AccountSnapshot | None = field(default=None, init=False)
    _old_reads: int = field(default=0, init=False)

    def trade(self, symbol: str, quantity: Decimal, price: Decimal, commission: Decimal) -> None:
        """Book a fill of signed `quantity`; the commission is paid in cash."""
        cost = quantity * price + commission
        if self.cash_account and quantity < 0:
            self.unsettled -= cost
        elif self.cash_account and cost > self.cash - self.unsettled:
            self.paid_unsettled += 1
        self.shares[symbol] = self.shares.get(symbol, Decimal(0)) + quantity
        if not self.shares[symbol]:
            del self.shares[symbol]
        self.cash -= cost

    def settle(self) -> None:
        """A settlement day passes."""
        self.unsettled = Decimal(0)

    def keep_showing(self, snapshot: AccountSnapshot, *, reads: int) -> None:
        """Answer the next `reads` reads with this snapshot, as a broker whose books lag does."""
        if self._old_reads == 0:
            self._old = snapshot
        self._old_reads = reads

    def read(self, mark: Mark, now: datetime) -> AccountSnapshot:
        """The snapshot that the broker answers with."""
        if self._old_reads and self._old is not None:
            self._old_reads -= 1
            return self._old
        return self.snapshot(mark, now)

    def snapshot(self, mark: Mark, now: datetime) -> AccountSnapshot:
        """What the account really holds."""
        positions = (*_marked(self.shares, mark), *self.other_positions)
        held = sum((p.market_value or Decimal(0) for p in positions), Decimal(0))
        total = self.cash + held if self.reported_total is None else self.reported_total
        return AccountSnapshot(
            account_id=self.account_id,
            total_value=total,
            cash_balance=self.cash,
            settled_cash=self.cash - self.unsettled,
            cash_account=self.cash_account,
            available_funds=max(self.cash, Decimal(0)),
            positions=positions,
            cash_by_currency={"USD": self.cash},
            as_of=now,
        )


def _marked(shares: Mapping[str, Decimal], mark: Mark) -> Iterable[AccountPosition]:
    for symbol, quantity in sorted(shares.items()):
        price = mark(symbol)
        yield AccountPosition(
            symbol=symbol,
            quantity=quantity,
            market_price=price,
            market_value=None if price is None else price * quantity,
            instrument_id=f"I-{symbol}",
        )
