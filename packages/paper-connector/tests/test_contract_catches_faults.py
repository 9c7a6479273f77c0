"""Faults seeded into the paper broker, each caught by the contract test that is named for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from broker_connector_base import (
    AccountSnapshot,
    BrokerConnectionError,
    ContractPrice,
    Fill,
    Instrument,
    OpenOrder,
    OrderEvent,
    OrderExecutionError,
    OrderOutcomeUnknown,
    OrderResult,
    OrderStatus,
    OrderUpdate,
    UnknownSymbol,
)
from broker_connector_base.testing.contract import verdict
from paper_connector import PaperBroker, PaperClient
from paper_connector.subscription import Subscription
from paper_connector.testing import PaperHarness
from simulated_exchange import Exchange, Order

# --- orders --------------------------------------------------------------------------------------


class DoublesAnOrderOnARepeatedKey(PaperClient):
    async def place_order(self, *args: Any, **kwargs: Any) -> OrderResult:
        await self._broker.request(self._forget_keys)
        return await super().place_order(*args, **kwargs)

    @staticmethod
    def _forget_keys(exchange: Exchange) -> None:
        completed = exchange.completed_orders
        exchange.completed_orders = lambda account_id=None: (  # type: ignore[method-assign]
            [] if account_id else completed()
        )


class AnswersBeforeTheDisk(PaperClient):
    def __init__(self, client_id: int, broker: PaperBroker) -> None:
        super().__init__(client_id, broker)
        broker.request = broker.ask  # type: ignore[method-assign, assignment]


class SleepsThroughWhatFallsDue(PaperClient):
    def __init__(self, client_id: int, broker: PaperBroker) -> None:
        super().__init__(client_id, broker)
        broker._set_timer = lambda due: None  # type: ignore[method-assign]


class CallsAnUnknownOutcomeUnsent(PaperClient):
    async def place_order(self, *args: Any, **kwargs: Any) -> OrderResult:
        try:
            return await super().place_order(*args, **kwargs)
        except OrderOutcomeUnknown as unknown:
            raise BrokerConnectionError("nothing was sent") from unknown


class TakesARejectionForAnAnswer(PaperClient):
    async def place_order(self, *args: Any, **kwargs: Any) -> OrderResult:
        try:
            return await super().place_order(*args, **kwargs)
        except OrderExecutionError:
            return OrderResult(
                order_id="0", symbol="AAA", quantity=Decimal(1), status=OrderStatus.REJECTED
            )


class SendsEverythingForTheDay(PaperClient):
    async def place_order(self, *args: Any, **kwargs: Any) -> OrderResult:
        return await super().place_order(*args, **{**kwargs, "time_in_force": "DAY"})


class BelievesItsOwnCancellation(PaperClient):
    async def cancel_order(self, order_id: str) -> None:
        await super().cancel_order(order_id)
        cancelled = OrderUpdate(
            order_id=order_id, client_order_id="race", symbol="BBB", status=OrderStatus.CANCELLED
        )
        for subscription in self._subscriptions:
            subscription.put(cancelled)


class CancelsForeignOrders(PaperClient):
    def _own(self, exchange: Exchange, order_id: str) -> Order | None:
        return exchange.order(int(order_id))


class ClaimsForeignOrders(PaperClient):
    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        orders = await super().get_open_orders(account_id)
        return [order.model_copy(update={"own": True}) for order in orders]


class LosesThePartialQuantity(PaperClient):
    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        orders = await super().get_open_orders(account_id)
        return [order.model_copy(update={"filled_quantity": Decimal(0)}) for order in orders]


class FindsWorkingOrdersOnly(PaperClient):
    async def find_order(self, account_id: str, client_order_id: str) -> OrderResult | None:
        found = await super().find_order(account_id, client_order_id)
        return found if found and found.status.is_live else None


# --- events --------------------------------------------------------------------------------------


class _TellsOtherwise(PaperClient):
    """A client whose readers get what `tell` makes of an event."""

    def tell(self, event: OrderEvent) -> list[OrderEvent]:
        return [event]

    @asynccontextmanager
    async def order_events(self, account_id: str) -> AsyncIterator[AsyncIterator[OrderEvent]]:
        async with super().order_events(account_id) as events:
            assert isinstance(events, Subscription)
            put = events.put

            def tell(event: OrderEvent | BrokerConnectionError) -> None:
                told = [event] if isinstance(event, BrokerConnectionError) else self.tell(event)
                for each in told:
                    put(each)

            events.put = tell  # type: ignore[method-assign]
            yield events


class LosesTheFills(_TellsOtherwise):
    def tell(self, event: OrderEvent) -> list[OrderEvent]:
        return [] if isinstance(event, Fill) else [event]


class ForgetsToTellTheEnd(_TellsOtherwise):
    def tell(self, event: OrderEvent) -> list[OrderEvent]:
        return [] if isinstance(event, OrderUpdate) and event.status.is_final else [event]


class CountsEveryFillTwice(_TellsOtherwise):
    def tell(self, event: OrderEvent) -> list[OrderEvent]:
        if not isinstance(event, Fill):
            return [event]
        return [event, event.model_copy(update={"execution_id": event.execution_id + "x"})]


class DropsTheSignOfSells(_TellsOtherwise):
    def tell(self, event: OrderEvent) -> list[OrderEvent]:
        if not isinstance(event, Fill):
            return [event]
        return [event.model_copy(update={"quantity": abs(event.quantity)})]


class SwallowsTheLostConnection(PaperClient):
    def lose(self, reason: str) -> None:
        kept, self._subscriptions = self._subscriptions, []
        super().lose(reason)
        self._subscriptions = kept


class ForgetsUnreadEventsAtTheLoss(PaperClient):
    def lose(self, reason: str) -> None:
        for subscription in self._subscriptions:
            while subscription._waiting.qsize():
                subscription._waiting.get_nowait()
        super().lose(reason)


class TellsEveryAccount(PaperClient):
    def look(self, exchange: Exchange) -> None:
        for _, event in self._news.since_last_look(exchange) if self._news else ():
            for subscription in self._subscriptions:
                subscription.put(event)
        super().look(exchange)


class ListensWithItsFirstRead(PaperClient):
    @asynccontextmanager
    async def order_events(self, account_id: str) -> AsyncIterator[AsyncIterator[OrderEvent]]:
        async def late() -> AsyncIterator[OrderEvent]:
            async with super(ListensWithItsFirstRead, self).order_events(account_id) as events:
                async for event in events:
                    yield event

        yield late()


# --- sessions ------------------------------------------------------------------------------------


class TakesASeatOfItsOwn(PaperClient):
    async def connect(self) -> bool:
        name, self.client_id = self.client_id, id(self)
        try:
            return await super().connect()
        finally:
            self.client_id = name


class KeepsItsSeat(PaperClient):
    def lose(self, reason: str) -> None:
        self._seat = None
        super().lose(reason)


_new_ids = count(100)


class LogsInUnderANewIdEachTime(PaperClient):
    async def connect(self) -> bool:
        self.client_id = next(_new_ids)
        return await super().connect()


class WorksWithoutASession(PaperClient):
    def _require_session(self) -> None:
        """Anybody may ask."""


# --- accounts and markets ------------------------------------------------------------------------


class RemembersItsFirstSnapshot(PaperClient):
    async def connect(self) -> bool:
        connected = await super().connect()
        self._first = {
            name: await super(RemembersItsFirstSnapshot, self).get_account_snapshot(name)
            for name in await self.get_accounts()
        }
        return connected

    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        return self._first[account_id]


class CountsCashInFloats(PaperClient):
    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        found = await super().get_account_snapshot(account_id)
        return found.model_copy(update={"cash_balance": Decimal(float(found.cash_balance))})


class ForgetsCommissions(PaperClient):
    async def get_executions(self, account_id: str, since: datetime | None = None) -> list[Fill]:
        fills = await super().get_executions(account_id, since)
        return [fill.model_copy(update={"commission": None}) for fill in fills]


class InventsAMissingSide(PaperClient):
    async def get_multiple_market_prices(
        self, symbols: Sequence[str], use_cache: bool = False
    ) -> list[ContractPrice]:
        quotes = await super().get_multiple_market_prices(symbols)
        return [quote.model_copy(update={"bid": quote.bid or quote.ask}) for quote in quotes]


class SortsTheQuotes(PaperClient):
    async def get_multiple_market_prices(
        self, symbols: Sequence[str], use_cache: bool = False
    ) -> list[ContractPrice]:
        return await super().get_multiple_market_prices(sorted(symbols))


class LeavesUnknownSymbolsOut(PaperClient):
    async def get_instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        found = []
        for symbol in symbols:
            try:
                found += await super().get_instruments([symbol])
            except UnknownSymbol:
                continue
        return found


FAULTS = {
    DoublesAnOrderOnARepeatedKey: "test_repeating_a_key_returns_the_first_order",
    AnswersBeforeTheDisk: "test_an_answer_lost_after_sending_is_an_unknown_outcome",
    SleepsThroughWhatFallsDue: "test_a_market_order_fills_and_says_so",
    CallsAnUnknownOutcomeUnsent: "test_an_answer_lost_after_sending_is_an_unknown_outcome",
    TakesARejectionForAnAnswer: "test_a_rejected_order_raises_the_brokers_code",
    SendsEverythingForTheDay: "test_an_order_keeps_its_time_in_force",
    BelievesItsOwnCancellation: "test_a_fill_can_beat_the_cancellation",
    CancelsForeignOrders: "test_a_foreign_order_cannot_be_cancelled",
    ClaimsForeignOrders: "test_foreign_orders_are_listed_and_not_own",
    LosesThePartialQuantity: "test_a_partial_fill_keeps_the_rest_working",
    FindsWorkingOrdersOnly: "test_a_cancelled_order_is_told_and_no_longer_listed",
    LosesTheFills: "test_events_cannot_be_outrun_by_the_order",
    ForgetsToTellTheEnd: "test_a_market_order_fills_and_says_so",
    CountsEveryFillTwice: "test_a_market_order_fills_and_says_so",
    DropsTheSignOfSells: "test_a_sell_is_negative_everywhere",
    SwallowsTheLostConnection: "test_a_lost_connection_raises_in_every_event_stream",
    ForgetsUnreadEventsAtTheLoss: "test_events_before_the_loss_are_still_told",
    TellsEveryAccount: "test_accounts_do_not_hear_of_each_other",
    ListensWithItsFirstRead: "test_events_cannot_be_outrun_by_the_order",
    TakesASeatOfItsOwn: "test_a_client_id_in_use_is_refused",
    KeepsItsSeat: "test_a_client_id_is_free_after_its_session",
    LogsInUnderANewIdEachTime: "test_a_new_session_with_the_same_client_id_owns_the_orders",
    WorksWithoutASession: "test_a_call_without_a_session_sends_nothing",
    RemembersItsFirstSnapshot: "test_a_snapshot_after_a_fill_is_the_brokers_own_books",
    CountsCashInFloats: "test_a_snapshot_after_a_fill_is_the_brokers_own_books",
    ForgetsCommissions: "test_executions_carry_keys_and_commissions",
    InventsAMissingSide: "test_a_missing_side_of_a_quote_is_none",
    SortsTheQuotes: "test_quotes_come_in_the_order_asked",
    LeavesUnknownSymbolsOut: "test_an_unknown_symbol_is_refused_everywhere",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_suite_catches(fault: type[PaperClient]) -> None:
    test = FAULTS[fault]
    assert verdict(PaperHarness, test) is None
    assert verdict(lambda: PaperHarness(fault), test) is not None
