"""What has settled in a cash account, and when the rest will have."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ibkr_connector.settlement import Settlement, settlement
from ibkr_connector.testing.world import open_world, small_exchange


def found(schedule: str, cash: str) -> Settlement | None:
    return settlement(schedule, Decimal(cash))


def test_a_rising_schedule_tells_what_is_pending_and_until_when() -> None:
    rising = "20261002:1234.56;20261005:2345.67"
    assert found(rising, "2345.67") == Settlement(Decimal("1111.11"), date(2026, 10, 5))


def test_a_schedule_that_stands_or_falls_leaves_nothing_pending() -> None:
    nothing = Settlement(Decimal(0), None)
    assert found("20260630:51755.46", "51755.46") == nothing
    assert found("20261002:2000;20261005:1500", "1500") == nothing
    # A payment first, then the money of a sale.
    both = "20261002:900;20261005:400;20261006:1000"
    assert found(both, "1000") == Settlement(Decimal(600), date(2026, 10, 6))


def test_what_was_traded_since_the_schedule_is_counted_with_care() -> None:
    rising = "20261002:1000;20261005:3000"
    # 500 more were sold for: pending as well. 200 were bought for: they have been paid.
    assert found(rising, "3500") == Settlement(Decimal(2500), date(2026, 10, 5))
    assert found(rising, "2800") == Settlement(Decimal(2000), date(2026, 10, 5))


@pytest.mark.parametrize("text", [None, "", "soon", "20261002", "20261002:1;x", "20261002:1.8e308"])
def test_anything_else_is_no_schedule(text: str | None) -> None:
    assert settlement(text, Decimal(1)) is None


async def test_money_of_a_sale_is_cash_that_has_not_settled() -> None:
    exchange = small_exchange()
    exchange.open_account(
        "DU300",
        cash={"USD": Decimal(1_000)},
        positions={1: (Decimal(10), Decimal(90))},
        settlement_days=1,
    )
    exchange.open_account("DU400", cash={"USD": Decimal(1_000)}, margin=True)
    async with open_world(exchange) as world:
        client = await world.client()
        await client.place_order("DU300", "AAA", Decimal(-5))
        snapshot = await client.get_account_snapshot("DU300")
        margin = await client.get_account_snapshot("DU400")
    assert snapshot.cash_account
    assert snapshot.settled_cash == 1_000
    assert snapshot.cash_balance == 1_499
    # By the gateway's schedule, which says the same as the exchange's books.
    (sale,) = exchange.account("DU300").pending_sales
    assert snapshot.settles_on == sale.settles.astimezone(ZoneInfo("America/New_York")).date()
    assert margin.settles_on is None
    assert not margin.cash_account
