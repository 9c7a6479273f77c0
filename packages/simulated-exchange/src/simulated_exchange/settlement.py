"""When the money of a sale is there, and what was bought before it was.

Comes in: sales and purchases of one account. Goes out: how much cash has settled, and how many
shares were bought with money that has not. Never: a refusal; these are figures, and sanctions are
the broker's. To sell shares in a cash account before they are paid is free-riding (Regulation T,
12 CFR 220.8(c)).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from .hours import TradingHours

_ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proceeds:
    """The money of a sale that has not settled yet."""

    settles: datetime
    currency: str
    amount: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpaid:
    """Shares bought with money that settles later; a fraction when the money covered a part."""

    settles: datetime
    con_id: int
    quantity: Decimal


@dataclass(slots=True)
class Settlement:
    """What one account waits for."""

    #: business days of the market until the money of a sale has settled, which it has when the
    #: last of them begins; 0 for at once
    days: int = 0
    sales: list[Proceeds] = field(default_factory=list)
    unpaid: list[Unpaid] = field(default_factory=list)
    #: sales of shares that were not paid for yet
    free_rides: int = 0

    def copy(self) -> "Settlement":
        return Settlement(self.days, list(self.sales), list(self.unpaid), self.free_rides)

    def sold(
        self,
        con_id: int,
        left: Decimal,
        currency: str,
        amount: Decimal,
        at: datetime,
        hours: TradingHours,
    ) -> None:
        """Note a sale for `amount` that leaves `left` of the shares, in a market of such hours."""
        if not self.days:
            return
        self._forget(at)
        unpaid = sum((lot.quantity for lot in self.unpaid if lot.con_id == con_id), _ZERO)
        if unpaid > max(_ZERO, left):
            self.free_rides += 1
            self._pay(con_id, unpaid - max(_ZERO, left))
        settles = hours.business_days_later(at, self.days)
        self.sales.append(Proceeds(settles=settles, currency=currency, amount=amount))

    def bought(
        self,
        con_id: int,
        quantity: Decimal,
        currency: str,
        cost: Decimal,
        cash: Decimal,
        at: datetime,
    ) -> None:
        """Note a purchase for `cost` out of `cash`, the balance before it."""
        if not self.days:
            return
        self._forget(at)
        pending = [sale for sale in self.sales if sale.currency == currency]
        settled = cash - sum((sale.amount for sale in pending), _ZERO)
        short = cost - max(_ZERO, settled)
        if pending and short > 0:
            lot = Unpaid(
                settles=max(sale.settles for sale in pending),
                con_id=con_id,
                quantity=quantity * short / cost,
            )
            self.unpaid.append(lot)

    def split(self, con_id: int, ratio: Decimal) -> None:
        """Count unpaid shares as a split does."""
        self.unpaid = [
            replace(lot, quantity=lot.quantity * ratio) if lot.con_id == con_id else lot
            for lot in self.unpaid
        ]

    def settled(self, cash: Mapping[str, Decimal], at: datetime) -> dict[str, Decimal]:
        """The part of these balances whose sales have settled by then, per currency."""
        settled = dict(cash)
        for sale in self.sales:
            if sale.settles > at:
                settled[sale.currency] -= sale.amount
        return settled

    def pending(self, at: datetime) -> tuple[Proceeds, ...]:
        """The sales that have not settled by then, the first to settle first."""
        waiting = [sale for sale in self.sales if sale.settles > at]
        return tuple(sorted(waiting, key=lambda sale: sale.settles))

    def unpaid_quantities(self, at: datetime) -> dict[int, Decimal]:
        """Shares that were bought with money that has not settled by then, per con_id."""
        quantities: dict[int, Decimal] = {}
        for lot in self.unpaid:
            if lot.settles > at:
                quantities[lot.con_id] = quantities.get(lot.con_id, _ZERO) + lot.quantity
        return quantities

    def _forget(self, at: datetime) -> None:
        self.sales = [sale for sale in self.sales if sale.settles > at]
        self.unpaid = [lot for lot in self.unpaid if lot.settles > at]

    def _pay(self, con_id: int, quantity: Decimal) -> None:
        """Take sold shares off the list, the oldest first."""
        kept = []
        for lot in self.unpaid:
            taken = min(lot.quantity, quantity) if lot.con_id == con_id else _ZERO
            quantity -= taken
            if lot.quantity > taken:
                kept.append(replace(lot, quantity=lot.quantity - taken))
        self.unpaid = kept
