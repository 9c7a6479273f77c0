"""Snapshots, and the base currency in them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from broker_connector_base import AccountDataError, AccountNotFound, BrokerConnectionError
from ibkr_connector import IBKRClient, is_paper_account
from ibkr_connector.accounts import AccountValues
from ibkr_connector.messages import AccountLine
from ibkr_connector.testing.tap import Fields
from ibkr_connector.testing.world import (
    ACCOUNT,
    OTHER_ACCOUNT,
    World,
    open_world,
    quote,
    small_exchange,
    stock,
)
from simulated_exchange import Instrument, QuoteKind

_ACCOUNT_VALUE, _POSITION, _MARKET_DATA = 73, 71, 1
OPTION = Instrument(
    con_id=20,
    symbol="AAA",
    sec_type="OPT",
    multiplier=Decimal(100),
    strike=Decimal(110),
    right="C",
    last_trade_date="20271217",
)


def values(*lines: tuple[str, str, str], preferred: str = "USD") -> AccountValues:
    return AccountValues(
        "U1",
        [AccountLine(tag=tag, value=value, currency=currency) for tag, value, currency in lines],
        preferred_currency=preferred,
    )


async def test_a_snapshot_holds_what_the_exchange_has_in_its_books(world: World) -> None:
    client = await world.client()
    snapshot = await client.get_account_snapshot(ACCOUNT)
    assert snapshot.total_value == Decimal("103250.10")  # 100,000 + 10 x 100.01 + 5 x 450
    assert snapshot.cash_balance == snapshot.settled_cash == 100_000
    assert snapshot.cash_by_currency == {"USD": Decimal(100_000)}
    assert snapshot.available_funds == 100_000
    assert [
        (p.symbol, p.quantity, p.market_price, p.market_value, p.average_cost, p.instrument_id)
        for p in snapshot.positions
    ] == [
        ("AAA", Decimal(10), Decimal("100.01"), Decimal("1000.10"), Decimal(90), "1"),
        ("BRK.B", Decimal(5), Decimal(450), Decimal(2250), Decimal(400), "3"),
    ]


async def test_each_account_of_the_login_has_its_own_picture(world: World) -> None:
    client = await world.client()
    other = await client.get_account_snapshot(OTHER_ACCOUNT)
    assert (other.total_value, other.positions) == (Decimal(5_000), ())
    with pytest.raises(AccountNotFound, match="U999; it has DU100, DU200"):
        await client.get_account_snapshot("U999")


async def test_the_base_currency_is_the_accounts_own() -> None:
    exchange = small_exchange(stock(10, "EEE", currency="EUR"))
    exchange.open_account(
        "DU300",
        base_currency="EUR",
        cash={"EUR": Decimal(1_000), "USD": Decimal(220)},
        positions={10: (Decimal(3), Decimal(40))},
    )
    exchange.set_quote(10, quote("50", "50.10", last=Decimal(50)))
    async with open_world(exchange) as world:
        client = await world.client()
        snapshot = await client.get_account_snapshot("DU300")
    assert snapshot.currency == "EUR"
    assert snapshot.cash_balance == 1_200  # 220 dollars are 200 euros
    assert snapshot.total_value == 1_350
    assert snapshot.cash_by_currency == {"EUR": Decimal(1_000), "USD": Decimal(220)}
    (position,) = snapshot.positions
    assert (position.currency, position.market_value) == ("EUR", Decimal(150))


async def test_options_and_unpriced_stocks_are_shown_without_a_price() -> None:
    exchange = small_exchange(OPTION, stock(10, "DARK"))
    exchange.open_account(
        "DU300",
        cash={"USD": Decimal(1_000)},
        positions={
            20: (Decimal(-2), Decimal(300)),
            10: (Decimal("1.5"), Decimal(10)),
            1: (Decimal(-4), Decimal(90)),
        },
    )
    exchange.set_quote_kind(QuoteKind.NONE, 10)
    async with open_world(exchange) as world:
        client = await world.client()
        snapshot = await client.get_account_snapshot("DU300")
        assert world.tap.numbers().count(_MARKET_DATA) == 2  # the option is not asked for
    assert [
        (p.symbol, p.security_type, p.quantity, p.market_value) for p in snapshot.positions
    ] == [
        ("AAA", "OPT", Decimal(-2), None),
        ("DARK", "STK", Decimal("1.5"), None),
        ("AAA", "STK", Decimal(-4), Decimal("-400.04")),
    ]


@pytest.mark.parametrize("quantity", ["NaN", "1.7976931348623157E308", "Infinity"])
async def test_a_position_whose_shares_cannot_be_read_is_no_empty_one(
    world: World, quantity: str
) -> None:
    client = await world.client()

    def unreadable(fields: Fields) -> bool:
        world.tap.say(*(quantity if field == "10" else field for field in fields))
        return True

    world.tap.on_reply(_POSITION, unreadable)  # AAA comes first, of which 10 are held
    with pytest.raises(AccountDataError, match=r"shares of AAA in account DU100. Nothing was sent"):
        await client.get_account_snapshot(ACCOUNT)
    assert len((await client.get_account_snapshot(ACCOUNT)).positions) == 2


async def test_a_snapshot_and_the_quotes_around_it_share_their_lines(world: World) -> None:
    client = await world.client()
    await client.get_account_snapshot(ACCOUNT)
    await client.get_multiple_market_prices(["AAA", "BRK.B", "BBB"])
    await client.get_account_snapshot(ACCOUNT, use_cached_prices=True)
    assert world.tap.numbers().count(_MARKET_DATA) == 3


async def test_a_snapshot_leaves_no_account_subscription_behind(world: World) -> None:
    client = await world.client()
    await client.get_account_snapshot(ACCOUNT)
    await client.server_time()
    (session,) = world.gateway.sessions.values()
    assert not session.subscriptions.account_requests
    assert not session.subscriptions.position_requests


@pytest.mark.parametrize("tag", ["NetLiquidation", "TotalCashValue"])
async def test_a_snapshot_without_its_foundation_is_refused(world: World, tag: str) -> None:
    client = await world.client()
    world.tap.on_reply(_ACCOUNT_VALUE, lambda fields: tag in fields, times=None)
    with pytest.raises(AccountDataError, match="DU100"):
        await client.get_account_snapshot(ACCOUNT)


async def test_a_worthless_account_is_refused() -> None:
    exchange = small_exchange()
    exchange.open_account("DU300", cash={"USD": Decimal(0)})
    async with open_world(exchange) as world:
        client = await world.client()
        with pytest.raises(AccountDataError, match="worth 0 USD"):
            await client.get_account_snapshot("DU300")


async def test_positions_that_never_come_are_no_empty_account(world: World) -> None:
    client: IBKRClient = await world.client(request_timeout_seconds=0.5)
    world.tap.on_request(74, lambda _: True)
    with pytest.raises(BrokerConnectionError, match="positions of DU100"):
        await client.get_account_snapshot(ACCOUNT)


async def test_an_account_that_is_not_ready_is_refused(world: World) -> None:
    def not_ready(fields: Fields) -> None:
        world.tap.say(73, 1, fields[2], ACCOUNT, "", "AccountReady", "false", "")

    client = await world.client()
    world.tap.on_reply(_ACCOUNT_VALUE, not_ready)
    world.tap.on_reply(_ACCOUNT_VALUE, lambda fields: "AccountReady" in fields, times=None)
    with pytest.raises(AccountDataError, match="not ready"):
        await client.get_account_snapshot(ACCOUNT)


def test_the_base_line_counts_not_the_last_one() -> None:
    read = values(
        ("NetLiquidation", "1000", "EUR"),
        ("CashBalance", "100", "EUR"),
        ("CashBalance", "5000", "JPY"),
        ("CashBalance", "131", "BASE"),
        ("TotalCashValue", "131", "EUR"),
    )
    assert read.base_currency == "EUR"
    assert read.required("TotalCashValue") == 131
    assert read.by_currency("CashBalance") == {"EUR": Decimal(100), "JPY": Decimal(5_000)}


def test_of_several_net_liquidations_the_one_at_par_counts() -> None:
    read = values(
        ("NetLiquidation", "1000", "EUR"),
        ("NetLiquidation", "1100", "USD"),
        ("ExchangeRate", "1.00", "EUR"),
        ("ExchangeRate", "0.91", "USD"),
    )
    assert (read.base_currency, read.net_liquidation()) == ("EUR", Decimal(1000))


def test_a_value_that_is_told_as_base_only_is_understood() -> None:
    read = values(
        ("NetLiquidation", "1000", "BASE"),
        ("ExchangeRate", "1.00", "CHF"),
        ("ExchangeRate", "1.00", "BASE"),
    )
    assert (read.base_currency, read.net_liquidation()) == ("CHF", Decimal(1000))


def test_the_configured_currency_decides_between_two_at_par() -> None:
    lines = (
        ("NetLiquidation", "1000", "BASE"),
        ("ExchangeRate", "1.00", "USD"),
        ("ExchangeRate", "1.00", "CHF"),
    )
    assert values(*lines).base_currency == "USD"
    with pytest.raises(AccountDataError, match="in which currency"):
        values(*lines, preferred="EUR")


@pytest.mark.parametrize("value", ["", "1.7976931348623157E308", "nan"])
def test_a_net_liquidation_that_is_no_number_is_missing(value: str) -> None:
    with pytest.raises(AccountDataError, match="no NetLiquidation"):
        values(("NetLiquidation", value, "USD")).net_liquidation()


@pytest.mark.parametrize(
    ("account_id", "is_paper"),
    [("DU123456", True), ("DUM959247", True), ("DF12345", True), ("U123456", False), ("F1", False)],
)
def test_paper_accounts_are_known_by_their_id(account_id: str, is_paper: bool) -> None:
    assert is_paper_account(account_id) is is_paper
