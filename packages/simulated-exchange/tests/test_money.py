"""Currencies, transfers, settlement and margin; every figure is worked out by hand."""

from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from simulated_exchange import AccountChanged, ExchangeError, Instrument, OrderState
from simulated_exchange.testing import ACCOUNT, IBM, SPY, Pit

FRIDAY = datetime(2025, 3, 28, 15, 0, tzinfo=UTC)
EUR_USD = 7


def currencies(**terms: Any) -> Pit:
    pair = Instrument(con_id=EUR_USD, symbol="EUR", sec_type="CASH", min_tick=D("0.00005"))
    share = Instrument(con_id=SPY, symbol="SPY")
    pit = Pit(instruments=(pair, share), rates={"EUR": D("1.10")}, **terms)
    pit.quote("1.0999", "1.1000", con_id=EUR_USD)
    return pit


def test_buying_a_pair_moves_both_currencies_and_leaves_no_position() -> None:
    pit = currencies(cash={"USD": 10_000})
    pit.buy(1000, con_id=EUR_USD)
    account = pit.exchange.account(ACCOUNT)
    # 1000 x 1.10, and a commission of 1000 x 0.005
    assert account.cash == {"USD": D("8895.00"), "EUR": D(1000)}
    assert account.positions == {}
    assert account.net_liquidation == D("9995.00")
    moved = [event for event in pit.events if isinstance(event, AccountChanged)]
    assert [(event.currency, event.cash) for event in moved] == [
        ("EUR", D(1000)),
        ("USD", D("8895.00")),
    ]
    pit.sell(1000, con_id=EUR_USD)
    # 8895 + 1099.90 - 5.00
    assert pit.exchange.account(ACCOUNT).cash == {"USD": D("9989.90"), "EUR": D(0)}
    assert pit.exchange.audit() == []


def test_who_sells_a_currency_pays_with_it() -> None:
    pit = currencies(cash={"USD": 10_000, "EUR": 1000})
    order = pit.sell(600, limit="1.2", con_id=EUR_USD)
    with pytest.raises(ExchangeError, match=r"has 400\.00 EUR free .* needs 401\.00 EUR"):
        pit.sell(401, con_id=EUR_USD)
    pit.exchange.modify(order.order_id, quantity=D(1000))
    pit.exchange.cancel(order.order_id)
    assert pit.sell(1000, con_id=EUR_USD).status is OrderState.FILLED
    assert pit.exchange.audit() == []


def test_a_margin_account_borrows_a_currency_against_margin() -> None:
    pit = currencies(cash={"USD": 1000}, account={"margin": True})
    with pytest.raises(ExchangeError, match="INSUFFICIENT_FUNDS"):
        pit.sell(1900, con_id=EUR_USD)  # 1900 x 1.10 at 50 % are 1045
    pit.sell(1800, con_id=EUR_USD)
    assert pit.cash("EUR") == -1800


def test_transfers_change_cash_are_told_and_stay_accountable() -> None:
    pit = currencies(cash={"USD": 100})
    pit.exchange.transfer(ACCOUNT, "USD", D("50.25"))
    pit.exchange.transfer(ACCOUNT, "EUR", D(10))
    pit.exchange.transfer(ACCOUNT, "USD", D(-120))
    assert pit.exchange.account(ACCOUNT).cash == {"USD": D("30.25"), "EUR": D(10)}
    told = [(e.currency, e.cash) for e in pit.events if isinstance(e, AccountChanged)]
    assert told == [("USD", D("150.25")), ("EUR", D(10)), ("USD", D("30.25"))]
    assert pit.exchange.audit() == []
    with pytest.raises(ValueError, match="rate for CHF"):
        pit.exchange.transfer(ACCOUNT, "CHF", D(1))


def test_a_new_rate_values_what_is_held_in_that_currency() -> None:
    pit = currencies(cash={"USD": 100, "EUR": 100})
    pit.exchange.set_rate("EUR", D("1.25"))
    assert pit.exchange.account(ACCOUNT).net_liquidation == 225
    for currency, rate in (("USD", D(2)), ("EUR", D(0))):
        with pytest.raises(ValueError, match="a rate is positive"):
            pit.exchange.set_rate(currency, rate)


def test_shares_bought_with_unsettled_money_are_counted_until_it_settles() -> None:
    account = {"settlement_days": 1}
    pit = Pit(start=FRIDAY, cash={"USD": 1000}, positions={SPY: (100, 90)}, account=account)
    pit.sell(100)  # 9998.00 that settle on Monday
    pit.buy(50, con_id=IBM)  # 5001.00, of which 1000.00 are there
    unpaid = D(50) * 4001 / 5001
    assert pit.exchange.account(ACCOUNT).unpaid_quantities == {IBM: unpaid}
    pit.sell(5, con_id=IBM)
    assert pit.exchange.account(ACCOUNT).free_rides == 0
    pit.sell(20, con_id=IBM)  # leaves 25, and 40.0008 are not paid
    free_rider = pit.exchange.account(ACCOUNT)
    assert free_rider.free_rides == 1
    assert sum(free_rider.unpaid_quantities.values()) == 25
    pit.clock.advance(3 * 24 * 3600)
    assert pit.exchange.account(ACCOUNT).unpaid_quantities == {}
    pit.sell(25, con_id=IBM)
    assert pit.exchange.account(ACCOUNT).free_rides == 1


def test_money_that_is_there_pays_for_everything_it_buys() -> None:
    pit = Pit(positions={SPY: (100, 90)}, account={"settlement_days": 1})
    pit.sell(100)
    pit.buy(50, con_id=IBM)
    pit.sell(50, con_id=IBM)
    account = pit.exchange.account(ACCOUNT)
    assert (account.unpaid_quantities, account.free_rides) == ({}, 0)


@pytest.mark.parametrize(
    ("price", "initial", "maintenance"),
    [
        (100, 5000, 3000),  # half, and 30 % of 100 x 100
        (4, 200, 500),  # at least five dollars a share
    ],
)
def test_a_short_needs_the_margin_of_the_rules(price: int, initial: int, maintenance: int) -> None:
    short = {"margin": True, "allow_short": True}
    pit = Pit(positions={SPY: (-100, 90)}, account=short)
    pit.quote(price, price)
    account = pit.exchange.account(ACCOUNT)
    assert account.initial_margin == initial
    assert account.maintenance_margin == maintenance


def test_live_orders_show_the_margin_that_they_may_need() -> None:
    pit = Pit(cash={"USD": 1000}, account={"margin": True, "allow_short": True})
    buy = pit.buy(10, limit=99)
    assert pit.exchange.account(ACCOUNT).order_margin == D("495.5")  # (10 x 99 + 1) / 2
    pit.exchange.cancel(buy.order_id)
    short = pit.sell(10, limit=100)  # needs (10 x 100 + 1) / 2 = 500.50
    assert pit.exchange.account(ACCOUNT).order_margin == D("499.975")  # 10 x 99.995 / 2
    with pytest.raises(ExchangeError, match=r"has 500\.0\d USD free .* needs 500\.50 USD"):
        pit.sell(10, limit=100, con_id=IBM)
    assert pit.exchange.modify(short.order_id, quantity=D(15)).status is OrderState.WORKING


def test_a_cash_account_shows_no_order_margin() -> None:
    pit = Pit()
    pit.buy(10, limit=99)
    assert pit.exchange.account(ACCOUNT).order_margin == 0
