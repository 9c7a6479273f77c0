"""The same exchange on real time."""

import asyncio

from simulated_exchange import (
    Exchange,
    Executed,
    LatencyModel,
    OrderState,
    Quote,
    Side,
    WallClock,
)
from simulated_exchange.testing import ACCOUNT, SPY, Pit, request


async def test_orders_arrive_after_a_real_delay_and_in_order() -> None:
    virtual = Pit(latency=LatencyModel(low=0.001, high=0.004))
    clock = WallClock(asyncio.get_running_loop())
    exchange = Exchange.restore(virtual.exchange.save(), clock=clock)
    exchange.set_quote(SPY, Quote(bid=virtual.exchange.quote(SPY).bid, ask=None))
    filled: asyncio.Queue[int] = asyncio.Queue()
    exchange.subscribe(
        lambda event: (
            filled.put_nowait(event.execution.order_id) if isinstance(event, Executed) else None
        )
    )
    orders = [exchange.submit(request(Side.BUY, 1, 101)) for _ in range(5)]
    assert {order.status for order in orders} == {OrderState.PENDING}
    exchange.set_quote(SPY, virtual.exchange.quote(SPY))
    async with asyncio.timeout(5):
        heard = [await filled.get() for _ in orders]
    assert heard == [order.order_id for order in orders]
    assert exchange.account(ACCOUNT).positions[SPY].quantity == 5
    for order in exchange.open_orders():
        exchange.cancel(order.order_id)
