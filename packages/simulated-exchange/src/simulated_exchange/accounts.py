"""What an account owns.

Comes in: fills. Goes out: the books of one account, and the types of the view that `valuation`
computes from them. Never: a price, a decision on an order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from .hours import TradingHours
from .settlement import Proceeds, Settlement

ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A holding; quantity is negative when short. Money is in the instrument's currency."""

    con_id: int
    quantity: Decimal
    #: per contract, multiplier and commissions included; positive also when short
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
    #: a margin account may borrow; a cash account pays with what it has
    margin: bool
    allow_short: bool
    #: per currency, negative when borrowed
    cash: Mapping[str, Decimal]
    #: per currency, without the proceeds of sales that have not settled
    settled_cash: Mapping[str, Decimal]
    #: those proceeds, the first to settle first
    pending_sales: tuple[Proceeds, ...]
    #: shares bought with money that has not settled, by con_id: to sell them now is free-riding
    unpaid_quantities: Mapping[int, Decimal]
    #: how often that was done
    free_rides: int
    #: currency -> value of one unit in the base currency
    exchange_rates: Mapping[str, Decimal]
    #: by con_id; what was sold to the last share is not listed
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
    #: initial margin that live orders may still need, on top of the above
    order_margin: Decimal
    #: before live orders are counted
    available_funds: Decimal
    excess_liquidity: Decimal
    buying_power: Decimal


@dataclass(slots=True)
class Holding:
    """The books' own record of a position: its exact cost, not the average."""

    quantity: Decimal = ZERO
    #: what the open quantity cost, commissions included; negative when short
    cost: Decimal = ZERO
    realized: Decimal = ZERO

    @property
    def average_cost(self) -> Decimal:
        return self.cost / self.quantity if self.quantity else ZERO

    def book(self, quantity: Decimal, value: Decimal, commission: Decimal) -> Decimal | None:
        """Book a signed fill of that signed value; returns what it realized, None if it opened.

        Closing takes its share of the cost out at average; the commission goes to the cost for the
        part that opens and against the result for the part that closes, as Interactive Brokers
        reports average cost and realized P&L.
        """
        opening = quantity * self.quantity >= 0
        if opening:
            self.quantity += quantity
            self.cost += value + commission
            return None
        closing = min(abs(quantity), abs(self.quantity))
        share = closing / abs(quantity)
        closed_cost = self.cost * closing / abs(self.quantity)
        realized = -(value + commission) * share - closed_cost
        self.quantity += quantity
        self.cost = self.cost - closed_cost + (value + commission) * (1 - share)
        self.realized += realized
        return realized

    def split(self, ratio: Decimal, lot: Decimal, price: Decimal) -> Decimal:
        """Multiply the quantity; returns the cash for fractions of a `lot`, 0 keeps them."""
        exact = self.quantity * ratio
        whole = (exact / lot).to_integral_value(ROUND_DOWN) * lot if lot else exact
        sold_cost = self.cost * (exact - whole) / exact
        paid = (exact - whole) * price
        self.quantity, self.cost = whole, self.cost - sold_cost
        self.realized += paid - sold_cost
        return paid


@dataclass(frozen=True, kw_only=True, slots=True)
class Adjustment:
    """What moved cash or shares other than a fill: a deposit, a split."""

    account_id: str
    at: datetime
    reason: str
    #: number of executions in the books when it happened
    after: int
    #: of `cash`, which is signed
    currency: str = ""
    cash: Decimal = ZERO
    #: of `quantity`, which is signed
    con_id: int = 0
    quantity: Decimal = ZERO


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The books of one account; only `book` moves cash or shares."""

    account_id: str
    account_type: str
    base_currency: str
    margin: bool
    allow_short: bool
    settlement: Settlement
    cash: dict[str, Decimal]
    holdings: dict[int, Holding]
    #: where the books began, for the audit
    opening_cash: dict[str, Decimal]
    opening_quantities: dict[int, Decimal]
    #: each position as it was when something other than a fill last changed it
    anchors: dict[int, Holding]
    #: what live buy orders may still cost, per currency
    reserved: dict[str, Decimal] = field(default_factory=dict)
    #: what live sell orders may still sell, per con_id
    offered: dict[int, Decimal] = field(default_factory=dict)

    def copy(self) -> "Ledger":
        """Books of its own to try things on."""
        return replace(
            self,
            cash=dict(self.cash),
            holdings={con_id: replace(held) for con_id, held in self.holdings.items()},
            settlement=self.settlement.copy(),
            reserved=dict(self.reserved),
            offered=dict(self.offered),
        )

    def quantity(self, con_id: int) -> Decimal:
        holding = self.holdings.get(con_id)
        return holding.quantity if holding else ZERO

    def pays_in_cash(self) -> bool:
        """Whether cash covers all that live orders may cost, so that no margin is in question."""
        if self.allow_short or not self.reserved.keys() <= self.cash.keys():
            return False
        return all(self.reserved.get(c, ZERO) <= amount for c, amount in self.cash.items())

    def book(
        self,
        *,
        con_id: int,
        currency: str,
        quantity: Decimal,
        value: Decimal,
        commission: Decimal,
        at: datetime,
        hours: TradingHours,
    ) -> Decimal | None:
        """Move shares and cash for one signed fill; returns what it realized, None if it opened."""
        holding = self.holdings.get(con_id)
        if holding is None:
            holding = self.holdings[con_id] = Holding()
        realized = holding.book(quantity, value, commission)
        cash = self.cash.get(currency, ZERO)
        self.cash[currency] = cash - value - commission
        if value < 0:
            proceeds = -value - commission
            self.settlement.sold(con_id, holding.quantity, currency, proceeds, at, hours)
        elif self.settlement.days:
            self.settlement.bought(con_id, quantity, currency, value + commission, cash, at)
        return realized

    def convert(
        self, *, bought: str, quantity: Decimal, currency: str, value: Decimal, commission: Decimal
    ) -> None:
        """Move cash for one signed fill of a currency pair: `quantity` of one currency in, `value`
        and commission of the other out. The broker lets converted money be spent at once."""
        self.cash[bought] = self.cash.get(bought, ZERO) + quantity
        self.cash[currency] = self.cash.get(currency, ZERO) - value - commission
