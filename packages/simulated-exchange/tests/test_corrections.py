"""Fills that are corrected or busted; every figure is worked out by hand."""

from collections.abc import Callable
from decimal import Decimal as D

import pytest

from simulated_exchange import (
    AccountChanged,
    CommissionCharged,
    ExchangeError,
    Executed,
    FillPolicy,
    Instrument,
    OrderChanged,
    OrderState,
    PositionChanged,
    Reason,
)
from simulated_exchange.testing import ACCOUNT, SPY, Pit


def fills(pit: Pit) -> list[str]:
    return [fill.exec_id for fill in pit.exchange.executions()]


def test_a_corrected_price_moves_cash_cost_and_the_orders_average() -> None:
    pit = Pit()
    order = pit.buy(10)
    pit.events.clear()
    fixed = pit.exchange.correct(fills(pit)[0], price=D("100.50"))
    assert fixed.exec_id == "0000e0d5.67fe667c.01.02"
    assert (fixed.price, fixed.average_price, fixed.cumulative_quantity) == (
        D("100.50"),
        D("100.50"),
        D(10),
    )
    # 100000 - 1005.00 - 1.00
    assert pit.cash() == D("98994.00")
    assert pit.exchange.account(ACCOUNT).positions[SPY].average_cost == D("100.60")
    assert pit.exchange.order(order.order_id).average_fill_price == D("100.50")
    assert pit.exchange.order(order.order_id).status is OrderState.FILLED
    assert [type(event) for event in pit.events] == [
        Executed,
        PositionChanged,
        AccountChanged,
        OrderChanged,
        CommissionCharged,
    ]
    assert pit.exchange.audit() == []


def test_a_second_correction_corrects_the_first() -> None:
    pit = Pit()
    pit.buy(10)
    first = pit.exchange.correct(fills(pit)[0], price=D("100.50"))
    second = pit.exchange.correct(first.exec_id, price=D("99.00"))
    assert second.exec_id.endswith(".01.03")
    assert pit.cash() == D("99009.00")
    assert len(fills(pit)) == 3
    assert pit.exchange.audit() == []


def test_a_bust_undoes_a_fill_and_its_commission() -> None:
    pit = Pit()
    order = pit.buy(10)
    pit.exchange.correct(fills(pit)[0], quantity=D(0))
    assert (pit.cash(), pit.held()) == (D(100_000), D(0))
    done = pit.exchange.order(order.order_id)
    assert (done.status, done.filled, done.average_fill_price) == (OrderState.FILLED, D(0), None)
    assert pit.exchange.audit() == []


def test_a_position_is_as_if_the_fill_had_always_been_so() -> None:
    pit = Pit(positions={SPY: (10, 90)})
    pit.buy(10)  # 1001.00
    first = fills(pit)[-1]
    pit.quote("120.00", "120.00")
    pit.sell(10)  # 1199.00
    sale = fills(pit)[-1]
    pit.exchange.correct(first, price=D(102))
    # The cost of 20 is 900 + 1021, half of it goes with the sale.
    assert pit.exchange.commission_report(sale).realized_pnl == D("238.5")
    assert pit.exchange.account(ACCOUNT).positions[SPY].average_cost == D("96.05")
    assert pit.exchange.account(ACCOUNT).realized_pnl == D("238.5")
    assert pit.exchange.audit() == []


def test_what_a_bust_takes_from_a_live_order_it_may_trade_again() -> None:
    pit = Pit()
    pit.exchange.fill_policy = FillPolicy.partial(4, stall=True)
    order = pit.buy(10)
    pit.exchange.correct(fills(pit)[0], quantity=D(1))
    assert pit.exchange.order(order.order_id).remaining == 9
    pit.exchange.fill_policy = FillPolicy.immediate()
    assert pit.exchange.order(order.order_id).status is OrderState.FILLED
    # The commission of an order of ten is the minimum, once.
    assert (pit.held(), pit.cash()) == (D(10), D("98999.00"))
    assert pit.exchange.audit() == []


def test_a_purchase_can_be_undone_after_the_shares_were_sold() -> None:
    pit = Pit()
    pit.buy(10)
    pit.sell(10)
    pit.exchange.correct(fills(pit)[0], quantity=D(6))
    assert pit.held() == -4
    assert pit.exchange.audit() == []


def test_a_conversion_can_be_corrected() -> None:
    pair = Instrument(con_id=7, symbol="EUR", sec_type="CASH", min_tick=D("0.0001"))
    pit = Pit(instruments=(pair,), rates={"EUR": D(1)})
    pit.quote("1.1", "1.1", con_id=7)
    pit.buy(1000, con_id=7)
    pit.exchange.correct(fills(pit)[0], quantity=D(900), price=D("1.2"))
    # 900 x 1.2, and a commission of 900 x 0.005
    assert pit.exchange.account(ACCOUNT).cash == {"EUR": D(900), "USD": D("98915.50")}
    assert pit.exchange.audit() == []


@pytest.mark.parametrize(
    ("attempt", "reason"),
    [
        (lambda pit, fill: pit.exchange.correct("nonsense"), Reason.UNKNOWN_ORDER),
        (lambda pit, fill: pit.exchange.correct(fill, price=D(0)), Reason.BAD_PRICE),
        (lambda pit, fill: pit.exchange.correct(fill, price=D("NaN")), Reason.BAD_PRICE),
        (lambda pit, fill: pit.exchange.correct(fill, quantity=D(-1)), Reason.BAD_QUANTITY),
        (lambda pit, fill: pit.exchange.correct(fill, quantity=D(11)), Reason.BAD_QUANTITY),
    ],
)
def test_an_impossible_correction_is_refused_and_changes_nothing(
    attempt: Callable[[Pit, str], object], reason: Reason
) -> None:
    pit = Pit()
    pit.buy(10)
    before = pit.exchange.save()
    with pytest.raises(ExchangeError) as refused:
        attempt(pit, fills(pit)[0])
    assert refused.value.reason is reason
    assert pit.exchange.save() == before


def test_what_was_corrected_or_split_since_cannot_be_corrected() -> None:
    pit = Pit()
    pit.buy(10)
    first = fills(pit)[0]
    fixed = pit.exchange.correct(first, price=D(99))
    with pytest.raises(ExchangeError, match="corrected already"):
        pit.exchange.correct(first, price=D(98))
    pit.exchange.split(SPY, D(2))
    with pytest.raises(ExchangeError, match="was split or renamed since"):
        pit.exchange.correct(fixed.exec_id, price=D(98))
    pit.buy(10)
    assert pit.exchange.correct(fills(pit)[-1], price=D(49)).price == 49
    assert pit.exchange.audit() == []
