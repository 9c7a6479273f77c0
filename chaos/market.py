"""The market of a case: its listings, its quotes that stand still, and the accounts' first state.

Comes in: a world. Goes out: an exchange. Nothing here goes wrong.
"""

from __future__ import annotations

from decimal import Decimal

from simulated_exchange import Exchange, FillPolicy, Instrument, LatencyModel, Quote

from .case import OPTION, SHORT, Case, World
from .pace import PacedClock

#: More than anybody here trades.
_SIZE = Decimal(1_000_000)
_LEFT_ALONE = (Decimal("4.99"), Decimal("5.01"))
_SLICE = 7


def con_ids(world: World) -> dict[str, int]:
    """The instrument of each symbol."""
    ids = {stock.symbol: 1000 + at for at, stock in enumerate(world.stocks)}
    return {**ids, OPTION: 2000, SHORT: 2001}


def usual_quote(world: World, symbol: str) -> Quote:
    """The quote that stands while nothing goes wrong."""
    bid, ask = _LEFT_ALONE
    if symbol not in (OPTION, SHORT):
        stock = world.stock(symbol)
        bid, ask = stock.bid, stock.ask
    mid = (bid + ask) / 2
    return Quote(bid=bid, ask=ask, last=mid, close=mid, bid_size=_SIZE, ask_size=_SIZE)


def build_exchange(case: Case, clock: PacedClock) -> Exchange:
    """The exchange before the first run."""
    world, ids = case.world, con_ids(case.world)
    exchange = Exchange(
        clock=clock,
        instruments=[_instrument(symbol, con_id) for symbol, con_id in ids.items()],
        seed=case.seed,
        latency=LatencyModel(low=0.0, high=world.latency),
    )
    for symbol, con_id in ids.items():
        exchange.set_quote(con_id, usual_quote(world, symbol))
    for account in world.accounts:
        shorts = any(quantity < 0 for quantity in account.held.values())
        exchange.open_account(
            account.account_id,
            cash={"USD": account.cash},
            positions={ids[s]: (Decimal(held), Decimal(10)) for s, held in account.held.items()},
            margin=not account.settles,
            allow_short=shorts,
            settlement_days=1 if account.settles else 0,
        )
    if world.slices > 1:
        slices = [_SLICE] * (world.slices - 1)
        exchange.fill_policy = FillPolicy.partial(*slices, gap=world.gap)
    return exchange


def _instrument(symbol: str, con_id: int) -> Instrument:
    if symbol != OPTION:
        return Instrument(con_id=con_id, symbol=symbol)
    return Instrument(
        con_id=con_id,
        symbol=symbol,
        sec_type="OPT",
        strike=Decimal(50),
        right="C",
        last_trade_date="20270115",
        multiplier=Decimal(100),
    )
