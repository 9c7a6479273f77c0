"""Sends the orders of a run and stays with each until its fate is decided.

Comes in: intents. Goes out: `Order`s, settled whenever that is possible. The rules: an intent is in
the journal before its order is sent; nothing is ever sent twice; silence is answered by looking the
order up, a lost session by logging in again and looking everything up; what still works at the
deadline is cancelled, and the cancellation is waited for. Each order needs the permit of whoever
started the run; without it nothing more is sent and what works is cancelled at once. Orders that
cannot leave at once do not leave at all: while the way is waited for the account and the market
move on, so what was planned before has to be planned again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

from broker_connector_base import (
    BrokerAPIError,
    BrokerConnectionError,
    Connectivity,
    ConnectivityChange,
    OrderEvent,
    OrderOutcomeUnknown,
    OrderStatus,
)

from .clock import Clock
from .concurrency import all_of
from .errors import Permit, PermitWithdrawn
from .fate import find_fate, has_arrived
from .journal import JournalError, OrderIntent, OrderOutcome, Record, RunJournal
from .order_feed import OrderFeed
from .orders import Order, Orders
from .policy import RebalancePolicy
from .session import Session

_log = structlog.get_logger(__name__)

#: After an order's end is known, its executions follow at once or were lost on the way.
_EXECUTIONS_SECONDS = 2.0


class OrderDesk:
    """The orders of one run on one account; use inside `async with desk.open():`."""

    def __init__(
        self,
        session: Session,
        account_id: str,
        *,
        journal: RunJournal,
        policy: RebalancePolicy,
        clock: Clock,
        on_change: Callable[[Order], None],
        permit: Permit,
    ) -> None:
        self._session = session
        self._account_id = account_id
        self._journal = journal
        self._policy = policy
        self._clock = clock
        self._on_change = on_change
        self._permit = permit
        self._is_permitted = True
        self._feed = OrderFeed(session.broker, account_id, self._take)
        self._exchange_link = Connectivity.RESTORED
        self._must_look = False
        self.orders = Orders()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Hear the account's order events from before the first order until after the last.

        A session that is lost by now is restored by `work`.
        """
        try:
            with suppress(BrokerConnectionError):
                await self._feed.start()
            yield
        finally:
            await self._feed.stop()

    @property
    def can_send(self) -> bool:
        """True while orders are heard of and the broker can pass them on.

        A gateway that is cut off from its exchanges takes orders and lets them hang.
        """
        return self._feed.stands and self._exchange_link is not Connectivity.LOST

    @asynccontextmanager
    async def work(
        self, intents: Sequence[OrderIntent], *preface: Record
    ) -> AsyncIterator[list[Order]]:
        """Send all at once; in the block each is settled, or cannot be for now.

        In the journal the `preface` goes before them. What became of them is written down at the
        end of the block, whose end without an error says that the account shows their fills, and
        just as well when the run is told to end before that. Raises `JournalError` before anything
        is sent when they cannot be written down, and `PermitWithdrawn` before that.
        """
        self._permit()
        self._journal.append(*preface, *intents)
        orders = self.orders.add(intents)
        try:
            await self._work(orders)
            yield orders
        except BaseException:
            for order in orders:
                if not order.was_handed_over:
                    order.see_unsent("the run ended before its turn")
            # A journal that fails as well must not hide that.
            with suppress(JournalError):
                self._write_outcomes(orders, booked=False)
            raise
        self._write_outcomes(orders, booked=True)

    async def wait_for_commissions(self) -> None:
        """Give the broker a moment to tell what the fills cost."""

        def all_told() -> bool:
            return all(fill.commission is not None for fill in self.orders.fills())

        await _within(self._policy.commission_timeout_seconds, self._feed.until(all_told))
        if not all_told():
            await _within(self._policy.commission_timeout_seconds, self.read_executions())

    # --- sending and settling --------------------------------------------------------------------

    async def _work(self, orders: Sequence[Order]) -> None:
        if not self.can_send:
            self._put_off(orders)
        await _within(self._policy.order_timeout_seconds, self._send_and_settle(orders))
        if any(order.status is OrderStatus.REJECTED for order in orders):
            await _within(self._policy.cancel_timeout_seconds, self._see_what_is_listed())
        await _within(self._policy.cancel_timeout_seconds, self._cancel(orders))
        if any(order.never_sent for order in orders):
            await _within(self._policy.reconnect_timeout_seconds, self._wait_for_the_way())

    def _put_off(self, orders: Sequence[Order]) -> None:
        for order in orders:
            order.see_unsent(
                "the broker has lost its link to the exchanges"
                if self._feed.stands
                else "the session was lost"
            )
            self._on_change(order)

    async def _wait_for_the_way(self) -> None:
        """Return when orders could leave again."""
        while not self.can_send:
            try:
                await self._feed.until(lambda: self.can_send)
            except BrokerConnectionError as error:
                await self._restore(str(error))

    async def _send(self, order: Order) -> None:
        intent = order.intent
        try:
            self._permit()
        except PermitWithdrawn as error:
            self._is_permitted = False
            order.see_unsent(str(error))
            self._on_change(order)
            return
        order.handed_over = asyncio.get_running_loop().time()
        try:
            result = await self._session.broker.place_order(
                intent.account_id,
                intent.symbol,
                intent.quantity,
                intent.order_type,
                intent.limit_price,
                client_order_id=intent.client_order_id,
                time_in_force=intent.time_in_force,
            )
        except OrderOutcomeUnknown as error:
            order.see_silence(str(error), error.order_id)
        except BrokerConnectionError as error:
            order.see_unsent(str(error))
        except BrokerAPIError as error:
            order.see_refusal(str(error))
        else:
            order.see_result(result)
        self._on_change(order)

    async def _send_and_settle(self, orders: Sequence[Order]) -> None:
        await all_of(self._send(order) for order in orders if not order.never_sent)
        if self._is_permitted:
            await self._settle(orders)

    async def _settle(self, orders: Sequence[Order]) -> None:
        """Until waiting tells no more of any; a lost session is restored on the way."""
        self._must_look |= any(order.status is OrderStatus.UNKNOWN for order in orders)
        while True:
            try:
                if self._must_look:
                    await self._look_up(orders)
                await self._feed.until(lambda: self._must_look or _all_at_rest(orders))
                if not self._must_look:
                    return await self._complete(orders)
            except BrokerConnectionError as error:
                await self._restore(str(error))

    async def _see_what_is_listed(self) -> None:
        """A broker may keep an order that it refused, inactive, among those that are open: whoever
        activates it there lets it trade.
        """
        account_id = self._account_id
        for listed in await self._session.ask(
            lambda: self._session.broker.get_open_orders(account_id)
        ):
            if (order := self.orders.see_listed(listed)) is not None:
                self._on_change(order)

    async def _complete(self, orders: Sequence[Order]) -> None:
        """Until there is an execution for every share that decided orders have traded."""
        try:
            async with asyncio.timeout(_EXECUTIONS_SECONDS):
                await self._feed.until(
                    lambda: all(order.is_settled or order.is_missing for order in orders)
                )
        except TimeoutError:
            await self.read_executions()

    async def _cancel(self, orders: Sequence[Order]) -> None:
        """Take back what still works, or may, and wait for the broker's word on each.

        What is missing is looked for once more after that.
        """
        is_asked = False
        while not (is_asked and _all_at_rest(orders)) and not _all_decided(orders):
            try:
                await self._look_up(orders)
                for order in orders:
                    if not order.is_decided and order.order_id is not None:
                        await self._request_cancel(order.order_id)
                        self._must_look |= order.is_missing
                is_asked = True
                await self._settle(orders)
            except BrokerConnectionError as error:
                await self._restore(str(error))

    async def _request_cancel(self, order_id: str) -> None:
        try:
            await self._session.broker.cancel_order(order_id)
        except BrokerAPIError as error:
            _log.warning("cancel_refused", order_id=order_id, error=str(error))
            self._must_look = True

    async def _restore(self, reason: str) -> None:
        """Log in again and listen again; what happened meanwhile has to be looked up."""
        await self._session.reconnect(reason)
        # What the old session said is over; a new subscription begins with an outage, if there is.
        self._exchange_link = Connectivity.RESTORED
        await self._feed.start()
        self._must_look = True

    async def _look_up(self, orders: Sequence[Order]) -> None:
        """Ask the broker about every order whose fate is open."""
        self._must_look = False
        await all_of(self._look_up_one(order) for order in orders if not order.is_decided)
        await self.read_executions()

    async def _look_up_one(self, order: Order) -> None:
        try:
            fate = await find_fate(self._session, order.intent, handed_over=order.handed_over)
        except BrokerAPIError as error:
            # Its fate is as open as before, and that of the others is worth asking for.
            _log.warning("look_up_refused", key=order.intent.client_order_id, error=str(error))
            return
        if fate.order is not None:
            order.see_result(fate.order)
        else:
            order.see_absence(
                "the broker does not know this order; it was not sent again",
                has_arrived=fate.has_arrived,
            )
        self._on_change(order)

    async def read_executions(self) -> None:
        """Ask for the executions of the day: reports of some may have been lost on the way."""
        try:
            fills = await self._session.ask(
                lambda: self._session.broker.get_executions(self._account_id)
            )
        except BrokerAPIError as error:
            _log.warning("executions_refused", error=str(error))
            return
        for fill in fills:
            self._take(fill)

    def _take(self, event: OrderEvent) -> None:
        if isinstance(event, ConnectivityChange):
            self._exchange_link = event.state
            self._must_look |= event.state is not Connectivity.LOST
            _log.warning("exchange_link", state=event.state.value)
        elif (order := self.orders.see(event)) is not None:
            self._on_change(order)

    def _write_outcomes(self, orders: Sequence[Order], *, booked: bool) -> None:
        self._journal.append(*(self._outcome(order, booked=booked) for order in orders))

    def _outcome(self, order: Order, *, booked: bool) -> OrderOutcome:
        # Nobody may have looked for it yet.
        must_be_there = not order.is_decided and has_arrived(
            self._session, handed_over=order.handed_over
        )
        return OrderOutcome(
            run_id=order.intent.run_id,
            account_id=order.intent.account_id,
            at=self._clock.now(),
            client_order_id=order.intent.client_order_id,
            status=order.verdict,
            filled_quantity=order.filled,
            average_price=order.average_price,
            message=order.message,
            arrived=order.has_arrived or must_be_there,
            booked=booked,
        )


def _all_decided(orders: Sequence[Order]) -> bool:
    return all(order.is_decided for order in orders)


def _all_at_rest(orders: Sequence[Order]) -> bool:
    """True when to wait is of no use: each is decided, or gone without a word."""
    return all(order.is_decided or order.is_missing for order in orders)


async def _within(seconds: float, step: Coroutine[Any, Any, None]) -> None:
    """Take a step until its deadline; what it leaves undecided can be seen in the orders."""
    try:
        async with asyncio.timeout(seconds):
            await step
    except (TimeoutError, BrokerConnectionError) as error:
        _log.info("step_ended_early", reason=str(error))
    except Exception:
        _log.exception("step_failed")
