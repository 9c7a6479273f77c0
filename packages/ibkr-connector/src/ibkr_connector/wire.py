"""Questions matched to answers on top of ib_async's socket client and decoder.

Comes in: the calls that ib_async's decoder makes by method name, one per server message. Goes out:
answers to the questions that wait for them, and order news to an `OrderListener`. ib_async's `IB`
and `Wrapper` are not used: they mark live orders Cancelled on error codes, forget which corrections
replace which fills and let some requests wait for ever. It never decides what an answer means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Protocol

from ib_async import CommissionReport, Contract, ContractDetails, Execution
from ib_async.order import Order, OrderState

from broker_connector_base import BrokerAPIError, BrokerConnectionError, BrokerError

from .messages import (
    MARKET_DATA_TYPE,
    AccountLine,
    CompletedLine,
    OpenLine,
    OrderKey,
    PositionLine,
    Tick,
    order_key,
)

#: Keys of the answers that carry no request id: at most one such question is open at a time.
OPEN_ORDERS, COMPLETED_ORDERS, CURRENT_TIME = "open orders", "completed orders", "current time"

Key = int | str


class OrderListener(Protocol):
    """Who keeps the orders."""

    def on_open_order(self, contract: Contract, order: Order, status: str) -> OrderKey: ...

    def on_order_status(
        self,
        key: OrderKey,
        *,
        status: str,
        why_held: str,
        filled: float,
        average_price: float,
        permanent_id: int,
    ) -> None: ...

    def on_execution(self, contract: Contract, execution: Execution) -> str | None: ...

    def on_commission(self, report: CommissionReport) -> None: ...


class NoticeListener(Protocol):
    """Who hears what concerns no open question: the session."""

    def on_error(self, request_id: int, code: int, text: str) -> None: ...

    def on_closed(self, reason: str) -> None: ...

    def on_data(self) -> None: ...

    def on_unreadable(self, error: Exception) -> None: ...


@dataclass(slots=True)
class Answer:
    """What has arrived for a question so far, and the future of its end."""

    done: asyncio.Future[None]
    items: list[Any] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """Who hears the ticks of a subscription, and why it ended."""

    on_tick: Callable[[Tick], None]
    on_error: Callable[[BrokerError], None]


class Inbox:
    """The object that ib_async's decoder speaks to; method names and orders are the decoder's."""

    #: Read by the decoder: executions without a time zone are taken as UTC, all times leave as UTC.
    TimezoneTWS = "UTC"
    defaultTimezone = UTC

    def __init__(self, orders: OrderListener, notices: NoticeListener) -> None:
        self._orders = orders
        self._notices = notices
        self._answers: dict[Key, Answer] = {}
        self._streams: dict[int, Stream] = {}

    @property
    def ib(self) -> Inbox:
        """The decoder looks for its time zone under this name."""
        return self

    def expect(self, key: Key) -> Answer:
        """Start to collect the answer of a question that is about to be sent."""
        answer = Answer(asyncio.get_running_loop().create_future())
        self._answers[key] = answer
        return answer

    def forget(self, key: Key) -> None:
        """Nobody waits for this answer any more; what still comes is dropped."""
        self._answers.pop(key, None)

    def stream(self, key: int, stream: Stream) -> None:
        """Pass on the ticks of a subscription until it ends or `close` is called."""
        self._streams[key] = stream

    def close(self, key: int) -> None:
        """Nobody listens to this subscription any more."""
        self._streams.pop(key, None)

    def waits_for(self, key: int) -> bool:
        """Whether an answer is still collected or a subscription stands under this id."""
        return key in self._answers or key in self._streams

    def fail(self, key: Key, error: BrokerError) -> None:
        """End one question or subscription with an error."""
        answer = self._answers.pop(key, None)
        if answer is not None and not answer.done.done():
            answer.done.set_exception(error)
        stream = self._streams.pop(key, None) if isinstance(key, int) else None
        if stream is not None:
            stream.on_error(error)

    def fail_all(self, error: BrokerConnectionError) -> None:
        """End every question and subscription with an error."""
        for key in (*self._answers, *self._streams):
            self.fail(key, error)

    def _add(self, key: Key, item: object) -> None:
        answer = self._answers.get(key)
        if answer is not None:
            answer.items.append(item)

    def _end(self, key: Key) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None and not answer.done.done():
            answer.done.set_result(None)

    # The connection.

    def tcpDataArrived(self) -> None:
        self._notices.on_data()

    def connectAck(self) -> None:
        """Nothing to do: the login goes on."""

    def setEventsDone(self) -> None:
        """Nothing to do: `connectionClosed` follows."""

    def connectionClosed(self) -> None:
        self._notices.on_closed("the gateway closed the connection")

    def error(self, request_id: int, code: int, text: str, _advanced: str) -> None:
        self._notices.on_error(request_id, code, text)

    def currentTime(self, seconds: int) -> None:
        self._add(CURRENT_TIME, seconds)
        self._end(CURRENT_TIME)

    # Accounts.

    def accountUpdateMulti(
        self, request_id: int, _account: str, _model: str, tag: str, value: str, currency: str
    ) -> None:
        self._add(request_id, AccountLine(tag=tag, value=value, currency=currency))

    def accountUpdateMultiEnd(self, request_id: int) -> None:
        self._end(request_id)

    def positionMulti(
        self,
        request_id: int,
        _account: str,
        _model: str,
        contract: Contract,
        quantity: float,
        average_cost: float,
    ) -> None:
        line = PositionLine(contract=contract, quantity=quantity, average_cost=average_cost)
        self._add(request_id, line)

    def positionMultiEnd(self, request_id: int) -> None:
        self._end(request_id)

    # Instruments and quotes.

    def contractDetails(self, request_id: int, details: ContractDetails) -> None:
        self._add(request_id, details)

    bondContractDetails = contractDetails

    def contractDetailsEnd(self, request_id: int) -> None:
        self._end(request_id)

    def priceSizeTick(self, request_id: int, tick_type: int, price: float, size: float) -> None:
        self._tick(request_id, Tick(type=tick_type, value=price, size=size))

    def tickGeneric(self, request_id: int, tick_type: int, value: float) -> None:
        self._tick(request_id, Tick(type=tick_type, value=value))

    def marketDataType(self, request_id: int, feed: int) -> None:
        self._tick(request_id, Tick(type=MARKET_DATA_TYPE, value=feed))

    def _tick(self, request_id: int, tick: Tick) -> None:
        stream = self._streams.get(request_id)
        if stream is not None:
            stream.on_tick(tick)

    # Orders.

    def openOrder(self, order_id: int, contract: Contract, order: Order, state: OrderState) -> None:
        if order.whatIf:
            self._end(order_id)
            return
        with self._order_news():
            key = self._orders.on_open_order(contract, order, state.status)
            self._add(OPEN_ORDERS, OpenLine(key=key, status=state.status))

    def openOrderEnd(self) -> None:
        self._end(OPEN_ORDERS)

    def completedOrder(self, contract: Contract, order: Order, state: OrderState) -> None:
        line = CompletedLine(contract=contract, order=order, status=state.status)
        self._add(COMPLETED_ORDERS, line)

    def completedOrdersEnd(self) -> None:
        self._end(COMPLETED_ORDERS)

    def orderStatus(
        self,
        order_id: int,
        status: str,
        filled: float,
        _remaining: float,
        average_price: float,
        permanent_id: int,
        _parent_id: int,
        _last_price: float,
        client_id: int,
        why_held: str,
        _price_cap: float = 0.0,
    ) -> None:
        with self._order_news():
            self._orders.on_order_status(
                order_key(client_id, order_id, permanent_id),
                status=status,
                why_held=why_held,
                filled=filled,
                average_price=average_price,
                permanent_id=permanent_id,
            )

    def execDetails(self, request_id: int, contract: Contract, execution: Execution) -> None:
        with self._order_news(request_id):
            fill_id = self._orders.on_execution(contract, execution)
            if fill_id is not None:
                self._add(request_id, fill_id)

    def execDetailsEnd(self, request_id: int) -> None:
        self._end(request_id)

    def commissionReport(self, report: CommissionReport) -> None:
        with self._order_news():
            self._orders.on_commission(report)

    @contextmanager
    def _order_news(self, request_id: int | None = None) -> Iterator[None]:
        """News of orders that cannot be understood must not be lost in ib_async's log: they end the
        question that they answer, or else the session, after which everything is read again.
        """
        try:
            yield
        except Exception as error:
            if request_id in self._answers:
                self.fail(request_id, BrokerAPIError(f"IB's answer makes no sense: {error}"))
            else:
                self._notices.on_unreadable(error)
            raise
