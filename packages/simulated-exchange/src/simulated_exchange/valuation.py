"""What an account is worth.

Comes in: a ledger and the market. Goes out: `Account`, with every figure from the same marks.
Never: a change of anything.
"""

from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from .accounts import ZERO, Account, Ledger, Position
from .market import Market

#: Reg T (12 CFR 220.12): initial margin, as a fraction of the value of stock, long or short
INITIAL_MARGIN = Decimal("0.50")
#: FINRA rule 4210(c)(1): maintenance margin of long stock
MAINTENANCE_MARGIN = Decimal("0.25")


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


def value_account(ledger: Ledger, market: Market, at: datetime) -> Account:
    """The account as it stands at this instant."""
    base = ledger.base_currency
    positions = {}
    net = gross = unrealized = realized = ZERO
    for con_id, holding in ledger.holdings.items():
        to_base = market.rate(market.currency(con_id), base)
        realized += holding.realized * to_base
        if holding.quantity:
            position = positions[con_id] = _position(ledger, market, con_id)
            net += position.market_value * to_base
            gross += abs(position.market_value) * to_base
            unrealized += position.unrealized_pnl * to_base
    currencies = dict.fromkeys((*ledger.cash, *map(market.currency, positions)))
    cash = total_cash(ledger, market)
    equity = cash + net
    # A cash account borrows nothing: what it holds is paid for and gives no credit.
    initial = gross * INITIAL_MARGIN if ledger.margin else net
    maintenance = gross * MAINTENANCE_MARGIN if ledger.margin else net
    available = equity - initial
    return Account(
        account_id=ledger.account_id,
        account_type=ledger.account_type,
        base_currency=base,
        margin=ledger.margin,
        allow_short=ledger.allow_short,
        cash=MappingProxyType(dict(ledger.cash)),
        settled_cash=MappingProxyType(ledger.settled_cash(at)),
        exchange_rates=MappingProxyType({c: market.rate(c, base) for c in currencies}),
        positions=MappingProxyType(positions),
        total_cash=cash,
        gross_position_value=gross,
        net_liquidation=equity,
        unrealized_pnl=unrealized,
        realized_pnl=realized,
        initial_margin=initial,
        maintenance_margin=maintenance,
        available_funds=available,
        excess_liquidity=equity - maintenance,
        buying_power=max(ZERO, available / INITIAL_MARGIN if ledger.margin else cash),
    )


def _position(ledger: Ledger, market: Market, con_id: int) -> Position:
    holding = ledger.holdings[con_id]
    value = market.mark(con_id) * holding.quantity
    return Position(
        con_id=con_id,
        quantity=holding.quantity,
        average_cost=holding.average_cost,
        market_price=market.quote(con_id).mark or ZERO,
        market_value=value,
        unrealized_pnl=value - holding.cost,
        realized_pnl=holding.realized,
    )
