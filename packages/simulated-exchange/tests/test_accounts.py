"""What accounts own and are worth; every figure is worked out by hand."""

from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from simulated_exchange import ExchangeError, Instrument, OrderState, Reason
from simulated_exchange.testing import ACCOUNT, IBM, SPY, Pit

FRIDAY = datetime(2025, 3, 28, 15, 0, tzinfo=UTC)


def test_average_cost_includes_commissions_and_a_sale_realizes_against_it() -> None:
    pit = Pit()
    pit.buy(100)  # 10000.00 + 1.00
    pit.quote("109.99", 110)
    pit.buy(100)  # 11000.00 + 1.00
    position = pit.exchange.account(ACCOUNT).positions[SPY]
    assert position.average_cost == D("105.01")

    pit.quote("120.00", "120.01")
    pit.sell(50)  # 6000.00 - 1.00 - 50 x 105.01
    report = pit.exchange.commission_report(pit.exchange.executions()[-1].exec_id)
    assert report.realized_pnl == D("748.50")
    account = pit.exchange.account(ACCOUNT)
    position = account.positions[SPY]
    assert (position.quantity, position.average_cost) == (D(150), D("105.01"))
    # marked at 120.005, the middle of the spread: 150 x (120.005 - 105.01)
    assert (position.market_price, position.unrealized_pnl) == (D("120.005"), D("2249.25"))
    assert (account.realized_pnl, account.unrealized_pnl) == (D("748.50"), D("2249.25"))
    # 100000 - 10001 - 11001 + 5999 + 150 x 120.005
    assert account.net_liquidation == D("102997.75")


def test_an_opening_fill_realizes_nothing() -> None:
    pit = Pit()
    pit.buy(1)
    (fill,) = pit.exchange.executions()
    assert pit.exchange.commission_report(fill.exec_id).realized_pnl is None


def test_what_was_sold_to_the_last_share_is_no_position_but_its_result_stays() -> None:
    pit = Pit(positions={SPY: (10, 90)})
    pit.sell(10)
    account = pit.exchange.account(ACCOUNT)
    assert account.positions == {}
    # 10 x 99.99 - 1.00 - 10 x 90
    assert account.realized_pnl == D("98.90")


def test_a_sale_through_zero_closes_the_long_and_opens_a_short() -> None:
    pit = Pit(positions={SPY: (10, 90)}, account={"margin": True, "allow_short": True})
    pit.sell(40)
    (fill,) = pit.exchange.executions()
    # A quarter closes: 10 x 99.99 - 0.25 - 900; the rest opens at 99.99 less 0.75 / 30.
    assert pit.exchange.commission_report(fill.exec_id).realized_pnl == D("99.65")
    position = pit.exchange.account(ACCOUNT).positions[SPY]
    assert (position.quantity, position.average_cost) == (D(-30), D("99.965"))

    pit.buy(30)
    account = pit.exchange.account(ACCOUNT)
    assert account.positions == {}
    # cash moved by 40 x 99.99 - 1.00 - 30 x 100 - 1.00
    assert account.cash["USD"] == D("100997.60")
    assert account.net_liquidation == D("100997.60")


def test_a_short_needs_margin() -> None:
    pit = Pit(cash={"USD": 1000}, account={"margin": True, "allow_short": True})
    with pytest.raises(ExchangeError, match="INSUFFICIENT_FUNDS"):
        pit.sell(20)  # 20 x 100.00 + 1.00 at 50 % are 1000.50
    assert pit.sell(19).status is OrderState.FILLED


def test_margin_figures_follow_reg_t() -> None:
    pit = Pit(cash={"USD": 10_000}, positions={SPY: (400, 90)}, account={"margin": True})
    pit.quote("99.99", "100.01", last=100)
    account = pit.exchange.account(ACCOUNT)
    assert account.gross_position_value == 40_000
    assert account.net_liquidation == 50_000
    assert (account.initial_margin, account.maintenance_margin) == (D(20_000), D(10_000))
    assert (account.available_funds, account.excess_liquidity) == (D(30_000), D(40_000))
    assert account.buying_power == 60_000


