"""Faults that any connector may have, each with the contract test that is meant to catch it.

Each stands between a caller and a sound broker, and spoils one thing that the interface promises.
`seeded_into` makes faulty brokers of a connector's own class: a suite that lets one of them pass
does not test what it says. Faults of what only that connector has are its own to add.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from broker_connector_base.base_client import BrokerClient
from broker_connector_base.exceptions import (
    BrokerConnectionError,
    OrderExecutionError,
    OrderOutcomeUnknown,
    UnknownSymbol,
)
from broker_connector_base.models import (
    AccountSnapshot,
    ContractPrice,
    Fill,
    Instrument,
    OpenOrder,
    OrderEvent,
    OrderResult,
    OrderUpdate,
)
from broker_connector_base.order_states import OrderStatus

if TYPE_CHECKING:
    # Any sound broker, the next in line.
    from .fake_broker import FakeBroker as _Broker
else:
    _Broker = object

B = TypeVar("B", bound=BrokerClient)

# --- orders --------------------------------------------------------------------------------------


class CallsAnUnknownOutcomeUnsent(_Broker):
    async def place_order(self, *args: Any, **kwargs: Any) -> OrderResult:
        try:
            return await super().place_order(*args, **kwargs)
        except OrderOutcomeUnknown as unknown:
            raise BrokerConnectionError("nothing was sent") from unknown


class TakesARejectionForAnAnswer(_Broker):
    async def place_order(self, *args: Any, **kwargs: Any) -> OrderResult:
        try:
            return await super().place_order(*args, **kwargs)
        except OrderExecutionError:
            return OrderResult(
                order_id="0", symbol="AAA", quantity=Decimal(1), status=OrderStatus.REJECTED
            )


class SendsEverythingForTheDay(_Broker):
    async def place_order(self, *args: Any, **kwargs: Any) -> OrderResult:
        return await super().place_order(*args, **{**kwargs, "time_in_force": "DAY"})


class SendsInItsOwnTime(_Broker):
    _patience = 1.0

    async def place_order(self, *args: Any, **kwargs: Any) -> OrderResult:
        # The next one overtakes it.
        self._patience /= 2
        await asyncio.sleep(self._patience)
        return await super().place_order(*args, **kwargs)


class ClaimsForeignOrders(_Broker):
    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        orders = await super().get_open_orders(account_id)
        return [order.model_copy(update={"own": True}) for order in orders]


class LosesThePartialQuantity(_Broker):
    async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
        orders = await super().get_open_orders(account_id)
        return [order.model_copy(update={"filled_quantity": Decimal(0)}) for order in orders]


class FindsWorkingOrdersOnly(_Broker):
    async def find_order(self, account_id: str, client_order_id: str) -> OrderResult | None:
        found = await super().find_order(account_id, client_order_id)
        return found if found and found.status.is_live else None


# --- events --------------------------------------------------------------------------------------


class _TellsOtherwise(_Broker):
    """A broker whose readers get what `tell` makes of an event."""

    def tell(self, event: OrderEvent) -> list[OrderEvent]:
        return [event]

    @asynccontextmanager
    async def order_events(self, account_id: str) -> AsyncIterator[AsyncIterator[OrderEvent]]:
        async with super().order_events(account_id) as events:
            yield _Retold(events, self)


class _Retold:
    """No generator, which would end with the first wait that is given up."""

    def __init__(self, events: AsyncIterator[OrderEvent], teller: _TellsOtherwise) -> None:
        self._events = events
        self._teller = teller
        self._waiting: deque[OrderEvent] = deque()

    def __aiter__(self) -> _Retold:
        return self

    async def __anext__(self) -> OrderEvent:
        while not self._waiting:
            self._waiting.extend(self._teller.tell(await anext(self._events)))
        return self._waiting.popleft()


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


class ListensWithItsFirstRead(_Broker):
    @asynccontextmanager
    async def order_events(self, account_id: str) -> AsyncIterator[AsyncIterator[OrderEvent]]:
        async def late() -> AsyncIterator[OrderEvent]:
            async with super(ListensWithItsFirstRead, self).order_events(account_id) as events:
                async for event in events:
                    yield event

        yield late()


class EndsTheStreamWithACancelledWait(_Broker):
    @asynccontextmanager
    async def order_events(self, account_id: str) -> AsyncIterator[AsyncIterator[OrderEvent]]:
        async with super().order_events(account_id) as events:
            yield (event async for event in events)


# --- accounts and markets ------------------------------------------------------------------------


class RemembersItsFirstSnapshot(_Broker):
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


class CountsCashInFloats(_Broker):
    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        found = await super().get_account_snapshot(account_id)
        return found.model_copy(update={"cash_balance": Decimal(float(found.cash_balance))})


class MixesUpQuestionsAtTheSameTime(_Broker):
    async def get_account_snapshot(
        self, account_id: str, use_cached_prices: bool = False
    ) -> AccountSnapshot:
        self._asked = account_id
        await asyncio.sleep(0)
        return await super().get_account_snapshot(self._asked)


class ForgetsCommissions(_Broker):
    async def get_executions(self, account_id: str, since: datetime | None = None) -> list[Fill]:
        fills = await super().get_executions(account_id, since)
        return [fill.model_copy(update={"commission": None}) for fill in fills]


class InventsAMissingSide(_Broker):
    async def get_multiple_market_prices(
        self, symbols: Sequence[str], use_cache: bool = False
    ) -> list[ContractPrice]:
        quotes = await super().get_multiple_market_prices(symbols)
        return [quote.model_copy(update={"bid": quote.bid or quote.ask}) for quote in quotes]


class SortsTheQuotes(_Broker):
    async def get_multiple_market_prices(
        self, symbols: Sequence[str], use_cache: bool = False
    ) -> list[ContractPrice]:
        return await super().get_multiple_market_prices(sorted(symbols))


class LeavesUnknownSymbolsOut(_Broker):
    async def get_instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        found = []
        for symbol in symbols:
            try:
                found += await super().get_instruments([symbol])
            except UnknownSymbol:
                continue
        return found


_FAULTS: dict[type, str] = {
    CallsAnUnknownOutcomeUnsent: "test_an_answer_lost_after_sending_is_an_unknown_outcome",
    TakesARejectionForAnAnswer: "test_a_rejected_order_raises_the_brokers_code",
    SendsEverythingForTheDay: "test_an_order_keeps_its_time_in_force",
    SendsInItsOwnTime: "test_orders_started_in_order_arrive_in_order",
    ClaimsForeignOrders: "test_foreign_orders_are_listed_and_not_own",
    LosesThePartialQuantity: "test_a_partial_fill_keeps_the_rest_working",
    FindsWorkingOrdersOnly: "test_a_cancelled_order_is_told_and_no_longer_listed",
    LosesTheFills: "test_events_cannot_be_outrun_by_the_order",
    ForgetsToTellTheEnd: "test_a_market_order_fills_and_says_so",
    CountsEveryFillTwice: "test_a_market_order_fills_and_says_so",
    DropsTheSignOfSells: "test_a_sell_is_negative_everywhere",
    ListensWithItsFirstRead: "test_events_cannot_be_outrun_by_the_order",
    EndsTheStreamWithACancelledWait: "test_a_wait_for_events_can_be_given_up_and_taken_up_again",
    RemembersItsFirstSnapshot: "test_a_snapshot_after_a_fill_is_the_brokers_own_books",
    CountsCashInFloats: "test_a_snapshot_after_a_fill_is_the_brokers_own_books",
    MixesUpQuestionsAtTheSameTime: "test_accounts_can_be_read_at_the_same_time",
    ForgetsCommissions: "test_executions_carry_keys_and_commissions",
    InventsAMissingSide: "test_a_missing_side_of_a_quote_is_none",
    SortsTheQuotes: "test_quotes_come_in_the_order_asked",
    LeavesUnknownSymbolsOut: "test_an_unknown_symbol_is_refused_everywhere",
}


def seeded_into(broker: type[B]) -> dict[type[B], str]:
    """The broker with each of the faults, and the contract test that must fail of it."""
    return {type(fault.__name__, (fault, broker), {}): test for fault, test in _FAULTS.items()}
