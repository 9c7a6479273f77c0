"""Each seeded fault is caught by the contract test that is meant for it."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any

import pytest

from broker_connector_base import Fill, OrderEvent, OrderResult, OrderStatus
from broker_connector_base.testing import FakeBroker, FakeHarness
from broker_connector_base.testing.contract import verdict
from broker_connector_base.testing.seeded_faults import seeded_into


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


class PushesTheOtherSessionOut(FakeBroker):
    async def connect(self) -> bool:
        self._books.drop(self.client_id)
        return await super().connect()


_new_ids = count(100)


class LogsInUnderANewIdEachTime(FakeBroker):
    async def connect(self) -> bool:
        self._client_id = next(_new_ids)
        return await super().connect()


class InventsAnAccount(FakeBroker):
    def _require_account(self, account_id: str) -> None:
        if account_id not in self._books.accounts:
            self._books.add_account(account_id, cash=0)


class ForgetsUnreadEventsAtTheLoss(FakeBroker):
    def lose(self, reason: str) -> None:
        for subscription in self._subscriptions:
            while subscription._queue.qsize():
                subscription._queue.get_nowait()
        super().lose(reason)


FAULTS: dict[type[FakeBroker], str] = {
    **seeded_into(FakeBroker),
    ListsEveryAccountsExecutions: "test_accounts_do_not_hear_of_each_other",
    TellsEveryAccount: "test_accounts_do_not_hear_of_each_other",
    SendsARepeatedKeyAgain: "test_repeating_a_key_returns_the_first_order",
    SwallowsTheLostConnection: "test_a_lost_connection_raises_in_every_event_stream",
    BelievesItsOwnCancellation: "test_a_fill_can_beat_the_cancellation",
    PushesTheOtherSessionOut: "test_a_client_id_in_use_is_refused",
    LogsInUnderANewIdEachTime: "test_a_new_session_with_the_same_client_id_owns_the_orders",
    InventsAnAccount: "test_an_account_of_another_login_is_refused_with_the_known_ones",
    ForgetsUnreadEventsAtTheLoss: "test_events_before_the_loss_are_still_told",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_suite_catches(fault: type[FakeBroker]) -> None:
    test = FAULTS[fault]
    assert verdict(FakeHarness, test) is None
    assert verdict(lambda: FakeHarness(fault), test) is not None
