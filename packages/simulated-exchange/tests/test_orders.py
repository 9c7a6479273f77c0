"""Orders from submission to their end."""

from decimal import Decimal as D

import pytest

from simulated_exchange import (
    AccountChanged,
    CommissionCharged,
    Executed,
    Liquidity,
    Order,
    OrderChanged,
    OrderState,
    PositionChanged,
    QuoteChanged,
    TimeInForce,
)
from simulated_exchange.orders import TRANSITIONS
from simulated_exchange.testing import IBM, MONDAY_10_00, SPY, Pit, request


def test_a_market_order_fills_at_the_ask_and_moves_shares_and_cash() -> None:
    pit = Pit()
    order = pit.buy(10, order_ref="rb:1", owner=(7, 1))
    assert order.status is OrderState.FILLED
    assert (order.filled, order.remaining, order.average_fill_price) == (D(10), D(0), D(100))
    # 10 x 100.00 and the minimum commission of 1.00
    assert pit.cash() == D("98999.00")
    assert pit.held() == 10


def test_a_market_fill_tells_its_story_in_this_order() -> None:
    pit = Pit()
    order = pit.buy(10)
    working, executed, position, account, filled, commission = pit.events
    assert isinstance(working, OrderChanged)
    assert working.order.status is OrderState.WORKING
    assert isinstance(executed, Executed)
    assert executed.execution.order_id == order.order_id
    assert isinstance(position, PositionChanged)
    assert (position.quantity, position.average_cost) == (D(10), D("100.10"))
    assert isinstance(account, AccountChanged)
    assert account.cash == D("98999.00")
    assert isinstance(filled, OrderChanged)
    assert filled.order == order
    assert isinstance(commission, CommissionCharged)
    assert commission.report.commission == D("1.00")


def test_an_execution_carries_what_a_client_needs_to_recognize_it() -> None:
    pit = Pit()
    order = pit.buy(10, order_ref="rb:1", owner=(7, 1))
    (fill,) = pit.exchange.executions()
    assert fill.exec_id == "0000e0d5.67fe667c.01.01"
    assert fill.order_id == order.order_id == 1_700_000_001
    assert (fill.request.order_ref, fill.request.owner) == ("rb:1", (7, 1))
    assert (fill.quantity, fill.price, fill.cumulative_quantity) == (D(10), D(100), D(10))
    assert (fill.average_price, fill.liquidity) == (D(100), Liquidity.REMOVED)
    assert fill.at == MONDAY_10_00


def test_a_marketable_limit_order_gets_the_better_market_price() -> None:
    pit = Pit()
    assert pit.buy(10, limit="100.50").average_fill_price == 100
    assert pit.sell(10, limit="99.00").average_fill_price == D("99.99")


def test_a_resting_limit_order_trades_at_its_limit_when_the_quote_reaches_it() -> None:
    pit = Pit()
    order = pit.buy(10, limit="99.50")
    assert order.status is OrderState.WORKING
    pit.quote("99.49", "99.51")
    assert pit.exchange.order(order.order_id).filled == 0
    pit.quote("99.10", "99.20")
    (fill,) = pit.exchange.executions()
    assert (fill.price, fill.liquidity) == (D("99.50"), Liquidity.ADDED)


def test_orders_compete_for_liquidity_by_price_and_then_by_time() -> None:
    pit = Pit(partial_fills=True)
    low = pit.buy(10, limit="98.00")
    early = pit.buy(10, limit="98.50")
    late = pit.buy(10, limit="98.50")
    pit.quote("97.00", "97.50", size=25)
    filled = [pit.exchange.order(order.order_id).filled for order in (early, late, low)]
    assert filled == [10, 10, 5]


def test_quoted_size_limits_a_fill_until_the_next_quote() -> None:
    pit = Pit(partial_fills=True)
    pit.quote("99.99", 100, size=30)
    order = pit.buy(100)
    assert (order.status, order.filled) == (OrderState.PARTIALLY_FILLED, D(30))
    pit.quote("100.00", "100.01", size=70)
    done = pit.exchange.order(order.order_id)
    assert done.status is OrderState.FILLED
    # (30 x 100.00 + 70 x 100.01) / 100
    assert done.average_fill_price == D("100.007")


