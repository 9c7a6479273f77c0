"""What an account owns, and what it is worth.

Comes in: fills and marks. Goes out: `Account`, an immutable view with every figure computed at one
instant. Never: a decision on an order; the figures here only say what there is.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

ZERO = Decimal(0)
#: Reg T (12 CFR 220.12): initial margin on stocks, long or short, as a fraction of their value
INITIAL_MARGIN = Decimal("0.50")
#: FINRA rule 4210(c): maintenance margin on long stock
MAINTENANCE_MARGIN = Decimal("0.25")

#: con_id -> (price x multiplier in the instrument's currency, that currency)
Mark = Callable[[int], tuple[Decimal, str]]
#: (from currency, to currency) -> rate
Rate = Callable[[str, str], Decimal]


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A holding; quantity is negative when short. Money is in the instrument's currency."""

    con_id: int
    quantity: Decimal
    #: per unit, contract multiplier and commissions included, positive also when short
    average_cost: Decimal
    #: per unit, without the multiplier
    market_price: Decimal
    market_value: Decimal
    unrealized_pnl: Decimal
    realized_pnl: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """One account at one instant; money in `base_currency` unless it says per currency."""

    account_id: str
    account_type: str
    base_currency: str
    margin: bool
    allow_short: bool
    #: per currency, negative when borrowed
    cash: Mapping[str, Decimal]
    #: per currency, cash without the proceeds of sales that have not settled
    settled_cash: Mapping[str, Decimal]
    #: currency -> value of one unit in the base currency
    exchange_rates: Mapping[str, Decimal]
    positions: Mapping[int, Position]
    total_cash: Decimal
    #: sum of the positions' absolute values
    gross_position_value: Decimal
    net_liquidation: Decimal
    unrealized_pnl: Decimal
    #: since the account was opened
    realized_pnl: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    available_funds: Decimal
    excess_liquidity: Decimal
    buying_power: Decimal


@dataclass(slots=True)
class Holding:
    """The books' own record of a position: exact cost, not its average."""

    quantity: Decimal = ZERO
    #: signed: what the open quantity cost, commissions included; negative when short
    cost: Decimal = ZERO
    realized: Decimal = ZERO

    @property
    def average_cost(self) -> Decimal:
        return self.cost / self.quantity if self.quantity else ZERO

    def book(self, quantity: Decimal, value: Decimal, commission: Decimal) -> Decimal | None:
        """Book a signed fill of that signed value; returns what it realized, None if it opened.

        Closing takes its share of the cost out at average; the commission goes to cost for the
        part that opens and against the result for the part that closes, as Interactive Brokers
        reports average cost and realized P&L.
        """
        closing = min(abs(quantity), abs(self.quantity)) if quantity * self.quantity < 0 else ZERO
        if not closing:
            self.quantity += quantity
            self.cost += value + commission
            return None
        share = closing / abs(quantity)
        closed_cost = self.cost * closing / abs(self.quantity)
        realized = -value * share - closed_cost - commission * share
        self.quantity += quantity
        self.cost += -closed_cost + (value + commission) * (1 - share)
        self.realized += realized
        return realized


@dataclass(slots=True)
class Unsettled:
    settles: datetime
    currency: str
    amount: Decimal