def test_a_margin_account_buys_up_to_its_buying_power() -> None:
    pit = Pit(cash={"USD": 10_000}, account={"margin": True})
    with pytest.raises(ExchangeError) as refused:
        pit.buy(200)  # 20000.00 + 1.00 at 50 %
    assert refused.value.reason is Reason.INSUFFICIENT_FUNDS
    pit.buy(100, limit=99)
    with pytest.raises(ExchangeError):
        pit.buy(101)  # live orders count: 9901 + 10101 at 50 %
    assert pit.buy(100).status is OrderState.FILLED
    pit.quote("98.99", "99.00")
    account = pit.exchange.account(ACCOUNT)
    assert account.cash["USD"] == D("-9902.00")
    assert pit.exchange.audit() == []


def test_a_cash_account_has_the_buying_power_of_its_cash() -> None:
    pit = Pit(cash={"USD": 10_000}, positions={SPY: (400, 90)})
    account = pit.exchange.account(ACCOUNT)
    assert account.buying_power == account.available_funds == 10_000
    assert account.excess_liquidity == 10_000


def test_sales_settle_at_once_unless_told_otherwise() -> None:
    pit = Pit(positions={SPY: (10, 90)})
    pit.sell(10)
    assert pit.exchange.account(ACCOUNT).settled_cash["USD"] == pit.cash() == D("100998.90")


def test_the_money_of_a_friday_sale_settles_on_monday_when_settlement_takes_a_day() -> None:
    pit = Pit(start=FRIDAY, positions={SPY: (10, 90)}, account={"settlement_days": 1})
    pit.sell(4)
    pit.buy(1)
    pit.clock.advance(2 * 24 * 3600)
    account = pit.exchange.account(ACCOUNT)
    # The sale brought 4 x 99.99 - 1.00, the purchase took 101.00 at once (its fee is 1 %, 1.00).
    assert account.cash["USD"] == D("100297.96")
    assert account.settled_cash["USD"] == D("99899.00")
    pit.clock.advance(24 * 3600)
    pit.sell(1)
    account = pit.exchange.account(ACCOUNT)
    # 100297.96 + 99.99 less the cap of 1 %
    assert account.cash["USD"] == D("100396.9501")
    assert account.settled_cash["USD"] == D("100297.96")


def test_the_money_of_a_sale_is_there_when_its_day_begins() -> None:
    pit = Pit(start=FRIDAY, positions={SPY: (10, 90)}, account={"settlement_days": 1})
    pit.sell(4)
    (sale,) = pit.exchange.account(ACCOUNT).pending_sales
    # Midnight in New York, where clocks are four hours behind since 9 March: 4 x 99.99 - 1.00.
    monday = datetime(2025, 3, 31, 4, 0, tzinfo=UTC)
    assert (sale.settles, sale.currency, sale.amount) == (monday, "USD", D("398.96"))
    pit.clock.advance((monday - FRIDAY).total_seconds() - 1)
    assert pit.exchange.account(ACCOUNT).settled_cash["USD"] == 100_000
    pit.clock.advance(1)
    account = pit.exchange.account(ACCOUNT)
    assert (account.settled_cash["USD"], account.pending_sales) == (D("100398.96"), ())


def test_the_money_of_a_sale_before_a_holiday_settles_after_it() -> None:
    wednesday = datetime(2026, 11, 25, 15, tzinfo=UTC)
    account = {"settlement_days": 1}
    pit = Pit(start=wednesday, cash={"USD": 0}, positions={IBM: (10, 90)}, account=account)
    pit.sell(10, con_id=IBM)
    pit.clock.advance(24 * 3600)  # Thanksgiving
    assert pit.exchange.account(ACCOUNT).settled_cash["USD"] == 0
    pit.clock.advance(24 * 3600)
    assert pit.exchange.account(ACCOUNT).settled_cash["USD"] == D("998.90")


EUR_SHARE = Instrument(con_id=7, symbol="ASML", currency="EUR")
SPY_ONLY = Instrument(con_id=SPY, symbol="SPY")


