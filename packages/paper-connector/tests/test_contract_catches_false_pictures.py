"""A paper broker that shows a false picture of itself, each caught by the contract test that is
named for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from broker_connector_base import (
    AccountPosition,
    AccountSnapshot,
    BrokerConnectionError,
    Fill,
    Instrument,
    OpenOrder,
    OrderResult,
    OrderStatus,
)
from broker_connector_base.testing.contract import verdict
from paper_connector import PaperBroker, PaperClient
from paper_connector.acknowledgements import Answer
from paper_connector.lookups import listing
from paper_connector.order_request import WantedOrder
from paper_connector.testing import PaperHarness
from simulated_exchange import Exchange

# --- sessions ------------------------------------------------------------------------------------


class RefusesASecondLogin(PaperClient):
    async def connect(self) -> bool:
        if self.is_connected():
            raise BrokerConnectionError("connected already")
        return await super().connect()


class OpensOnce(PaperClient):
    _opened = False

    async def connect(self) -> bool:
        if self._opened and not self.is_connected():
            raise BrokerConnectionError("this session is over")
        self._opened = await super().connect()
        return self._opened


class HasOneSeatForAll(PaperClient):
    async def connect(self) -> bool:
        name, self.client_id = self.client_id, 0
        try:
            return await super().connect()
        finally:
            self.client_id = name


class KeepsItsStreamsOpen(PaperClient):
    async def disconnect(self) -> None:
        kept, self._subscriptions = self._subscriptions, []
        await super().disconnect()
        self._subscriptions = kept


class TellsTheFirstSubscriberOnly(PaperClient):
    def look(self, exchange: Exchange) -> None:
        kept, self._subscriptions = self._subscriptions, self._subscriptions[:1]
        super().look(exchange)
        self._subscriptions = kept


# --- orders --------------------------------------------------------------------------------------


class AsksForTheKeyBeforeItWaits(PaperClient):
    async def place_order(self, *args: Any, **kwargs: Any) -> OrderResult:
        found = await self.find_order(args[0], kwargs["client_order_id"])
        await asyncio.sleep(0)
        return found or await super().place_order(*args, **kwargs)

    def _submit(self, exchange: Exchange, wanted: WantedOrder) -> Answer:
        request = wanted.request(listing(exchange, wanted.symbol), self.client_id)
        return Answer.of(exchange, exchange.submit(request))


class ListsWhatThisSessionSent(PaperClient):
    def __init__(self, client_id: int, broker: PaperBroker) -> None:
        super().__init__(client_id, broker)
        self._sent: set[str] = set()

    async def connect(self) -> bool:
        self._sent.clear()
        return await super().connect()

    async def place_order(self, *args: Any, **kwargs: Any) -> OrderResult:
        placed = await super().place_order(*args, **kwargs)
        self._sent.add(placed.order_id)
        return placed

    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        orders = await super().get_open_orders(account_id)
        return [order for order in orders if order.order_id in self._sent]


class HidesTheLimit(PaperClient):
    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        orders = await super().get_open_orders(account_id)
        return [order.model_copy(update={"limit_price": None}) for order in orders]


class ForgetsTheFillsOfWhatIsCancelled(PaperClient):
    async def find_order(self, account_id: str, client_order_id: str) -> OrderResult | None:
        found = await super().find_order(account_id, client_order_id)
        if found is None or found.status is not OrderStatus.CANCELLED:
            return found
        return found.model_copy(update={"filled_quantity": Decimal(0)})


class FindsWhatNeverWas(PaperClient):
    async def find_order(self, account_id: str, client_order_id: str) -> OrderResult | None:
        found = await super().find_order(account_id, client_order_id)
        return found or OrderResult(
            order_id="0", symbol="AAA", quantity=Decimal(1), status=OrderStatus.WORKING
        )


class TellsExecutionsSinceItsLogin(PaperClient):
    def __init__(self, client_id: int, broker: PaperBroker) -> None:
        super().__init__(client_id, broker)
        self._earlier: list[Fill] = []

    async def connect(self) -> bool:
        connected = await super().connect()
        for account_id in await self.get_accounts():
            self._earlier += await super().get_executions(account_id)
        return connected

    async def get_executions(self, account_id: str, since: datetime | None = None) -> list[Fill]:
        fills = await super().get_executions(account_id, since)
        return [fill for fill in fills if fill not in self._earlier]


# --- accounts and markets ------------------------------------------------------------------------


class HidesAnAccount(PaperClient):
    async def get_accounts(self) -> list[str]:
        return (await super().get_accounts())[:1]


class ValuesAnAccountByItsCash(PaperClient):
    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        found = await super().get_account_snapshot(account_id)
        return found.model_copy(update={"total_value": found.cash_balance})


class _MixesPositions(PaperClient):
    """A client that keeps what it showed before."""

    def __init__(self, client_id: int, broker: PaperBroker) -> None:
        super().__init__(client_id, broker)
        self._shown: dict[tuple[str, str], AccountPosition] = {}

    def key(self, account_id: str) -> str:
        return account_id

    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        found = await super().get_account_snapshot(account_id)
        key = self.key(account_id)
        self._shown |= {(key, position.symbol): position for position in found.positions}
        mine = tuple(p for (owner, _), p in self._shown.items() if owner == key)
        return found.model_copy(update={"positions": mine})


class KeepsWhatIsSoldOut(_MixesPositions):
    async def connect(self) -> bool:
        connected = await super().connect()
        for name in await self.get_accounts():
            await self.get_account_snapshot(name)
        return connected


class ShowsEverybodysPositions(KeepsWhatIsSoldOut):
    def key(self, account_id: str) -> str:
        return "all"


class SortsTheInstruments(PaperClient):
    async def get_instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        return await super().get_instruments(sorted(symbols))


FAULTS = {
    RefusesASecondLogin: "test_connecting_twice_and_disconnecting_twice_are_harmless",
    OpensOnce: "test_a_session_can_be_opened_again_by_the_same_client",
    HasOneSeatForAll: "test_sessions_with_different_client_ids_stand_side_by_side",
    KeepsItsStreamsOpen: "test_closing_the_session_ends_its_event_streams",
    TellsTheFirstSubscriberOnly: "test_every_subscriber_hears_everything",
    AsksForTheKeyBeforeItWaits: "test_a_key_repeated_at_the_same_time_is_sent_once",
    ListsWhatThisSessionSent: "test_another_client_id_sees_the_orders_and_does_not_own_them",
    HidesTheLimit: "test_a_limit_order_rests_and_is_listed",
    ForgetsTheFillsOfWhatIsCancelled: "test_a_cancelled_order_keeps_what_was_filled",
    FindsWhatNeverWas: "test_an_order_that_never_was_is_not_found",
    TellsExecutionsSinceItsLogin: "test_what_filled_while_nobody_watched_is_found_again",
    HidesAnAccount: "test_the_login_lists_its_accounts",
    ValuesAnAccountByItsCash: "test_a_snapshot_shows_positions_cash_and_net_liquidation",
    KeepsWhatIsSoldOut: "test_a_position_that_is_sold_out_is_gone",
    ShowsEverybodysPositions: "test_a_snapshot_shows_its_own_account_only",
    SortsTheInstruments: "test_instruments_come_in_the_order_asked",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_suite_catches(fault: type[PaperClient]) -> None:
    test = FAULTS[fault]
    assert verdict(PaperHarness, test) is None
    assert verdict(lambda: PaperHarness(fault), test) is not None


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        (ListsWhatThisSessionSent, "test_working_orders_survive_a_lost_session"),
        (
            TellsExecutionsSinceItsLogin,
            "test_orders_and_executions_survive_a_restart_of_the_broker",
        ),
    ],
)
def test_the_suite_catches_it_after_a_loss_as_well(fault: type[PaperClient], test: str) -> None:
    assert verdict(PaperHarness, test) is None
    assert verdict(lambda: PaperHarness(fault), test) is not None
