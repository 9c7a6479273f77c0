"""Finding things in the books by the names that callers use.

Comes in: account ids, symbols, keys. Goes out: what answers to them, or the broker's error. Never:
a guess between two.
"""

from __future__ import annotations

from broker_connector_base import AccountNotFound, UnknownSymbol
from simulated_exchange import Exchange, Instrument, Order


def require_account(exchange: Exchange, account_id: str) -> None:
    """Raise `AccountNotFound`, with those that there are, unless the account is kept here."""
    known = exchange.account_ids()
    if account_id not in known:
        raise AccountNotFound(f"account {account_id} is not among {', '.join(known)}")


def listing(exchange: Exchange, symbol: str) -> Instrument:
    """The one stock that answers to the symbol; raises `UnknownSymbol` for none and for several."""
    # An exchange that copies IB's list has `BRK B` for what callers know as `BRK.B`.
    spellings = () if " " in symbol else dict.fromkeys((symbol, symbol.replace(".", " ")))
    found = [
        stock
        for spelling in spellings
        for stock in exchange.find_instruments(symbol=spelling, sec_type="STK")
    ]
    if len(found) != 1:
        what = f"{len(found)} stocks answer" if found else "no stock answers"
        raise UnknownSymbol(f"{what} to {symbol!r} on the paper market; nothing was sent")
    return found[0]


def order_with_key(exchange: Exchange, account_id: str, key: str | None) -> Order | None:
    """The order of the account that has the key, whoever placed it; None for no key."""
    if not key:
        return None
    orders = [*exchange.open_orders(account_id), *exchange.completed_orders(account_id)]
    return next((order for order in orders if order.request.order_ref == key), None)
