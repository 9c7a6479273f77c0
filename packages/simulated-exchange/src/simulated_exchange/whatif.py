"""What an order would do to its account.

Comes in: a request that the desk has passed. Goes out: margins and equity before and after it, and
its cost. Never: a change; the figures come from a copy of the ledger.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from .books import Books
from .errors import ExchangeError, Reason
from .market import Market
from .orders import OrderRequest, Side
from .valuation import value_account


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One figure of the account, in its base currency."""

    before: Decimal
    after: Decimal

    @property
    def change(self) -> Decimal:
        return self.after - self.before


@dataclass(frozen=True, kw_only=True, slots=True)
class WhatIf:
    """One order's effect if it fills whole at `price` and no other order does anything."""

    request: OrderRequest
    #: the order's limit, or the market's price for it; in the instrument's currency
    price: Decimal
    initial_margin: Change
    maintenance_margin: Change
    #: net liquidation: falls by the commission and by the distance of the price from the mark
    equity: Change
    #: in `currency`, the instrument's
    commission: Decimal
    currency: str


def what_if(books: Books, market: Market, request: OrderRequest, at: datetime) -> WhatIf:
    """The effect of a request. Raises `ExchangeError` when there is no price to value it with."""
    instrument = market.instrument(request.con_id)
    price = _price(market, request)
    value = request.quantity * price * instrument.multiplier
    commission = books.commissions.charge(request.quantity, value)
    sign = 1 if request.side is Side.BUY else -1
    ledger = books.ledger(request.account_id)
    before = value_account(ledger, market, at)
    copy = ledger.copy()
    copy.book(
        con_id=request.con_id,
        currency=instrument.currency,
        quantity=sign * request.quantity,
        value=sign * value,
        commission=commission,
        at=at,
        hours=instrument.liquid_hours,
    )
    after = value_account(copy, market, at)
    return WhatIf(
        request=request,
        price=price,
        initial_margin=Change(before=before.initial_margin, after=after.initial_margin),
        maintenance_margin=Change(before=before.maintenance_margin, after=after.maintenance_margin),
        equity=Change(before=before.net_liquidation, after=after.net_liquidation),
        commission=commission,
        currency=instrument.currency,
    )


def _price(market: Market, request: OrderRequest) -> Decimal:
    quote = market.quote(request.con_id)
    side = quote.ask if request.side is Side.BUY else quote.bid
    for price in (request.limit_price, request.stop_price, side, quote.mark):
        if price is not None:
            return price
    raise ExchangeError(Reason.NO_PRICE, "there is no price to value the order with")
