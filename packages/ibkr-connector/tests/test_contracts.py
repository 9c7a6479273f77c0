"""Symbols become contracts once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from broker_connector_base import UnknownSymbol
from ibkr_connector import ContractCache
from ibkr_connector.contract_cache import Listing
from ibkr_connector.testing.world import ACCOUNT, World, open_world, quote, small_exchange, stock

_CONTRACT_DETAILS, _PLACE_ORDER, _MARKET_DATA = 9, 3, 1


async def test_an_instrument_says_what_an_order_needs(world: World) -> None:
    client = await world.client()
    (instrument,) = await client.get_instruments(["BRK.B"])
    assert (instrument.symbol, instrument.instrument_id) == ("BRK.B", "3")
    assert (instrument.currency, instrument.exchange) == ("USD", "NYSE")
    assert (instrument.min_tick, instrument.lot_size) == (Decimal("0.01"), Decimal(1))
    assert instrument.name == "BRK B Inc"
    assert instrument.liquid_hours


async def test_a_symbol_is_asked_for_once(world: World) -> None:
    client = await world.client()
    await client.get_instruments(["AAA", "BBB", "AAA"])
    await client.get_multiple_market_prices(["BBB", "AAA"])
    await client.place_order(ACCOUNT, "AAA", 1)
    assert world.tap.numbers().count(_CONTRACT_DETAILS) == 2


async def test_a_kept_cache_saves_the_question_in_the_next_session(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "cache" / "contracts.json"
    first = await world.client(1, contract_cache=ContractCache(path))
    asked = await first.get_instruments(["AAA", "BRK.B"])
    second = await world.client(2, contract_cache=ContractCache(path))
    assert await second.get_instruments(["AAA", "BRK.B"]) == asked
    assert world.tap.numbers().count(_CONTRACT_DETAILS) == 2


async def test_two_processes_add_to_one_cache_file(world: World, tmp_path: Path) -> None:
    path = tmp_path / "contracts.json"
    first = await world.client(1, contract_cache=ContractCache(path))
    second = await world.client(2, contract_cache=ContractCache(path))
    await first.get_instruments(["AAA"])
    await second.get_instruments(["BBB"])
    kept = ContractCache(path)
    assert [kept.get(symbol, "USD") is not None for symbol in ("AAA", "BBB")] == [True, True]


async def test_a_cache_that_cannot_be_written_stops_nothing(world: World, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the directory should be")
    client = await world.client(contract_cache=ContractCache(tmp_path / "state" / "contracts.json"))
    (instrument,) = await client.get_instruments(["AAA"])
    assert instrument.symbol == "AAA"


def test_a_disk_that_fills_up_leaves_no_half_written_cache(tmp_path: Path) -> None:
    listing = Listing(
        symbol="AAA",
        con_id=1,
        currency="USD",
        primary_exchange="",
        name="",
        min_tick=Decimal("0.01"),
        lot_size=Decimal(1),
        time_zone="US/Eastern",
        liquid_hours="",
        asked_at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    # A directory in the file's place can no more be replaced than a file on a full disk.
    path = tmp_path / "contracts.json"
    path.mkdir()
    cache = ContractCache(path)
    cache.put([listing])
    assert cache.get("AAA", "USD") == listing
    assert [found.name for found in tmp_path.iterdir()] == ["contracts.json"]


async def test_an_unreadable_cache_is_asked_anew(world: World, tmp_path: Path) -> None:
    path = tmp_path / "contracts.json"
    path.write_text('[{"symbol": "AAA"}]')
    client = await world.client(contract_cache=ContractCache(path))
    assert (await client.get_instruments(["AAA"]))[0].instrument_id == "1"
    assert ContractCache(path).get("AAA", "USD") is not None


async def test_a_cache_that_was_filled_under_ibs_own_spelling_is_not_traded_from(
    world: World, tmp_path: Path
) -> None:
    cache = ContractCache(tmp_path / "contracts.json")
    client = await world.client(contract_cache=cache)
    await client.get_instruments(["BRK.B"])
    known = cache.get("BRK.B", "USD")
    assert known is not None
    cache.put([known.model_copy(update={"symbol": "BRK B"})])
    with pytest.raises(UnknownSymbol, match=r"BRK B: write BRK\.B"):
        await client.place_order(ACCOUNT, "BRK B", 1)
    assert world.tap.numbers().count(_PLACE_ORDER) == 0


async def test_hours_that_are_over_are_asked_for_again(world: World) -> None:
    now = datetime.now(UTC)
    cache = ContractCache()
    client = await world.client(1, contract_cache=cache)
    await client.get_instruments(["AAA"])
    later = await world.client(2, contract_cache=cache, clock=lambda: now + timedelta(days=30))
    await later.get_multiple_market_prices(["AAA"])
    assert world.tap.numbers().count(_CONTRACT_DETAILS) == 1
    await later.get_instruments(["AAA"])
    assert world.tap.numbers().count(_CONTRACT_DETAILS) == 2


async def test_unknown_symbols_are_all_named(world: World) -> None:
    client = await world.client()
    with pytest.raises(UnknownSymbol, match=r"NOPE.*NEITHER") as unknown:
        await client.get_instruments(["NOPE", "AAA", "NEITHER"])
    assert unknown.value.code == "200"


async def test_an_ambiguous_symbol_names_its_candidates() -> None:
    twins = (
        stock(10, "TWIN", primary_exchange="NASDAQ", long_name="Twin Corp"),
        stock(11, "TWIN", primary_exchange="ARCA", long_name="Twin Fund"),
    )
    async with open_world(small_exchange(*twins)) as world:
        client = await world.client()
        with pytest.raises(UnknownSymbol) as ambiguous:
            await client.place_order(ACCOUNT, "TWIN", 1)
        assert "Twin Corp on NASDAQ (conId 10)" in str(ambiguous.value)
        assert "Twin Fund on ARCA (conId 11)" in str(ambiguous.value)
        assert _PLACE_ORDER not in world.tap.numbers()


async def test_a_listing_in_another_currency_is_another_thing() -> None:
    listings = (
        stock(10, "DUAL", primary_exchange="NYSE"),
        stock(11, "DUAL", primary_exchange="IBIS", currency="EUR"),
    )
    async with open_world(small_exchange(*listings)) as world:
        dollars = await world.client(1)
        euros = await world.client(2, currency="EUR")
        assert [i.instrument_id for i in await dollars.get_instruments(["DUAL"])] == ["10"]
        assert [i.instrument_id for i in await euros.get_instruments(["DUAL"])] == ["11"]


async def test_a_lost_gateway_is_not_an_unknown_symbol(world: World) -> None:
    client = await world.client(request_timeout_seconds=0.5)
    world.tap.swallow_requests(_CONTRACT_DETAILS)
    with pytest.raises(Exception, match="did not answer the question for the contract of AAA"):
        await client.get_instruments(["AAA"])


async def test_an_order_names_the_instrument_that_was_told_whatever_the_cache_says_by_now(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "contracts.json"
    client = await world.client(1, contract_cache=ContractCache(path))
    (instrument,) = await client.get_instruments(["AAA"])
    listing = ContractCache(path).get("AAA", "USD")
    assert listing is not None
    # Another process finds the symbol at another listing, and this one reads the file again.
    ContractCache(path).put([listing.model_copy(update={"con_id": 9})])
    await client.get_instruments(["BBB"])
    await client.get_multiple_market_prices(["AAA"])
    await client.place_order(ACCOUNT, "AAA", 1)
    named = [f[3] for _, f in world.tap.sent if f[0] == str(_MARKET_DATA)]
    named += [f[2] for _, f in world.tap.sent if f[0] == str(_PLACE_ORDER)]
    assert named == [instrument.instrument_id] * 2 == ["1", "1"]


async def test_every_position_says_which_instrument_it_is() -> None:
    exchange = small_exchange(stock(9, "AAA", primary_exchange="ARCA"))
    held = {1: (Decimal(1), Decimal(90)), 9: (Decimal(2), Decimal(90))}
    exchange.open_account("DU300", cash={"USD": Decimal(1_000)}, positions=held)
    exchange.set_quote(9, quote("7", "7.02", last=Decimal(7)))
    async with open_world(exchange) as world:
        client = await world.client()
        snapshot = await client.get_account_snapshot("DU300")
    assert [
        (p.symbol, p.instrument_id, p.quantity, p.market_price) for p in snapshot.positions
    ] == [
        ("AAA", "1", Decimal(1), Decimal("100.01")),
        ("AAA", "9", Decimal(2), Decimal(7)),
    ]
