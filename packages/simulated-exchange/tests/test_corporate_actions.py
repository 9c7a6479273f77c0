"""Splits, renames, and the profit and loss of a day; every figure is worked out by hand."""

from decimal import Decimal as D

import pytest

from simulated_exchange import (
    ExchangeError,
    Instrument,
    OrderState,
    PositionChanged,
    Quote,
    Reason,
)
from simulated_exchange.testing import ACCOUNT, IBM, SPY, Pit

DAY = 24 * 3600


def test_a_split_multiplies_shares_divides_prices_and_keeps_the_cost() -> None:
    pit = Pit(positions={SPY: (10, 90)})
    pit.quote("300.00", "300.03", last="300.00", size=100)
    order = pit.sell(5, limit=310)
    other = pit.buy(1, limit=90, con_id=IBM)
    pit.exchange.split(SPY, D(3))
    account = pit.exchange.account(ACCOUNT)
    position = account.positions[SPY]
    assert (position.quantity, position.average_cost) == (D(30), D(30))
    assert account.cash["USD"] == 100_000
    quote = pit.exchange.quote(SPY)
    assert (quote.bid, quote.ask, quote.bid_size) == (D("100.00"), D("100.01"), D(300))
    assert pit.exchange.order(order.order_id).status is OrderState.CANCELLED
    assert pit.exchange.order(other.order_id).status is OrderState.WORKING
    told = [event for event in pit.events if isinstance(event, PositionChanged)]
    assert [(event.quantity, event.average_cost) for event in told] == [(D(30), D(30))]
    assert pit.exchange.audit() == []


def test_a_reverse_split_pays_fractions_out_at_the_new_price() -> None:
    pit = Pit(positions={SPY: (25, 8)})
    pit.quote("10.00", "10.00", last="10.00")
    pit.exchange.split(SPY, D("0.1"))
    account = pit.exchange.account(ACCOUNT)
    # 2.5 shares at 80: half a share goes for 50 of the new price of 100.
    assert account.positions[SPY].quantity == 2
    assert account.positions[SPY].average_cost == 80
    assert account.cash["USD"] == 100_050
    assert account.realized_pnl == 10
    assert pit.exchange.audit() == []


def test_fractions_can_be_kept() -> None:
    pit = Pit(positions={SPY: (25, 8)})
    pit.exchange.split(SPY, D("0.1"), keep_fractions=True)
    account = pit.exchange.account(ACCOUNT)
    assert account.positions[SPY].quantity == D("2.5")
    assert account.positions[SPY].average_cost == 80
    assert account.cash["USD"] == 100_000


def test_a_split_counts_in_the_figures_of_settlement_too() -> None:
    pit = Pit(positions={SPY: (100, 90)}, cash={"USD": 0}, account={"settlement_days": 1})
    pit.sell(100)
    pit.buy(10, con_id=IBM)
    pit.exchange.split(IBM, D(2))
    assert pit.exchange.account(ACCOUNT).unpaid_quantities == {IBM: D(20)}


@pytest.mark.parametrize("ratio", ["0", "-1", "NaN"])
def test_an_impossible_split_is_refused(ratio: str) -> None:
    with pytest.raises(ValueError, match="positive ratio"):
        Pit().exchange.split(SPY, D(ratio))


def test_a_rename_moves_positions_to_another_listing_and_ends_the_old_one() -> None:
    pit = Pit(positions={SPY: (10, 90)})
    order = pit.sell(5, limit=120)
    pit.exchange.rename(SPY, Instrument(con_id=202, symbol="SPYX"))
    account = pit.exchange.account(ACCOUNT)
    assert set(account.positions) == {202}
    assert account.positions[202].quantity == 10
    assert account.positions[202].average_cost == 90
    assert account.net_liquidation == 100_000 + 10 * D("99.995")
    assert pit.exchange.order(order.order_id).status is OrderState.CANCELLED
    assert pit.exchange.find_instruments(symbol="SPY") == []
    assert pit.exchange.instrument(SPY).symbol == "SPY"  # for whoever holds its id
    with pytest.raises(ExchangeError) as refused:
        pit.buy(1)
    assert refused.value.reason is Reason.UNKNOWN_INSTRUMENT
    assert pit.sell(10, con_id=202).status is OrderState.FILLED
    assert pit.exchange.audit() == []


def test_a_listing_cannot_become_one_that_exists_or_another_currency() -> None:
    pit = Pit()
    for successor in (
        Instrument(con_id=IBM, symbol="X"),
        Instrument(con_id=9, symbol="X", currency="EUR"),
    ):
        with pytest.raises(ValueError, match="needs a new con_id and USD"):
            pit.exchange.rename(SPY, successor)


def mark_at(pit: Pit, price: str, close: str | None) -> None:
    at = None if close is None else D(close)
    pit.exchange.set_quote(SPY, Quote(bid=D(price), ask=D(price), last=D(price), close=at))


def test_the_profit_of_a_day_counts_from_the_close_and_from_the_trades() -> None:
    pit = Pit(positions={SPY: (100, 80)})
    mark_at(pit, "102", "100")
    pit.buy(10)  # 1020.00 and a commission of 1.00
    pit.sell(30)  # 3060.00, 1.00
    mark_at(pit, "105", "100")
    pnl = pit.exchange.pnl(ACCOUNT, SPY)
    # 80 x 105 - 100 x 100 - 1021 + 3059
    assert pnl.daily == 438
    # The cost of 110 is 8000 + 1021, and 30 of them went for 3059.
    assert pnl.realized == D(3059) - D(9021) * 30 / 110
    assert abs(pnl.unrealized - (D(8400) - D(9021) * 80 / 110)) < D("1e-20")
    assert pit.exchange.pnl(ACCOUNT) == pnl
    pit.clock.advance(DAY)
    mark_at(pit, "104", "105")
    tomorrow = pit.exchange.pnl(ACCOUNT, SPY)
    assert (tomorrow.daily, tomorrow.realized) == (D(-80), D(0))


def test_what_was_never_held_and_what_has_no_close_gained_nothing() -> None:
    pit = Pit(positions={SPY: (100, 80)})
    mark_at(pit, "102", None)
    assert pit.exchange.pnl(ACCOUNT, SPY).daily == 0
    assert pit.exchange.pnl(ACCOUNT, IBM).daily == 0


def test_a_split_is_no_gain() -> None:
    pit = Pit(positions={SPY: (100, 80)})
    mark_at(pit, "102", "100")
    pit.exchange.split(SPY, D(2))
    # 200 x (51 - 50)
    assert pit.exchange.pnl(ACCOUNT, SPY).daily == 200
