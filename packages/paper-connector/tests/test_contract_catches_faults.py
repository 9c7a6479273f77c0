"""Faults seeded into the paper broker, each caught by the contract test that is named for it."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from broker_connector_base import (
    OrderResult,
    OrderStatus,
    OrderUpdate,
)
from broker_connector_base.testing.contract import verdict
from broker_connector_base.testing.seeded_faults import seeded_into
from paper_connector import PaperBroker, PaperClient
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


# --- events --------------------------------------------------------------------------------------


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


FAULTS: dict[type[PaperClient], str] = {
    **seeded_into(PaperClient),
    DoublesAnOrderOnARepeatedKey: "test_repeating_a_key_returns_the_first_order",
    AnswersBeforeTheDisk: "test_an_answer_lost_after_sending_is_an_unknown_outcome",
    SleepsThroughWhatFallsDue: "test_a_market_order_fills_and_says_so",
    BelievesItsOwnCancellation: "test_a_fill_can_beat_the_cancellation",
    CancelsForeignOrders: "test_a_foreign_order_cannot_be_cancelled",
    SwallowsTheLostConnection: "test_a_lost_connection_raises_in_every_event_stream",
    ForgetsUnreadEventsAtTheLoss: "test_events_before_the_loss_are_still_told",
    TellsEveryAccount: "test_accounts_do_not_hear_of_each_other",
    TakesASeatOfItsOwn: "test_a_client_id_in_use_is_refused",
    KeepsItsSeat: "test_a_client_id_is_free_after_its_session",
    LogsInUnderANewIdEachTime: "test_a_new_session_with_the_same_client_id_owns_the_orders",
    WorksWithoutASession: "test_a_call_without_a_session_sends_nothing",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_suite_catches(fault: type[PaperClient]) -> None:
    test = FAULTS[fault]
    assert verdict(PaperHarness, test) is None
    assert verdict(lambda: PaperHarness(fault), test) is not None
