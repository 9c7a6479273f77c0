"""Orders on their way to the exchange, and who waits to hear that they have arrived.

Comes in: orders as they were sent, and the books each time they are complete. Goes out: each order
as it arrived, or the doubt that the end of the session leaves. Never: a second order.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from broker_connector_base import BrokerConnectionError, OrderOutcomeUnknown, OrderResult
from simulated_exchange import Exchange, ExchangeError, Order, OrderState, Reason

from . import translate


class Answer(NamedTuple):
    """An order as it was answered for."""

    result: OrderResult
    state: OrderState
    refused: Reason | None

    @classmethod
    def of(cls, exchange: Exchange, order: Order) -> Answer:
        return cls(translate.result(exchange, order), order.status, order.reject_reason)

    @property
    def has_arrived(self) -> bool:
        return self.state is not OrderState.PENDING

    def decided(self) -> OrderResult:
        """The order if it was taken; the `ExchangeError` if it was refused when its turn came."""
        if self.refused is not None:
            raise ExchangeError(self.refused, "it no longer fitted when its turn came")
        return self.result


class Acknowledgements:
    """What one session waits for."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = timeout_seconds
        self._arriving: dict[int, list[asyncio.Future[Answer]]] = {}

    async def of(self, sent: Answer) -> Answer:
        """The order when it has arrived; after the timeout as it was sent, since the books have it.

        Raises `OrderOutcomeUnknown` when the session ends before.
        """
        if sent.has_arrived:
            return sent
        arrival: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._arriving.setdefault(int(sent.result.order_id), []).append(arrival)
        try:
            async with asyncio.timeout(self._timeout):
                return await arrival
        except TimeoutError:
            return sent
        except BrokerConnectionError as lost:
            raise OrderOutcomeUnknown(
                f"{lost} before the order was acknowledged; it may be working: look it up before "
                "another is sent",
                client_order_id=sent.result.client_order_id or "",
                order_id=sent.result.order_id,
            ) from lost

    def look(self, exchange: Exchange) -> None:
        """Tell those whose orders have arrived."""
        for order_id in list(self._arriving):
            answer = Answer.of(exchange, exchange.order(order_id))
            if answer.has_arrived:
                for arrival in self._arriving.pop(order_id):
                    if not arrival.done():
                        arrival.set_result(answer)

    def lose(self, lost: BrokerConnectionError) -> None:
        """Nobody will hear any more."""
        for arrival in [a for waiting in self._arriving.values() for a in waiting]:
            if not arrival.done():
                arrival.set_exception(lost)
        self._arriving.clear()
