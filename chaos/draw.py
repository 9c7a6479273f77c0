"""A random case from one integer: small accounts, large trades, and one to four faults.

Comes in: a seed. Goes out: always the same case for it. The worlds are made to be judged: trades
are large against whole-share rounding, quotes stand still, and nothing depends on the time of day.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random

from .case import OPTION, SHORT, SYMBOLS, AccountWorld, Case, Stock, World
from .faults import KINDS, draw_fault

_CENT = Decimal("0.01")


def draw_case(seed: int, *, speed: float, kinds: tuple[str, ...] = ()) -> Case:
    """The case of a seed; `kinds` are faults that it must have besides those drawn."""
    rng = Random(f"case/{seed}")
    world = _world(rng, seed)
    runs = 2 if rng.random() < 0.3 else 1
    # Every kind comes round, however few seeds there are; the others of a case are anybody's guess.
    names = sorted(KINDS)
    chosen = [*kinds] or [names[seed % len(names)]]
    chosen += [rng.choice(names) for _ in range(rng.choice((0, 1, 1, 2, 2, 3)))]
    faults = tuple(draw_fault(rng, kind, world, runs) for kind in chosen)
    return Case(seed=seed, world=world, faults=faults, runs=runs, speed=speed)


def _world(rng: Random, seed: int) -> World:
    stocks = tuple(_stock(rng, symbol) for symbol in SYMBOLS[: rng.randint(3, 6)])
    accounts = tuple(
        _account(rng, f"DU{(2 * seed + at) % 1_000_000:06d}", stocks)
        for at in range(2 if rng.random() < 0.2 else 1)
    )
    sliced = rng.random() < 0.5
    return World(
        stocks=stocks,
        accounts=accounts,
        latency=rng.choice((0.0, 0.0, 0.05, 0.4)),
        slices=rng.randint(2, 4) if sliced else 1,
        gap=rng.choice((0.0, 0.3, 2.0, 6.0)) if sliced else 0.0,
    )


def _stock(rng: Random, symbol: str) -> Stock:
    bid = Decimal(rng.choice((rng.randint(500, 3000), rng.randint(3000, 60000)))) * _CENT
    spread = max(_CENT, (bid * rng.randint(1, 15) / 10_000).quantize(_CENT))
    return Stock(symbol=symbol, bid=bid, ask=bid + spread)


def _account(rng: Random, account_id: str, stocks: tuple[Stock, ...]) -> AccountWorld:
    value = Decimal(rng.choice((20_000, 60_000, 150_000, 400_000)))
    cash_share = Decimal(rng.choice((2, 5, 20, 60, 100)))
    held = _shares(rng, stocks, value * (100 - cash_share) / 100)
    if rng.random() < 0.1:
        held[OPTION] = 2
    if rng.random() < 0.05:
        held[SHORT] = -10
    return AccountWorld(
        account_id=account_id,
        cash=(value * cash_share / 100).quantize(_CENT),
        reserve_percent=Decimal(rng.choice((0, 1, 2, 5))),
        held=held,
        weights=_weights(rng, stocks),
        settles=SHORT not in held and rng.random() < 0.15,
    )


def _weights(rng: Random, stocks: tuple[Stock, ...]) -> dict[str, Decimal]:
    chosen = rng.sample(stocks, rng.randint(2, len(stocks)))
    cuts = sorted(rng.sample(range(1, 20), len(chosen) - 1))
    parts = [high - low for low, high in zip([0, *cuts], [*cuts, 20], strict=True)]
    return {stock.symbol: Decimal(part) / 20 for stock, part in zip(chosen, parts, strict=True)}


def _shares(rng: Random, stocks: tuple[Stock, ...], value: Decimal) -> dict[str, int]:
    """Whole shares of some of the stocks that are worth about so much together."""
    parts = {stock: rng.randint(1, 6) for stock in stocks if rng.random() < 0.7}
    whole = sum(parts.values())
    shares = {stock.symbol: int(value * part / whole / stock.mid) for stock, part in parts.items()}
    return {symbol: quantity for symbol, quantity in shares.items() if quantity}