def test_a_margin_account_may_buy_in_a_currency_that_it_must_borrow() -> None:
    pit = Pit(
        instruments=(SPY_ONLY, EUR_SHARE),
        rates={"EUR": D("1.10")},
        account={"margin": True},
        positions={SPY: (10, 100)},
    )
    pit.buy(100, con_id=7)
    account = pit.exchange.account(ACCOUNT)
    assert account.cash == {"USD": D(100_000), "EUR": D("-10001.00")}
    assert account.exchange_rates == {"USD": D(1), "EUR": D("1.10")}
    # marked at 99.995: 100000 - 10001 x 1.1 + 100 x 99.995 x 1.1 + 10 x 99.995
    assert account.net_liquidation == D("100998.30")
    assert account.total_cash == D("88998.90")


def test_a_cash_account_pays_in_the_instruments_own_currency() -> None:
    instruments = (SPY_ONLY, EUR_SHARE)
    pit = Pit(instruments=instruments, rates={"EUR": D("1.10")}, cash={"USD": 5000, "EUR": 500})
    with pytest.raises(ExchangeError, match=r"500\.00 EUR free"):
        pit.buy(5, con_id=7)
    assert pit.buy(4, con_id=7).status is OrderState.FILLED


def test_a_base_currency_other_than_the_dollar_converts_everything() -> None:
    pit = Pit(
        instruments=(SPY_ONLY, EUR_SHARE),
        rates={"EUR": D("1.25")},
        cash={"USD": 1000, "EUR": 100},
        positions={SPY: (1, 80)},
        account={"base_currency": "EUR"},
    )
    account = pit.exchange.account(ACCOUNT)
    assert account.total_cash == 900
    # 99.995 / 1.25
    assert account.gross_position_value == D("79.996")
    assert account.unrealized_pnl == D("15.996")


def test_options_count_with_their_multiplier() -> None:
    option = Instrument(
        con_id=9, symbol="SPY", sec_type="OPT", multiplier=D(100), right="C", strike=D(600)
    )
    pit = Pit(instruments=(option,))
    pit.quote("2.00", "2.05", con_id=9)
    pit.buy(3, con_id=9)
    position = pit.exchange.account(ACCOUNT).positions[9]
    # 3 x 100 x 2.05, and a commission of 1.00
    assert pit.cash() == D("99384.00")
    assert position.average_cost == D(616) / 3
    assert (position.market_price, position.market_value) == (D("2.025"), D("607.5"))


def test_a_position_without_any_price_is_worth_nothing_yet() -> None:
    pit = Pit(positions={IBM: (10, 90)})
    pit.quote(None, None, con_id=IBM)
    account = pit.exchange.account(ACCOUNT)
    assert account.net_liquidation == 100_000
    assert account.positions[IBM].market_price == 0


def test_accounts_and_listings_that_cannot_be_are_refused() -> None:
    pit = Pit()
    exchange = pit.exchange
    assert exchange.account_ids() == [ACCOUNT]
    with pytest.raises(ValueError, match="open already"):
        exchange.open_account(ACCOUNT, cash={})
    with pytest.raises(ValueError, match="rate for CHF"):
        exchange.open_account("DU2", cash={"CHF": D(1)})
    with pytest.raises(ExchangeError, match="UNKNOWN_INSTRUMENT"):
        exchange.open_account("DU2", cash={}, positions={9: (D(1), D(1))})
    with pytest.raises(ExchangeError, match="UNKNOWN_ACCOUNT"):
        exchange.account("DU2")
    with pytest.raises(ValueError, match="listed twice"):
        Pit(instruments=(SPY_ONLY, SPY_ONLY))
    with pytest.raises(ValueError, match="rate for EUR"):
        Pit(instruments=(EUR_SHARE,))
    with pytest.raises(ValueError, match="con_id"):
        Instrument(con_id=0, symbol="X")
    with pytest.raises(ValueError, match="min_tick"):
        Instrument(con_id=1, symbol="X", min_tick=D(0))