@dataclass(slots=True)
class Ledger:
    """One account's books. Only `book` moves cash or shares."""

    account_id: str
    account_type: str
    base_currency: str
    margin: bool
    allow_short: bool
    settlement_days: int
    cash: dict[str, Decimal]
    holdings: dict[int, Holding]
    unsettled: deque[Unsettled] = field(default_factory=deque)
    #: what working buy orders may still cost, per currency
    reserved: dict[str, Decimal] = field(default_factory=dict)
    #: what working sell orders may still sell, per instrument
    offered: dict[int, Decimal] = field(default_factory=dict)

    def book(
        self,
        con_id: int,
        currency: str,
        quantity: Decimal,
        value: Decimal,
        commission: Decimal,
        at: datetime,
    ) -> tuple[Holding, Decimal | None]:
        """Move cash and shares for one signed fill; returns the holding and what was realized."""
        holding = self.holdings.get(con_id)
        if holding is None:
            holding = self.holdings[con_id] = Holding()
        realized = holding.book(quantity, value, commission)
        self.cash[currency] = self.cash.get(currency, ZERO) - value - commission
        if self.settlement_days and value < 0:
            settles = business_days_later(at, self.settlement_days)
            self.unsettled.append(Unsettled(settles, currency, -value - commission))
        return holding, realized

    def quantity(self, con_id: int) -> Decimal:
        holding = self.holdings.get(con_id)
        return holding.quantity if holding else ZERO

    def settled_cash(self, at: datetime) -> dict[str, Decimal]:
        """Cash that has settled, per currency; forgets sales whose money has arrived."""
        while self.unsettled and self.unsettled[0].settles <= at:
            self.unsettled.popleft()
        settled = dict(self.cash)
        for sale in self.unsettled:
            settled[sale.currency] -= sale.amount
        return settled

    def available_funds(self, mark: Mark, rate: Rate) -> Decimal:
        """What may still be committed, in base currency, before open orders are counted."""
        total = sum((rate(c, self.base_currency) * a for c, a in self.cash.items()), ZERO)
        if not self.margin:
            return total
        for con_id, holding in self.holdings.items():
            if holding.quantity:
                price, currency = mark(con_id)
                value = price * holding.quantity * rate(currency, self.base_currency)
                total += value - abs(value) * INITIAL_MARGIN
        return total

    def view(
        self, at: datetime, mark: Mark, rate: Rate, multiplier: Callable[[int], Decimal]
    ) -> Account:
        """The account as it stands, every figure from the same marks."""
        base = self.base_currency
        positions = {}
        net = gross = unrealized = realized = ZERO
        for con_id, holding in self.holdings.items():
            price, currency = mark(con_id)
            to_base = rate(currency, base)
            value = price * holding.quantity
            positions[con_id] = Position(
                con_id=con_id,
                quantity=holding.quantity,
                average_cost=holding.average_cost,
                market_price=price / multiplier(con_id),
                market_value=value,
                unrealized_pnl=value - holding.cost,
                realized_pnl=holding.realized,
            )
            net += value * to_base
            gross += abs(value) * to_base
            unrealized += (value - holding.cost) * to_base
            realized += holding.realized * to_base
        rates = {currency: rate(currency, base) for currency in self.cash}
        total_cash = sum((rates[c] * amount for c, amount in self.cash.items()), ZERO)
        # A cash account borrows nothing: its positions are paid for and give no credit.
        initial, maintenance = INITIAL_MARGIN * gross, MAINTENANCE_MARGIN * gross
        equity = total_cash + net
        available = equity - initial if self.margin else total_cash
        return Account(
            account_id=self.account_id,
            account_type=self.account_type,
            base_currency=base,
            margin=self.margin,
            allow_short=self.allow_short,
            cash=MappingProxyType(dict(self.cash)),
            settled_cash=MappingProxyType(self.settled_cash(at)),
            exchange_rates=MappingProxyType(rates),
            positions=MappingProxyType(positions),
            total_cash=total_cash,
            gross_position_value=gross,
            net_liquidation=equity,
            unrealized_pnl=unrealized,
            realized_pnl=realized,
            initial_margin=initial if self.margin else gross,
            maintenance_margin=maintenance if self.margin else gross,
            available_funds=available,
            excess_liquidity=equity - maintenance if self.margin else total_cash,
            buying_power=max(ZERO, available / INITIAL_MARGIN if self.margin else total_cash),
        )


def business_days_later(at: datetime, days: int) -> datetime:
    """The same time `days` weekdays later."""
    while days:
        at += timedelta(days=1)
        if at.weekday() < 5:
            days -= 1
    return at
