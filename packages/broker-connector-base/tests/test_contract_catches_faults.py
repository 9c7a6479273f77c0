"""Each seeded fault is caught by the contract test that is meant for it."""

from __future__ import annotations

import asyncio
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
    OpenOrder,
    OrderEvent,
    OrderOutcomeUnknown,
    OrderResult,
    OrderStatus,
    OrderUpdate,
)
from broker_connector_base.testing import FakeBroker, FakeHarness
from broker_connector_base.testing.contract import verdict


class ListsEveryAccountsExecutions(FakeBroker):
    async def get_executions(self, account_id: str, since: datetime | None = None) -> list[Fill]:
        return list(self._books.executions)


class TellsEveryAccount(FakeBroker):
    def hear(self, account_id: str | None, event: OrderEvent) -> None:
        super().hear(None, event)


class SendsARepeatedKeyAgain(FakeBroker):
    async def place_order(self, *args: Any, **kwargs: Any) -> OrderResult:
        self._sent.clear()
        return await super().place_order(*args, **kwargs)


class SwallowsTheLostConnection(FakeBroker):
    def lose(self, reason: str) -> None:
        kept, self._subscriptions = self._subscriptions, []
        super().lose(reason)
        self._subscriptions = kept


class BelievesItsOwnCancellation(FakeBroker):
    async def cancel_order(self, order_id: str) -> None:
        await super().cancel_order(order_id)
        order = self._own(order_id)
        assert order is not None
        cancelled = order.update().model_copy(update={"status": OrderStatus.CANCELLED})
        self.hear(order.account_id, cancelled)


class LosesThePartialQuantity(FakeBroker):
    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        orders = await super().get_open_orders(account_id)
        return [order.model_copy(update={"filled_quantity": Decimal(0)}) for order in orders]


class ForgetsCommissions(FakeBroker):
    async def get_executions(self, account_id: str, since: datetime | None = None) -> list[Fill]:
        fills = await super().get_executions(account_id, since)
        return [fill.model_copy(update={"commission": None}) for fill in fills]


class DropsTheSignOfSells(FakeBroker):
    def hear(self, account_id: str | None, event: OrderEvent) -> None:
        if isinstance(event, Fill):
            event = event.model_copy(update={"quantity": abs(event.quantity)})
        super().hear(account_id, event)


class InventsAMissingSide(FakeBroker):
    async def get_multiple_market_prices(
        self, symbols: Sequence[str], use_cache: bool = False
    ) -> list[ContractPrice]:
        quotes = await super().get_multiple_market_prices(symbols)
        return [quote.model_copy(update={"bid": quote.bid or quote.ask}) for quote in quotes]


class SortsTheQuotes(FakeBroker):
    async def get_multiple_market_prices(
        self, symbols: Sequence[str], use_cache: bool = False
    ) -> list[ContractPrice]:
        return await super().get_multiple_market_prices(sorted(symbols))


class ClaimsForeignOrders(FakeBroker):
    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        orders = await super().get_open_orders(account_id)
        return [order.model_copy(update={"own": True}) for order in orders]


class ListensWithItsFirstRead(FakeBroker):
    @asynccontextmanager
    async def order_events(self, account_id: str) -> AsyncIterator[AsyncIterator[OrderEvent]]:
        async def late() -> AsyncIterator[OrderEvent]:
            async with super(ListensWithItsFirstRead, self).order_events(account_id) as events:
                async for event in events:
                    yield event

        yield late()


class EndsTheStreamWithACancelledWait(FakeBroker):
    @asynccontextmanager
    async def order_events(self, account_id: str) -> AsyncIterator[AsyncIterator[OrderEvent]]:
        async with super().order_events(account_id) as events:
            yield (event async for event in events)


class CallsAnUnknownOutcomeUnsent(FakeBroker):
    async def place_order(self, *args: Any, **kwargs: Any) -> OrderResult:
        try:
            return await super().place_order(*args, **kwargs)
        except OrderOutcomeUnknown as unknown:
            raise BrokerConnectionError("nothing was sent") from unknown


class PushesTheOtherSessionOut(FakeBroker):
    async def connect(self) -> bool:
        self._books.drop(self.client_id)
        return await super().connect()


_new_ids = count(100)


class LogsInUnderANewIdEachTime(FakeBroker):
    async def connect(self) -> bool:
        self._client_id = next(_new_ids)
        return await super().connect()


class TakesARejectionForAnAnswer(FakeBroker):
    def _answer(self, order: Any, client_order_id: str | None) -> OrderResult:
        return order.result()  # type: ignore[no-any-return]


