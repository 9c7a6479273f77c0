"""A small exchange to try things on.

Comes in: orders and quotes in shorthand. Goes out: an `Exchange` with one account, two instruments,
a virtual clock, and the list of everything that happened. Never: an assertion; tests make those.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from simulated_exchange import (
    Event,
    Exchange,
    Instrument,
    Order,
    OrderRequest,
    OrderType,
    Quote,
    Side,
    TradingHours,
    VirtualClock,
)

#: ten o'clock on a trading day in New York
MONDAY_10_00 = datetime(2025, 3, 24, 14, 0, tzinfo=UTC)
ACCOUNT = "DU1"
#: con_id of an instrument that is always open
SPY = 101
#: con_id of one with regular US hours
IBM = 102

Number = Decimal | int | str


class Pit:
    """An exchange with account DU1 (USD 100,000 unless told), SPY and IBM at 99.99 - 100.00."""

    def __init__(
        self,
        *,
        cash: Mapping[str, Number] | None = None,
        positions: Mapping[int, tuple[Number, Number]] | None = None,
        account: Mapping[str, Any] | None = None,
        start: datetime = MONDAY_10_00,
        **exchange: Any,
    ) -> None:
        self.clock = VirtualClock(start)
        regular = TradingHours.us_regular()
        spy = Instrument(con_id=SPY, symbol="SPY")
        ibm = Instrument(con_id=IBM, symbol="IBM", trading_hours=regular, liquid_hours=regular)
        options: dict[str, Any] = {"instruments": (spy, ibm), **exchange}
        self.exchange = Exchange(clock=self.clock, **options)
        for instrument in self.exchange.find_instruments():
            self.quote("99.99", 100, con_id=instrument.con_id)
        self.exchange.open_account(
            ACCOUNT,
            cash={name: Decimal(value) for name, value in (cash or {"USD": 100_000}).items()},
            positions={
                con_id: (Decimal(quantity), Decimal(cost))
                for con_id, (quantity, cost) in (positions or {}).items()
            },
            **(account or {}),
        )
        self.events: list[Event] = []
        self.exchange.subscribe(self.events.append)

    def quote(
        self,
        bid: Number | None,
        ask: Number | None,
        *,
        con_id: int = SPY,
        size: Number = 1000,
        last: Number | None = None,
        halted: int = 0,
    ) -> None:
        """Set a quote with the same size on both sides."""
        self.exchange.set_quote(
            con_id,
            Quote(
                bid=None if bid is None else Decimal(bid),
                ask=None if ask is None else Decimal(ask),
                last=None if last is None else Decimal(last),
                bid_size=Decimal(size),
                ask_size=Decimal(size),
                halted=halted,
            ),
        )

    def buy(self, quantity: Number, limit: Number | None = None, **terms: Any) -> Order:
        """Buy SPY for DU1, at the market unless a limit is given."""
        return self.exchange.submit(request(Side.BUY, quantity, limit, **terms))

    def sell(self, quantity: Number, limit: Number | None = None, **terms: Any) -> Order:
        return self.exchange.submit(request(Side.SELL, quantity, limit, **terms))

    def cash(self, currency: str = "USD") -> Decimal:
        return self.exchange.account(ACCOUNT).cash[currency]

    def held(self, con_id: int = SPY) -> Decimal:
        position = self.exchange.account(ACCOUNT).positions.get(con_id)
        return position.quantity if position else Decimal(0)


def request(
    side: Side, quantity: Number, limit: Number | None = None, **terms: Any
) -> OrderRequest:
    """An order of DU1 for SPY in shorthand; `terms` are further fields of `OrderRequest`."""
    shorthand: dict[str, Any] = {
        "account_id": ACCOUNT,
        "con_id": SPY,
        "side": side,
        "quantity": Decimal(quantity),
        "order_type": OrderType.MKT if limit is None else OrderType.LMT,
        "limit_price": None if limit is None else Decimal(limit),
    }
    return OrderRequest(**{**shorthand, **terms})
