"""What an order would do; every figure is worked out by hand."""

from decimal import Decimal as D
from typing import Any

import pytest

from simulated_exchange import ExchangeError, OrderType, Reason, Side
from simulated_exchange.testing import SPY, Pit, request


def test_a_purchase_on_margin_needs_half_of_its_value_and_costs_spread_and_commission() -> None:
    pit = Pit(cash={"USD": 10_000}, positions={SPY: (100, 90)}, account={"margin": True})
    pit.quote("99.90", "100.10", last="100")
    effect = pit.exchange.preview(request(Side.BUY, 50))
    assert (effect.price, effect.commission, effect.currency) == (D("100.10"), D("1.00"), "USD")
    # Half and a quarter of 100 x 100, then of 150 x 100.
    assert (effect.initial_margin.before, effect.initial_margin.after) == (D(5000), D(7500))
    assert effect.maintenance_margin.change == 1250
    # 50 x 0.10 above the mark and 1.00 of commission
    assert (effect.equity.before, effect.equity.change) == (D(20_000), D("-6.00"))


def test_a_sale_frees_margin_and_a_short_needs_it_again() -> None:
    account = {"margin": True, "allow_short": True}
    pit = Pit(cash={"USD": 10_000}, positions={SPY: (100, 90)}, account=account)
    pit.quote("100.00", "100.00", last="100")
    assert pit.exchange.preview(request(Side.SELL, 60)).initial_margin.change == -3000
    assert pit.exchange.preview(request(Side.SELL, 140)).initial_margin.after == 2000


def test_an_order_is_valued_at_its_own_price_before_the_markets() -> None:
    pit = Pit()
    stop: dict[str, Any] = {"order_type": OrderType.STP, "stop_price": D("103.00")}
    assert pit.exchange.preview(request(Side.BUY, 1, 95)).price == 95
    assert pit.exchange.preview(request(Side.BUY, 1, **stop)).price == 103
    pit.quote(None, None, last=97)
    assert pit.exchange.preview(request(Side.BUY, 1)).price == 97


def test_a_preview_books_nothing_and_tells_nobody() -> None:
    pit = Pit(positions={SPY: (100, 90)})
    before = pit.exchange.save()
    pit.exchange.preview(request(Side.BUY, 10))
    pit.exchange.preview(request(Side.SELL, 10))
    assert pit.exchange.save() == before
    assert pit.events == []


def test_what_would_be_refused_is_refused() -> None:
    pit = Pit()
    with pytest.raises(ExchangeError) as refused:
        pit.exchange.preview(request(Side.BUY, 1000))
    assert refused.value.reason is Reason.INSUFFICIENT_FUNDS
    with pytest.raises(ExchangeError, match="NO_SHORT"):
        pit.exchange.preview(request(Side.SELL, 1))


def test_a_sale_without_any_price_cannot_be_previewed() -> None:
    pit = Pit(positions={SPY: (100, 90)})
    pit.quote(None, None)
    with pytest.raises(ExchangeError, match="NO_PRICE"):
        pit.exchange.preview(request(Side.SELL, 1))
