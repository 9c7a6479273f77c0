"""What an account is worth.

Comes in: a ledger and the market. Goes out: `Account`, with every figure from the same marks.
Never: a change of anything.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from .accounts import ZERO, Account, Holding, Ledger, Position
from .instruments import Instrument
from .market import Market
from .quotes import Quote

#: Reg T (12 CFR 220.12): initial margin, as a fraction of the value of stock, long or short
INITIAL_MARGIN = Decimal("0.50")
#: FINRA rule 4210(c)(1): maintenance margin of long stock
MAINTENANCE_MARGIN = Decimal("0.25")
#: FINRA rule 4210(c)(3): of short stock, but at least so many dollars a share
SHORT_MAINTENANCE_MARGIN = Decimal("0.30")
SHORT_MAINTENANCE_PER_SHARE = Decimal(5)


def total_cash(ledger: Ledger, market: Market) -> Decimal:
    """All cash, in base currency."""
    base = ledger.base_currency
    return sum((amount * market.rate(c, base) for c, amount in ledger.cash.items()), ZERO)


def available_margin(ledger: Ledger, market: Market) -> Decimal:
    """What a margin account may commit before open orders are counted, in base currency."""
    available = total_cash(ledger, market)
    for con_id, holding in ledger.holdings.items():
        if holding.quantity:
            rate = market.rate(market.currency(con_id), ledger.base_currency)
            value = market.mark(con_id) * holding.quantity * rate
            available += value - abs(value) * INITIAL_MARGIN
    return available


def order_margin(
    ledger: Ledger, market: Market, means: str | int = "", freed: Decimal = ZERO
) -> Decimal:
    """Initial margin that live orders may still need, in base currency.

    `freed` is left out of what they tie up of `means`: of a currency, or of an instrument's shares.
    """
    base, value = ledger.base_currency, ZERO
    for currency, reserved in ledger.reserved.items():
        needed = reserved - freed if currency == means else reserved
        value += needed * market.rate(currency, base)
    for con_id, offered in ledger.offered.items():
        sold = offered - freed if con_id == means else offered
        short = sold - max(ZERO, ledger.quantity(con_id))
        if short > 0:
            value += short * market.mark(con_id) * market.rate(market.currency(con_id), base)
    return value * INITIAL_MARGIN


def value_account(ledger: Ledger, market: Market, at: datetime) -> Account:
    """The account as it stands at this instant."""
    base = ledger.base_currency
    positions: dict[int, Position] = {}
    books: dict[str, _Sums] = {}
    for con_id, holding in ledger.holdings.items():
        instrument = market.instrument(con_id)
        sums = books.get(instrument.currency)
        if sums is None:
            sums = books[instrument.currency] = _Sums()
        if holding.quantity:
            position = positions[con_id] = _position(holding, instrument, market.quote(con_id))
            sums.add(position, instrument)
        else:
            sums.realized += holding.realized
    total = _Sums()
    for currency, sums in books.items():
        total.add_converted(sums, market.rate(currency, base))
    currencies = dict.fromkeys((*ledger.cash, *map(market.currency, positions)))
    cash = total_cash(ledger, market)
    equity = cash + total.net
    # A cash account borrows nothing: what it holds is paid for and gives no credit.
    initial = total.gross * INITIAL_MARGIN if ledger.margin else total.net
    maintenance = total.maintenance if ledger.margin else total.net
    available = equity - initial
    return Account(
        account_id=ledger.account_id,
        account_type=ledger.account_type,
        base_currency=base,
        margin=ledger.margin,
        allow_short=ledger.allow_short,
        cash=MappingProxyType(dict(ledger.cash)),
        settled_cash=MappingProxyType(ledger.settlement.settled(ledger.cash, at)),
        pending_sales=ledger.settlement.pending(at),
        unpaid_quantities=MappingProxyType(ledger.settlement.unpaid_quantities(at)),
        free_rides=ledger.settlement.free_rides,
        exchange_rates=MappingProxyType({c: market.rate(c, base) for c in currencies}),
        positions=MappingProxyType(positions),
        total_cash=cash,
        gross_position_value=total.gross,
        net_liquidation=equity,
        unrealized_pnl=total.unrealized,
        realized_pnl=total.realized,
        initial_margin=initial,
        maintenance_margin=maintenance,
        order_margin=order_margin(ledger, market) if ledger.margin else ZERO,
        available_funds=available,
        excess_liquidity=equity - maintenance,
        buying_power=max(ZERO, available / INITIAL_MARGIN if ledger.margin else cash),
    )


@dataclass(slots=True)
class _Sums:
    """Figures of the positions in one currency, or of all of them in the base currency."""

    net: Decimal = ZERO
    gross: Decimal = ZERO
    maintenance: Decimal = ZERO
    unrealized: Decimal = ZERO
    realized: Decimal = ZERO

    def add(self, position: Position, instrument: Instrument) -> None:
        value = position.market_value
        self.net += value
        self.gross += abs(value)
        self.unrealized += position.unrealized_pnl
        self.realized += position.realized_pnl
        if position.quantity > 0:
            self.maintenance += value * MAINTENANCE_MARGIN
        else:
            least = -position.quantity * SHORT_MAINTENANCE_PER_SHARE * instrument.multiplier
            self.maintenance += max(-value * SHORT_MAINTENANCE_MARGIN, least)

    def add_converted(self, other: "_Sums", rate: Decimal) -> None:
        self.net += other.net * rate
        self.gross += other.gross * rate
        self.maintenance += other.maintenance * rate
        self.unrealized += other.unrealized * rate
        self.realized += other.realized * rate


def _position(holding: Holding, instrument: Instrument, quote: Quote) -> Position:
    price = quote.mark or ZERO
    value = price * instrument.multiplier * holding.quantity
    return Position(
        con_id=instrument.con_id,
        quantity=holding.quantity,
        average_cost=holding.average_cost,
        market_price=price,
        market_value=value,
        unrealized_pnl=value - holding.cost,
        realized_pnl=holding.realized,
    )
