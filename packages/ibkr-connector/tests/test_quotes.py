"""Quotes as IB gives them."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from broker_connector_base import (
    BrokerConnectionError,
    ContractPrice,
    MarketDataError,
    QuoteQuality,
    UnknownSymbol,
)
from broker_connector_base.testing import VirtualTimeLoop
from ibkr_connector.messages import MARKET_DATA_TYPE, Tick
from ibkr_connector.quote_line import assemble, mark
from ibkr_connector.testing.tap import Fields
from ibkr_connector.testing.world import World, open_world, quote
from ibkr_simulator import Limits
from simulated_exchange import Quote, QuoteKind

_NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
_MARKET_DATA, _MARKET_DATA_TYPE, _CURRENT_TIME = 1, 59, 49
_CANCEL_MARKET_DATA = 2
_TICK_PRICE, _HALTED_TICK = 1, 45
_PRICES_AND_REMARKS = (_TICK_PRICE, _HALTED_TICK, 2, 46)


def tick(kind: int, value: float, size: float | None = 100) -> Tick:
    return Tick(type=kind, value=value, size=size)


def feed(kind: int) -> Tick:
    return Tick(type=MARKET_DATA_TYPE, value=kind)


async def test_a_quote_is_what_the_market_shows(world: World) -> None:
    client = await world.client(clock=lambda: _NOW)
    assert await client.get_multiple_market_prices(["BRK.B", "AAA"]) == [
        ContractPrice(
            symbol="BRK.B",
            bid=Decimal(450),
            ask=Decimal("450.10"),
            last=Decimal(450),
            close=Decimal(440),
            halted=False,
            as_of=_NOW,
        ),
        ContractPrice(
            symbol="AAA",
            bid=Decimal(100),
            ask=Decimal("100.02"),
            last=Decimal("100.01"),
            close=Decimal(99),
            halted=False,
            as_of=_NOW,
        ),
    ]


async def test_one_message_opens_a_line_that_serves_the_whole_session(world: World) -> None:
    client = await world.client()
    await client.get_instruments(["AAA", "BBB"])
    before = len(world.tap.sent)
    await client.get_multiple_market_prices(["AAA", "BBB", "AAA"])
    world.exchange.set_quote(1, quote("101", "101.50"))
    await client.server_time()  # the tick has arrived before the answer to this
    (moved,) = await client.get_multiple_market_prices(["AAA"])
    assert (moved.bid, moved.ask) == (Decimal(101), Decimal("101.50"))
    assert world.tap.numbers()[before:] == [_MARKET_DATA, _MARKET_DATA, _CURRENT_TIME]


async def test_no_more_lines_stand_than_allowed(world: World) -> None:
    client = await world.client(max_market_data_lines=2)
    prices = await client.get_multiple_market_prices(["AAA", "BBB", "BRK.B"])
    assert [price.bid for price in prices] == [100, 50, 450]
    await client.get_multiple_market_prices(["BRK.B", "AAA"])
    standing: dict[str, str] = {}  # conId by request id
    for _, fields in world.tap.sent:
        if fields[0] == str(_MARKET_DATA):
            standing[fields[2]] = fields[3]
        elif fields[0] == str(_CANCEL_MARKET_DATA):
            del standing[fields[2]]
        assert len(standing) <= 2
    assert set(standing.values()) == {"1", "3"}


async def test_a_line_that_another_program_has_is_a_reason_and_may_be_free_later() -> None:
    async with open_world(limits=Limits(market_data_lines=1)) as world:
        other, ours = await world.client(1), await world.client(2)
        await other.get_multiple_market_prices(["AAA"])
        with pytest.raises(MarketDataError, match="No quote for BBB: ") as refused:
            await ours.get_multiple_market_prices(["BBB"])
        await other.disconnect()
        while 1 in world.gateway.sessions:
            await ours.server_time()
        (price,) = await ours.get_multiple_market_prices(["BBB"])
    assert refused.value.code == "101"
    assert price.bid == 50


async def test_a_crossed_and_a_one_sided_market_are_told_as_they_are(world: World) -> None:
    world.exchange.set_quote(1, quote("101", "100"))
    world.exchange.set_quote(2, quote(None, "50"))
    world.exchange.set_quote(3, Quote())
    client = await world.client()
    crossed, one_sided, empty = await client.get_multiple_market_prices(["AAA", "BBB", "BRK.B"])
    assert (crossed.bid, crossed.ask) == (Decimal(101), Decimal(100))
    assert (one_sided.bid, one_sided.ask) == (None, Decimal(50))
    assert (empty.bid, empty.ask, empty.last, empty.close) == (None, None, None, None)


async def test_delayed_data_says_so(world: World) -> None:
    world.exchange.set_quote_kind(QuoteKind.DELAYED, 1)
    client = await world.client(market_data_type=3)
    (price,) = await client.get_multiple_market_prices(["AAA"])
    assert (price.quality, price.bid, price.ask) == (
        QuoteQuality.DELAYED,
        Decimal(100),
        Decimal("100.02"),
    )
    assert _MARKET_DATA_TYPE in world.tap.numbers()


async def test_a_halt_is_told(world: World) -> None:
    world.exchange.set_quote(1, quote("100", "101", halted=2))
    client = await world.client()
    (price,) = await client.get_multiple_market_prices(["AAA"])
    assert price.halted is True


async def test_every_symbol_without_data_is_named_with_the_code(world: World) -> None:
    world.exchange.set_quote_kind(QuoteKind.NONE, 1)
    world.exchange.set_quote_kind(QuoteKind.NONE, 3)
    client = await world.client()
    with pytest.raises(MarketDataError, match=r"AAA.*BRK\.B") as refusal:
        await client.get_multiple_market_prices(["AAA", "BBB", "BRK.B"])
    assert refusal.value.code == "354"


async def test_a_competing_session_is_a_refusal_at_once(world: World) -> None:
    def compete(fields: Fields) -> bool:
        world.tap.say(4, 2, fields[2], 10197, "No market data during competing live session", "")
        return True

    client = await world.client()
    await client.get_instruments(["AAA"])
    world.tap.on_request(_MARKET_DATA, compete)
    with pytest.raises(MarketDataError) as refusal:
        await client.get_multiple_market_prices(["AAA"])
    assert refusal.value.code == "10197"


async def test_what_has_come_by_the_deadline_is_the_quote(world: World) -> None:
    client = await world.client(quote_timeout_seconds=0.5)
    world.tap.swallow_replies(_HALTED_TICK, times=None)
    (price,) = await client.get_multiple_market_prices(["AAA"])
    assert (price.bid, price.ask, price.halted) == (Decimal(100), Decimal("100.02"), None)


async def test_a_two_sided_quote_does_not_wait_long_for_the_rest(world: World) -> None:
    client = await world.client()
    world.tap.swallow_replies(_HALTED_TICK, times=None)
    async with asyncio.timeout(2):
        (price,) = await client.get_multiple_market_prices(["AAA"])
    assert price.bid == 100


def test_a_first_price_may_take_as_long_as_the_deadline_allows() -> None:
    async def wait_for_it() -> None:
        async with open_world() as world:
            client = await world.client(quote_timeout_seconds=12)
            held: list[Fields] = []
            for reply in _PRICES_AND_REMARKS:
                world.tap.on_reply(reply, held.append, times=None, swallow=True)
            question = asyncio.create_task(client.get_multiple_market_prices(["AAA"]))
            await asyncio.sleep(11)
            for fields in held:
                world.tap.say(*fields)
            (price,) = await question
            assert (price.bid, price.ask) == (Decimal(100), Decimal("100.02"))

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(wait_for_it())


async def test_the_kind_of_feed_alone_is_no_quote(world: World) -> None:
    client = await world.client(quote_timeout_seconds=0.05)
    for reply in _PRICES_AND_REMARKS:
        world.tap.swallow_replies(reply, times=None)
    with pytest.raises(MarketDataError, match=r"AAA: no quote arrived within 0\.05 s"):
        await client.get_multiple_market_prices(["AAA"])


async def test_a_quote_is_as_old_as_its_last_tick(world: World) -> None:
    now = [_NOW]
    client = await world.client(clock=lambda: now[0])
    (first,) = await client.get_multiple_market_prices(["AAA"])
    now[0] += timedelta(minutes=5)
    (again,) = await client.get_multiple_market_prices(["AAA"])
    assert first.as_of == again.as_of == _NOW
    world.exchange.set_quote(1, quote("101", "101.50"))
    await client.server_time()
    now[0] += timedelta(minutes=5)
    (moved,) = await client.get_multiple_market_prices(["AAA"])
    assert moved.as_of == _NOW + timedelta(minutes=5)


async def test_a_price_from_before_an_interruption_is_neither_told_nor_kept(world: World) -> None:
    client = await world.client()
    await client.get_instruments(["AAA"])

    def interrupt(_: Fields) -> bool:
        world.tap.say(4, 2, -1, 1101, "Connectivity restored- data lost.", "")
        return True

    world.tap.on_reply(_HALTED_TICK, interrupt)  # the prices have come by then
    with pytest.raises(MarketDataError, match="AAA: the market data line ended"):
        await client.get_multiple_market_prices(["AAA"])
    world.exchange.set_quote(1, quote("90", "90.02"))
    (price,) = await client.get_multiple_market_prices(["AAA"], use_cache=True)
    assert price.bid == 90


async def test_silence_until_the_deadline_is_an_error(world: World) -> None:
    client = await world.client(quote_timeout_seconds=0.05)
    world.tap.swallow_requests(_MARKET_DATA)
    with pytest.raises(MarketDataError, match=r"AAA: no quote arrived within 0\.05 s"):
        await client.get_multiple_market_prices(["AAA"])


async def test_a_session_that_ends_is_a_connection_error(world: World) -> None:
    client = await world.client()
    world.tap.on_request(_MARKET_DATA, lambda _: world.tap.drop())
    with pytest.raises(BrokerConnectionError):
        await client.get_multiple_market_prices(["AAA"])


async def test_no_symbol_is_no_quote_and_an_unknown_one_is_refused(world: World) -> None:
    client = await world.client()
    assert await client.get_multiple_market_prices([]) == []
    with pytest.raises(UnknownSymbol):
        await client.get_multiple_market_prices(["NOPE"])


async def test_a_cached_quote_serves_until_it_is_too_old(world: World) -> None:
    now = [_NOW]
    client = await world.client(price_cache_ttl_seconds=30, clock=lambda: now[0])
    first = await client.get_multiple_market_prices(["AAA"])
    now[0] += timedelta(seconds=30)
    world.exchange.set_quote(1, quote("101", "101.50"))
    await client.server_time()
    assert await client.get_multiple_market_prices(["AAA"], use_cache=True) == first
    now[0] += timedelta(seconds=1)
    (later,) = await client.get_multiple_market_prices(["AAA"], use_cache=True)
    assert later.bid == 101


async def test_a_line_that_ib_ends_is_told_and_opened_again(world: World) -> None:
    client = await world.client()
    await client.get_multiple_market_prices(["AAA"])
    (opened,) = [fields for _, fields in world.tap.sent if fields[0] == str(_MARKET_DATA)]
    world.tap.say(4, 2, opened[2], 10197, "No market data during competing live session", "")
    await client.server_time()
    with pytest.raises(MarketDataError) as refusal:
        await client.get_multiple_market_prices(["AAA"])
    assert refusal.value.code == "10197"
    (price,) = await client.get_multiple_market_prices(["AAA"])
    assert price.bid == 100


async def test_an_interrupted_link_empties_the_cache(world: World) -> None:
    client = await world.client()
    await client.get_multiple_market_prices(["AAA"])
    world.tap.say(4, 2, -1, 1101, "Connectivity restored- data lost.", "")
    await client.server_time()
    await client.get_multiple_market_prices(["AAA"], use_cache=True)
    assert world.tap.numbers().count(_MARKET_DATA) == 2


async def test_a_price_that_is_not_a_number_is_none(world: World) -> None:
    def nonsense(fields: Fields) -> bool:
        world.tap.say(_TICK_PRICE, 6, fields[2], 1, "NaN", 100, 0)
        return True

    client = await world.client()
    world.tap.on_reply(_TICK_PRICE, nonsense)
    (price,) = await client.get_multiple_market_prices(["AAA"])
    assert (price.bid, price.ask) == (None, Decimal("100.02"))


@pytest.mark.parametrize("value", [-1.0, 0.0, math.nan, math.inf, 1.7976931348623157e308])
def test_every_way_to_show_no_price_is_none(value: float) -> None:
    ticks = [tick(1, value), tick(2, value), tick(4, value), tick(9, value)]
    price = assemble("AAA", ticks, _NOW)
    assert (price.bid, price.ask, price.last, price.close) == (None, None, None, None)


def test_a_side_without_size_holds_no_shares() -> None:
    price = assemble("AAA", [tick(1, 10.0, 0), tick(2, 10.5), tick(9, 10.2, 0)], _NOW)
    assert (price.bid, price.ask, price.close) == (None, Decimal("10.5"), Decimal("10.2"))


def test_the_last_tick_of_a_kind_counts() -> None:
    assert assemble("AAA", [tick(1, 10.0), tick(1, 10.1)], _NOW).bid == Decimal("10.1")


@pytest.mark.parametrize(
    ("kind", "quality"),
    [
        (1, QuoteQuality.LIVE),
        (2, QuoteQuality.FROZEN),
        (3, QuoteQuality.DELAYED),
        (4, QuoteQuality.DELAYED_FROZEN),
    ],
)
def test_the_feed_is_the_one_that_ib_returns(kind: int, quality: QuoteQuality) -> None:
    assert assemble("AAA", [feed(kind), tick(66, 10.0)], _NOW).quality in (
        quality,
        QuoteQuality.DELAYED,
    )
    assert assemble("AAA", [feed(kind)], _NOW).quality is quality


def test_delayed_ticks_are_delayed_even_if_nobody_says_so() -> None:
    price = assemble("AAA", [tick(66, 10.0), tick(67, 10.1)], _NOW)
    assert (price.quality, price.bid) == (QuoteQuality.DELAYED, Decimal(10))


@pytest.mark.parametrize(
    ("value", "halted"), [(0.0, False), (1.0, True), (2.0, True), (-1.0, None), (math.nan, None)]
)
@pytest.mark.parametrize("kind", [49, 90])
def test_halted_has_three_answers(kind: int, value: float, halted: bool | None) -> None:
    assert assemble("AAA", [tick(kind, value, None)], _NOW).halted is halted


@pytest.mark.parametrize(
    ("bid", "ask", "last", "close", "expected"),
    [
        (10, 12, 11, 9, 11),
        (10, 12, 8, 9, 10),
        (10, 12, 15, 9, 12),
        (10, 12, None, 9, 11),
        (12, 10, 15, 9, 15),
        (None, 12, 15, 9, 15),
        (None, 12, None, 9, 9),
        (None, None, None, None, None),
    ],
)
def test_a_share_is_worth_the_last_price_held_within_the_spread(
    bid: int | None, ask: int | None, last: int | None, close: int | None, expected: int | None
) -> None:
    price = ContractPrice.model_validate(
        {"symbol": "AAA", "bid": bid, "ask": ask, "last": last, "close": close}
    )
    assert mark(price) == expected
