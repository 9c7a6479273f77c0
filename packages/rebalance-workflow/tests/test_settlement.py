"""Cash accounts: settled cash alone is spent, the rest is bought when it is there."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker_connector_base import AccountSnapshot, Instrument, RunStatus
from broker_connector_base.models import Session
from broker_connector_base.testing import FakeBroker
from rebalance_workflow.settlement import settlement_day, spendable_cash, unsettled_cash
from rebalance_workflow.testing import World, make_world

#: Worth 12,000: most of what BBB needs has to come out of AAA and OLD.
SWITCH: dict[str, Any] = {
    "cash": 1_000,
    "shares": {"AAA": 100, "OLD": 50},
    "quotes": {"AAA": ("99.90", "100.10"), "BBB": ("49.95", "50.05"), "OLD": ("19.90", "20.10")},
    "weights": {"AAA": "0.3", "BBB": "0.7"},
}


def cash_world(**arguments: Any) -> World:
    world = make_world(**(SWITCH | arguments))
    world.holdings.cash_account = True
    return world


def bought(world: World) -> Decimal:
    return sum((q for symbol, q in world.sent() if symbol == "BBB"), Decimal(0))


async def test_a_run_buys_with_settled_cash_and_says_what_it_waits_for() -> None:
    world = cash_world()
    result = await world.run()
    assert result.status is RunStatus.DONE
    # 1,000 have settled: 19 shares at 50.30, the ask and half a percent, and 1.00 for the order. At
    # 50.05 they leave 48.05, which buys no other share. The reserve is in what will have settled.
    assert bought(world) == 19
    assert world.holdings.paid_unsettled == 0
    # 65 AAA at 99.90 and 50 OLD at 19.90, each less 1.00.
    assert {s: q for s, q in world.sent() if q < 0} == {"AAA": Decimal(-65), "OLD": Decimal(-50)}
    assert world.holdings.unsettled == Decimal("7486.50")
    assert result.awaited is not None
    assert result.awaited.amount == Decimal("7486.50")
    # The clock begins on Monday, 5 January 2026.
    assert result.awaited.settles_on == date(2026, 1, 6)
    assert (
        "7,486.50 USD of the cash settles on 2026-01-06; the rest is bought then" in result.warnings
    )


async def test_the_preview_shows_what_the_run_does() -> None:
    world = cash_world()
    preview = await world.preview()
    result = await world.run()
    assert {t.symbol: t.quantity for t in preview.proposed_trades} == world.traded()
    assert preview.awaited == result.awaited
    assert preview.cash_after == result.cash_after


async def next_session(world: World) -> None:
    await asyncio.sleep(18 * 3600)
    world.holdings.settle()
    world.books.begin_trading_day()


async def test_a_second_run_waits_and_the_next_session_buys_the_rest() -> None:
    world = cash_world()
    await world.run()
    first_day = len(world.sent())
    again = await world.run()
    assert again.status is RunStatus.NOTHING_TO_DO
    assert again.awaited is not None
    assert len(world.sent()) == first_day
    await next_session(world)
    rest = await world.run()
    assert rest.status is RunStatus.DONE
    assert rest.awaited is None
    assert [symbol for symbol, _ in world.sent()[first_day:]] == ["BBB"]
    assert world.holdings.paid_unsettled == 0
    assert (await world.run()).status is RunStatus.NOTHING_TO_DO


class Hasty(FakeBroker):
    """Calls everything settled at once, as one that schedules settlement a moment later."""

    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        found = await super().get_account_snapshot(account_id, use_cached_prices)
        return found.model_copy(update={"settled_cash": found.cash_balance})


async def test_what_the_run_itself_sold_is_not_spent_whatever_the_broker_says() -> None:
    world = cash_world()
    world.broker = Hasty(world.books)
    preview = await world.preview()
    result = await world.run()
    assert bought(world) == 19
    assert world.holdings.paid_unsettled == 0
    assert {t.symbol: t.quantity for t in preview.proposed_trades} == world.traded()
    assert preview.awaited == result.awaited


async def test_a_margin_account_buys_at_once() -> None:
    world = make_world(**SWITCH)
    result = await world.run()
    # 70 % of 12,000, less 1 % reserve, is 8,316; 166 shares at 50.05 are 8,308.30.
    assert bought(world) == 166
    assert result.awaited is None
    assert not [text for text in result.warnings if "settles" in text]


async def test_money_of_an_earlier_sale_is_not_spent_either() -> None:
    world = cash_world(shares={}, cash=10_000)
    world.holdings.unsettled = Decimal(9_000)
    result = await world.run()
    assert result.status is RunStatus.DONE
    assert sum(q * p for q, p in _bought(world)) <= 1_000
    assert result.awaited is not None
    assert result.awaited.amount == 9_000
    # All of it: nothing can be bought, and nothing is wrong.
    world = cash_world(shares={}, cash=10_000)
    world.holdings.unsettled = Decimal(10_000)
    result = await world.run()
    assert result.status is RunStatus.NOTHING_TO_DO
    assert world.sent() == []


def _bought(world: World) -> list[tuple[Decimal, Decimal]]:
    return [(fill.quantity, fill.price) for fill in world.books.executions if fill.quantity > 0]


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cash=st.integers(200, 50_000),
    shares=st.lists(st.integers(0, 200), min_size=3, max_size=3),
    weights=st.lists(st.integers(0, 10), min_size=3, max_size=3).filter(any),
    settled=st.sampled_from(["0", "0.5", "1"]),
)
async def test_no_account_ever_spends_what_has_not_settled(
    cash: int, shares: list[int], weights: list[int], settled: str
) -> None:
    names = ("AAA", "BBB", "OLD")
    world = cash_world(
        cash=cash,
        shares={s: n for s, n in zip(names, shares, strict=True) if n},
        weights={
            s: (Decimal(w) / sum(weights)).quantize(Decimal("0.00001"))
            for s, w in zip(names, weights, strict=True)
        },
    )
    world.holdings.unsettled = cash * (1 - Decimal(settled))
    for _ in range(3):
        preview = await world.preview()
        before = world.traded()
        result = await world.run()
        assert result.status in (RunStatus.DONE, RunStatus.NOTHING_TO_DO), result.error
        after = world.traded()
        moved = {s: after[s] - before.get(s, 0) for s in after if after[s] != before.get(s, 0)}
        assert moved == {t.symbol: t.quantity for t in preview.proposed_trades}
        assert (await world.run()).status is RunStatus.NOTHING_TO_DO
        await next_session(world)
    assert world.holdings.paid_unsettled == 0
    assert result.awaited is None


def snapshot(**fields: Any) -> AccountSnapshot:
    known = {"account_id": "DU1", "total_value": 1000, "cash_balance": 500, "cash_account": True}
    return AccountSnapshot.model_validate(known | fields)


def test_what_a_broker_does_not_call_settled_is_not_spent() -> None:
    assert unsettled_cash(snapshot()) == 500
    assert spendable_cash(snapshot()) == 0
    assert spendable_cash(snapshot(settled_cash=300)) == 300
    # A purchase leaves settled cash at once, so it can be more than the balance says.
    assert unsettled_cash(snapshot(settled_cash=600)) == 0
    assert unsettled_cash(snapshot(cash_account=False)) == 0
    assert spendable_cash(snapshot(cash_account=False)) is None


def test_money_in_other_currencies_is_not_spent_on_buys() -> None:
    held = {"USD": Decimal(200), "EUR": Decimal(250)}
    assert spendable_cash(snapshot(settled_cash=450, cash_by_currency=held)) == 150


def opening(*days: int) -> Instrument:
    hours = tuple(
        Session(
            opens=datetime(2026, 1, day, 14, 30, tzinfo=UTC),
            closes=datetime(2026, 1, day, 21, tzinfo=UTC),
        )
        for day in days
    )
    return Instrument(symbol="AAA", instrument_id="1", min_tick=Decimal("0.01"), liquid_hours=hours)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        # Sold in Friday's session: Monday 19 January is a holiday.
        (datetime(2026, 1, 16, 15, tzinfo=UTC), date(2026, 1, 20)),
        (datetime(2026, 1, 16, 22, tzinfo=UTC), date(2026, 1, 20)),
        # Sold on Friday, and asked before Tuesday's session.
        (datetime(2026, 1, 20, 12, tzinfo=UTC), date(2026, 1, 20)),
    ],
)
def test_cash_settles_before_the_next_session(now: datetime, day: date) -> None:
    assert settlement_day(snapshot(), [opening(16, 20, 21)], now) == day


def test_without_known_hours_it_is_the_next_weekday_unless_the_broker_says_more() -> None:
    friday = datetime(2026, 1, 16, 15, tzinfo=UTC)
    assert settlement_day(snapshot(), [opening()], friday) == date(2026, 1, 19)
    told = snapshot(settles_on=date(2026, 1, 21))
    assert settlement_day(told, [opening(16, 20)], friday) == date(2026, 1, 21)
