"""A run that sells two stocks and buys a third, whatever is made to happen to it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rebalance_workflow.testing import World

SWITCH: dict[str, Any] = {
    "cash": 1_000,
    "shares": {"AAA": 100, "OLD": 50},
    "quotes": {"AAA": ("99.90", "100.10"), "BBB": ("49.95", "50.05"), "OLD": ("19.90", "20.10")},
    "weights": {"AAA": "0.3", "BBB": "0.7"},
}

#: What a run without faults trades. Of 12,000, 11,880 are invested: 30 % are 35.6 AAA of 100 (one
#: more would leave too little cash for BBB at its limit), 70 % are 166.3 BBB of 50.
CLEAN = {"AAA": Decimal(-65), "OLD": Decimal(-50), "BBB": Decimal(166)}


def assert_traded_once(world: World) -> None:
    """Each stock went one way, and as far as in a run without faults.

    One share of BBB may differ: another order of fills, or another commission, leaves other cash.
    """
    traded = world.traded()
    assert abs(traded.pop("BBB") - CLEAN["BBB"]) <= 1
    assert traded == {symbol: CLEAN[symbol] for symbol in ("AAA", "OLD")}
    buys = {fill.symbol for fill in world.books.executions if fill.quantity > 0}
    sells = {fill.symbol for fill in world.books.executions if fill.quantity < 0}
    assert not buys & sells
