"""What trading costs on paper, worked out by hand; and what the broker refuses."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from broker_connector_base import OrderExecutionError, UnknownSymbol
from broker_connector_base.testing import LoopClock
from paper_connector import (
    PaperClient,
    PaperSettings,
    SlippageModel,
    StandingQuotes,
    paper_broker,
)
from paper_connector.testing import World
from simulated_exchange import Instrument


async def buy_and_sell(directory: Path, settings: PaperSettings) -> tuple[list[Any], Decimal]:
    """100 SPY at 617.85 to 617.86, in the demo's size of 100,000 shares; fills and cash."""
    broker = paper_broker(
        directory, "MY-PAPER", settings, quotes=StandingQuotes(), now=LoopClock().now
    )
    client = PaperClient(1, broker)
    await client.connect()
    try:
        await client.place_order("MY-PAPER", "SPY", 100)
        await client.place_order("MY-PAPER", "SPY", -100)
        fills = await client.get_executions("MY-PAPER")
        snapshot = await client.get_account_snapshot("MY-PAPER")
    finally:
        await client.disconnect()
    return [(fill.quantity, fill.price, fill.commission) for fill in fills], snapshot.cash_balance


async def test_the_defaults_are_those_of_the_paper_trading_design(tmp_path: Path) -> None:
    fills, cash = await buy_and_sell(tmp_path, PaperSettings())
    # 0.05 % of 617.86 is 0.30893, up to the tick 618.17; of 617.85 is 0.308925, down to 617.54.
    # 0.1 % of 61,817.00 is 61.817, of 61,754.00 is 61.754.
    assert fills == [
        (100, Decimal("618.17"), Decimal("61.817")),
        (-100, Decimal("617.54"), Decimal("61.754")),
    ]
    assert cash == Decimal("100000") - Decimal("63") - Decimal("123.571")


@pytest.mark.parametrize(
    ("model", "value", "bought", "sold"),
    [
        (SlippageModel.NONE, "0", "617.86", "617.85"),
        (SlippageModel.FIXED, "0.25", "618.11", "617.60"),
        # 100 of 100,000 shares offered: a thousandth of 1 % moves nothing but the tick.
        (SlippageModel.IMPACT, "0.01", "617.87", "617.84"),
    ],
)
async def test_slippage_follows_its_model(
    tmp_path: Path, model: SlippageModel, value: str, bought: str, sold: str
) -> None:
    settings = PaperSettings(
        slippage_model=model, slippage_value=Decimal(value), commission_rate=Decimal(0)
    )
    fills, cash = await buy_and_sell(tmp_path, settings)
    assert fills == [(100, Decimal(bought), 0), (-100, Decimal(sold), 0)]
    assert cash == 100_000 + 100 * (Decimal(sold) - Decimal(bought))


async def test_an_account_is_opened_with_its_own_balance(tmp_path: Path) -> None:
    settings = PaperSettings(initial_balance=Decimal("61900.50"))
    _, cash = await buy_and_sell(tmp_path, settings)
    assert cash == Decimal("61900.50") - Decimal("186.571")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("AAA", 0), "not a number of shares"),
        (("AAA", Decimal("NaN")), "not a number of shares"),
        (("AAA", 1, "STOP"), "not one of MARKET, LIMIT"),
        (("AAA", 1, "LIMIT"), "needs a limit"),
        (("AAA", 1, "MARKET", Decimal(1)), "a market order has none"),
    ],
)
async def test_what_makes_no_sense_is_refused_before_it_is_sent(
    world: World, arguments: tuple[Any, ...], words: str
) -> None:
    client = await world.login()
    with pytest.raises(OrderExecutionError, match=f"{words}.*nothing was sent") as refused:
        await client.place_order("P1", *arguments)
    assert refused.value.code == "INVALID"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("AAA", Decimal("0.5")), "BAD_QUANTITY"),
        (("AAA", 1, "LIMIT", Decimal("90.001")), "OFF_TICK"),
        (("AAA", -1), "NO_SHORT"),
        (("AAA", 1000), "INSUFFICIENT_FUNDS"),
    ],
)
async def test_what_the_exchange_refuses_carries_its_reason(
    world: World, arguments: tuple[Any, ...], code: str
) -> None:
    client = await world.login()
    with pytest.raises(OrderExecutionError, match="the order is not working") as refused:
        await client.place_order("P1", *arguments)
    assert refused.value.code == code


async def test_a_time_in_force_that_there_is_not_is_refused(world: World) -> None:
    client = await world.login()
    with pytest.raises(OrderExecutionError, match="DAY, GTC, IOC"):
        await client.place_order("P1", "AAA", 1, time_in_force="GTD")


async def test_a_symbol_with_two_listings_is_ambiguous(world: World) -> None:
    twins = (*world.market.instruments, Instrument(con_id=2, symbol="AAA"))
    world.market = replace(world.market, instruments=twins)
    client = await world.login()
    with pytest.raises(UnknownSymbol, match="2 stocks answer to 'AAA'"):
        await client.get_instruments(["AAA"])


async def test_a_position_without_a_price_is_shown_without_one(world: World) -> None:
    accounts = {"P1": {"cash": {"USD": Decimal(5)}, "positions": {1: (Decimal(3), Decimal(10))}}}
    world.market = replace(world.market, quotes={}, accounts=accounts)
    client = await world.login()
    snapshot = await client.get_account_snapshot("P1")
    (position,) = snapshot.positions
    assert position.quantity == 3
    assert (position.market_price, position.market_value) == (None, None)
    assert snapshot.cash_balance == snapshot.settled_cash == 5
    (quote,) = await client.get_multiple_market_prices(["AAA"])
    assert (quote.bid, quote.ask, quote.last) == (None, None, None)
