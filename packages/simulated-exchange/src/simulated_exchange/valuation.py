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
    positions = {}
    net = gross = unrealized = realized = maintenance = ZERO
    for con_id, holding in ledger.holdings.items():
        to_base = market.rate(market.currency(con_id), base)
        realized += holding.realized * to_base
        if holding.quantity:
            position = positions[con_id] = _position(ledger, market, con_id)
            net += position.market_value * to_base
            gross += abs(position.market_value) * to_base
            maintenance += _maintenance(position, market) * to_base
            unrealized += position.unrealized_pnl * to_base
    currencies = dict.fromkeys((*ledger.cash, *map(market.currency, positions)))
    cash = total_cash(ledger, market)
    equity = cash + net
    # A cash account borrows nothing: what it holds is paid for and gives no credit.
    initial = gross * INITIAL_MARGIN if ledger.margin else net
    maintenance = maintenance if ledger.margin else net
    available = equity - initial
    return Account(
        account_id=ledger.account_id,
        account_type=ledger.account_type,
        base_currency=base,
        margin=ledger.margin,
        allow_short=ledger.allow_short,
        cash=MappingProxyType(dict(ledger.cash)),
        settled_cash=MappingProxyType(ledger.settlement.settled(ledger.cash, at)),
        unpaid_quantities=MappingProxyType(ledger.settlement.unpaid_quantities(at)),
        free_rides=ledger.settlement.free_rides,
        exchange_rates=MappingProxyType({c: market.rate(c, base) for c in currencies}),
        positions=MappingProxyType(positions),
        total_cash=cash,
        gross_position_value=gross,
        net_liquidation=equity,
        unrealized_pnl=unrealized,
        realized_pnl=realized,
        initial_margin=initial,
        maintenance_margin=maintenance,
        order_margin=order_margin(ledger, market) if ledger.margin else ZERO,
        available_funds=available,
        excess_liquidity=equity - maintenance,
        buying_power=max(ZERO, available / INITIAL_MARGIN if ledger.margin else cash),
    )


def _maintenance(position: Position, market: Market) -> Decimal:
    if position.quantity > 0:
        return position.market_value * MAINTENANCE_MARGIN
    per_share = SHORT_MAINTENANCE_PER_SHARE * market.instrument(position.con_id).multiplier
    return max(-position.market_value * SHORT_MAINTENANCE_MARGIN, -position.quantity * per_share)


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