class RemembersItsFirstSnapshot(FakeBroker):
    async def connect(self) -> bool:
        await super().connect()
        self._first = {
            name: account.snapshot(self._books.mark, self._books.now())
            for name, account in self._books.accounts.items()
        }
        return True

    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        return self._first[account_id]


class FindsWorkingOrdersOnly(FakeBroker):
    async def find_order(self, account_id: str, client_order_id: str) -> OrderResult | None:
        found = await super().find_order(account_id, client_order_id)
        return found if found and found.status.is_live else None


class InventsAnAccount(FakeBroker):
    def _require_account(self, account_id: str) -> None:
        if account_id not in self._books.accounts:
            self._books.add_account(account_id, cash=0)


class SendsInItsOwnTime(FakeBroker):
    async def place_order(self, *args: Any, **kwargs: Any) -> OrderResult:
        await asyncio.sleep(
            1 / (1 + len(asyncio.all_tasks()) + hash(kwargs["client_order_id"]) % 5)
        )
        return await super().place_order(*args, **kwargs)


class ForgetsToTellTheEnd(FakeBroker):
    def hear(self, account_id: str | None, event: OrderEvent) -> None:
        if not (isinstance(event, OrderUpdate) and event.status.is_final):
            super().hear(account_id, event)


class ForgetsUnreadEventsAtTheLoss(FakeBroker):
    def lose(self, reason: str) -> None:
        for subscription in self._subscriptions:
            while subscription._queue.qsize():
                subscription._queue.get_nowait()
        super().lose(reason)


class MixesUpQuestionsAtTheSameTime(FakeBroker):
    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        self._asked = account_id
        await asyncio.sleep(0)
        return await super().get_account_snapshot(self._asked)


class SendsEverythingForTheDay(FakeBroker):
    async def place_order(self, *args: Any, **kwargs: Any) -> OrderResult:
        return await super().place_order(*args, **{**kwargs, "time_in_force": "DAY"})


FAULTS = {
    ListsEveryAccountsExecutions: "test_accounts_do_not_hear_of_each_other",
    TellsEveryAccount: "test_accounts_do_not_hear_of_each_other",
    SendsARepeatedKeyAgain: "test_repeating_a_key_returns_the_first_order",
    SwallowsTheLostConnection: "test_a_lost_connection_raises_in_every_event_stream",
    BelievesItsOwnCancellation: "test_a_fill_can_beat_the_cancellation",
    LosesThePartialQuantity: "test_a_partial_fill_keeps_the_rest_working",
    ForgetsCommissions: "test_executions_carry_keys_and_commissions",
    DropsTheSignOfSells: "test_a_sell_is_negative_everywhere",
    InventsAMissingSide: "test_a_missing_side_of_a_quote_is_none",
    SortsTheQuotes: "test_quotes_come_in_the_order_asked",
    ClaimsForeignOrders: "test_foreign_orders_are_listed_and_not_own",
    ListensWithItsFirstRead: "test_events_cannot_be_outrun_by_the_order",
    EndsTheStreamWithACancelledWait: ("test_a_wait_for_events_can_be_given_up_and_taken_up_again"),
    CallsAnUnknownOutcomeUnsent: "test_an_answer_lost_after_sending_is_an_unknown_outcome",
    PushesTheOtherSessionOut: "test_a_client_id_in_use_is_refused",
    LogsInUnderANewIdEachTime: "test_a_new_session_with_the_same_client_id_owns_the_orders",
    TakesARejectionForAnAnswer: "test_a_rejected_order_raises_the_brokers_code",
    RemembersItsFirstSnapshot: "test_a_snapshot_after_a_fill_is_the_brokers_own_books",
    FindsWorkingOrdersOnly: "test_a_cancelled_order_is_told_and_no_longer_listed",
    InventsAnAccount: "test_an_account_of_another_login_is_refused_with_the_known_ones",
    SendsInItsOwnTime: "test_orders_started_in_order_arrive_in_order",
    ForgetsToTellTheEnd: "test_a_market_order_fills_and_says_so",
    ForgetsUnreadEventsAtTheLoss: "test_events_before_the_loss_are_still_told",
    MixesUpQuestionsAtTheSameTime: "test_accounts_can_be_read_at_the_same_time",
    SendsEverythingForTheDay: "test_an_order_keeps_its_time_in_force",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_suite_catches(fault: type[FakeBroker]) -> None:
    test = FAULTS[fault]
    assert verdict(FakeHarness, test) is None
    assert verdict(lambda: FakeHarness(fault), test) is not None
