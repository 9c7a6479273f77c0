"""Quotes, random walks and the search for instruments."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from simulated_exchange import (
    ExchangeError,
    Instrument,
    Quote,
    QuoteChanged,
    QuoteKind,
    RandomWalk,
)
from simulated_exchange.testing import IBM, MONDAY_10_00, SPY, Pit


@pytest.mark.parametrize(
    ("quote", "mark"),
    [
        (Quote(bid=D(10), ask=D(11), last=D("10.4")), "10.4"),
        (Quote(bid=D(10), ask=D(11), last=D(9)), "10"),
        (Quote(bid=D(10), ask=D(11), last=D(12)), "11"),
        (Quote(bid=D(10), ask=D(11)), "10.5"),
        (Quote(bid=D(11), ask=D(10), close=D(9)), "9"),  # crossed: the spread says nothing
        (Quote(bid=D(10), close=D(9)), "9"),
        (Quote(bid=D(10)), "10"),
        (Quote(ask=D(11)), "11"),
        (Quote(ask=D(11), last=D(8)), "8"),
    ],
)
def test_the_mark_is_the_last_trade_inside_the_spread(quote: Quote, mark: str) -> None:
    assert quote.mark == D(mark)


def test_a_quote_without_prices_has_no_mark() -> None:
    assert Quote().mark is None
    fresh = Pit(instruments=(Instrument(con_id=1, symbol="A"),)).exchange
    fresh.set_quote(1, Quote())
    assert fresh.quote(1).bid is None


def walked(seed: int, seconds: float) -> list[Quote]:
    pit = Pit()
    pit.exchange.walk(SPY, RandomWalk(seed=seed, interval=0.5, max_ticks=3, spread_ticks=2))
    pit.clock.advance(seconds)
    return [event.quote for event in pit.events if isinstance(event, QuoteChanged)]


def test_a_walk_steps_on_the_clock_and_stays_on_the_tick_grid() -> None:
    quotes = walked(1, 100)
    assert len(quotes) == 200
    assert [quote.at for quote in quotes[:2]] == [
        MONDAY_10_00 + timedelta(seconds=0.5),
        MONDAY_10_00 + timedelta(seconds=1),
    ]
    bids = [D("99.99")]
    for quote in quotes:
        assert quote.bid is not None
        assert quote.ask is not None
        assert quote.bid % D("0.01") == 0
        assert quote.ask - quote.bid == D("0.02")
        assert abs(quote.bid - bids[-1]) <= D("0.03")
        assert quote.last in (quote.bid, quote.ask)
        bids.append(quote.bid)
    assert len(set(bids)) > 10
    lasts = [quote.last for quote in quotes if quote.last is not None]
    assert (quotes[-1].high, quotes[-1].low) == (max(lasts), min(lasts))


def test_the_same_seed_walks_the_same_way_and_another_does_not() -> None:
    assert walked(1, 20) == walked(1, 20)
    assert walked(1, 20) != walked(2, 20)


def test_a_walk_does_not_depend_on_what_else_happens() -> None:
    pit = Pit()
    pit.exchange.walk(IBM, RandomWalk(seed=1, interval=0.2))
    pit.exchange.walk(SPY, RandomWalk(seed=1, interval=0.5, max_ticks=3, spread_ticks=2))
    pit.buy(10)
    pit.clock.advance(20)
    assert pit.exchange.quote(SPY) == walked(1, 20)[-1]


def test_a_walk_never_falls_below_one_tick() -> None:
    pit = Pit()
    pit.quote("0.01", "0.02")
    pit.exchange.walk(SPY, RandomWalk(max_ticks=5))
    pit.clock.advance(100)
    bids = [event.quote.bid for event in pit.events if isinstance(event, QuoteChanged)]
    assert min(bid for bid in bids if bid) == D("0.01")


def test_a_walk_can_be_replaced_and_stopped() -> None:
    pit = Pit()
    pit.exchange.walk(SPY, RandomWalk(interval=1))
    pit.exchange.walk(SPY, RandomWalk(interval=10))
    pit.clock.advance(10)
    assert len(pit.events) == 1
    pit.exchange.walk(SPY, None)
    pit.exchange.walk(SPY, None)
    pit.clock.advance(100)
    assert len(pit.events) == 1


def test_a_walk_fills_the_orders_that_it_reaches() -> None:
    pit = Pit()
    order = pit.buy(10, limit="99.98")
    pit.exchange.walk(SPY, RandomWalk(seed=3, max_ticks=5))
    pit.clock.advance(1000)
    (fill,) = pit.exchange.executions()
    assert (fill.order_id, fill.price) == (order.order_id, D("99.98"))


def test_an_impossible_walk_is_refused() -> None:
    with pytest.raises(ValueError, match="interval"):
        RandomWalk(interval=0)


def test_permission_for_quotes_is_set_for_all_or_for_one() -> None:
    exchange = Pit().exchange
    assert exchange.quote_kind(SPY) is QuoteKind.LIVE
    exchange.set_quote_kind(QuoteKind.DELAYED)
    exchange.set_quote_kind(QuoteKind.NONE, IBM)
    assert exchange.quote_kind(SPY) is QuoteKind.DELAYED
    assert exchange.quote_kind(IBM) is QuoteKind.NONE


def test_instruments_are_found_by_any_of_their_terms() -> None:
    spy = Instrument(con_id=1, symbol="SPY", primary_exchange="ARCA", valid_exchanges=("SMART",))
    lse = replace(spy, con_id=2, currency="GBP", exchange="LSE", primary_exchange="LSE")
    listed = replace(lse, con_id=3, valid_exchanges=("LSE",))
    exchange = Pit(instruments=(spy, lse, listed), rates={"GBP": D("1.3")}).exchange

    def found(**terms: str | int) -> list[int]:
        return [each.con_id for each in exchange.find_instruments(**terms)]  # type: ignore[arg-type]

    assert found() == found(symbol="SPY") == [1, 2, 3]
    assert found(symbol="SPY", currency="USD") == [1]
    assert found(symbol="SPY", exchange="SMART") == [1, 2]
    assert found(exchange="LSE", primary_exchange="LSE", sec_type="STK") == [2, 3]
    assert found(con_id=2) == [2]
    assert found(symbol="QQQ") == []
    assert exchange.instrument(2) is lse
    with pytest.raises(ExchangeError, match="UNKNOWN_INSTRUMENT"):
        exchange.instrument(4)
    with pytest.raises(ExchangeError, match="UNKNOWN_INSTRUMENT"):
        exchange.set_quote(4, Quote())