def test_a_crossed_quote_fills_and_a_one_sided_one_makes_market_orders_wait() -> None:
    pit = Pit()
    pit.quote(None, 100, last=100)
    waiting = pit.buy(10)
    assert waiting.status is OrderState.WORKING
    assert pit.buy(10, limit=100).status is OrderState.FILLED
    pit.quote("100.02", "100.01")
    assert pit.exchange.order(waiting.order_id).average_fill_price == D("100.01")


@pytest.mark.parametrize("halted", [1, 2])
def test_nothing_trades_while_the_instrument_is_halted(halted: int) -> None:
    pit = Pit()
    pit.quote("99.99", 100, halted=halted)
    market, limit = pit.buy(10), pit.buy(10, limit=101)
    assert market.filled == limit.filled == 0
    pit.quote("99.99", 100)
    assert pit.exchange.order(market.order_id).status is OrderState.FILLED
    assert pit.exchange.order(limit.order_id).average_fill_price == 100


def test_an_ioc_order_fills_what_it_can_and_cancels_the_rest() -> None:
    pit = Pit(partial_fills=True)
    pit.quote("99.99", 100, size=30)
    order = pit.buy(100, limit=100, time_in_force=TimeInForce.IOC)
    assert (order.status, order.filled) == (OrderState.CANCELLED, D(30))
    late = Pit(start=MONDAY_10_00.replace(hour=22)).buy(
        1, con_id=IBM, time_in_force=TimeInForce.IOC
    )
    assert (late.status, late.filled) == (OrderState.CANCELLED, D(0))


def test_a_side_or_type_given_as_plain_text_is_refused_at_birth() -> None:
    with pytest.raises(TypeError, match="'BUY' is not a Side"):
        request("BUY", 10)  # type: ignore[arg-type]


def test_history_is_found_by_account_owner_symbol_side_and_time() -> None:
    pit = Pit()
    pit.buy(10, owner=(1, 1))
    pit.clock.advance(60)
    pit.buy(5, con_id=IBM, owner=(2, 1))
    pit.sell(3, owner=(1, 2))
    exchange = pit.exchange

    def quantities(**terms: object) -> list[int]:
        return [int(fill.quantity) for fill in exchange.executions(**terms)]  # type: ignore[arg-type]

    assert quantities() == [10, 5, 3]
    assert quantities(symbol="SPY") == [10, 3]
    assert quantities(side="SELL") == [3]
    assert quantities(owner=(2, 1)) == [5]
    assert quantities(since=pit.clock.now()) == [5, 3]
    assert quantities(account_id="DU2") == []
    assert [order.filled for order in exchange.completed_orders("DU1")] == [10, 5, 3]
    assert exchange.completed_orders("DU2") == exchange.open_orders() == []


def test_the_table_of_states_has_five_live_states_and_four_ends() -> None:
    ends = {state for state, following in TRANSITIONS.items() if not following}
    assert ends == {
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.REJECTED,
        OrderState.EXPIRED,
    }
    assert TRANSITIONS.keys() == set(OrderState)
    assert OrderState.FILLED in TRANSITIONS[OrderState.PENDING_CANCEL]


def test_a_subscriber_may_trade_and_hears_the_consequences_afterwards() -> None:
    pit = Pit()
    heard: list[str] = []

    def sell_what_was_bought(event: object) -> None:
        heard.append(type(event).__name__)
        if isinstance(event, Executed) and event.execution.request.side == "BUY":
            pit.sell(event.execution.quantity)

    stop = pit.exchange.subscribe(sell_what_was_bought)
    pit.buy(10)
    story = [
        "OrderChanged",
        "Executed",
        "PositionChanged",
        "AccountChanged",
        "OrderChanged",
        "CommissionCharged",
    ]
    assert heard == story * 2
    assert pit.held() == 0
    stop()
    stop()
    pit.buy(1)
    assert heard == story * 2


def test_events_come_when_the_books_are_complete() -> None:
    pit = Pit()
    seen: list[Order] = []

    def look(event: object) -> None:
        if isinstance(event, OrderChanged):
            seen.append(pit.exchange.order(event.order.order_id))

    pit.exchange.subscribe(look)
    order = pit.buy(10)
    assert seen == [order, order]


def test_a_quote_is_announced_before_the_fills_it_causes() -> None:
    pit = Pit()
    pit.buy(10, limit=99)
    pit.events.clear()
    pit.quote("98.00", "98.50")
    assert [type(event) for event in pit.events][:2] == [QuoteChanged, Executed]
    assert pit.exchange.quote(SPY).at == MONDAY_10_00
