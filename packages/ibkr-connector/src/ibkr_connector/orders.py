"""Orders: place, cancel and look up, on the server's word alone.

Comes in: what the caller wants traded. Goes out: orders on the wire, each acknowledged, refused or
of unknown outcome within a deadline. It never sends an order twice, never rounds a limit to the
caller's loss and never sends what IB's API cannot do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from broker_connector_base import (
    BrokerAPIError,
    Fill,
    OpenOrder,
    OrderExecutionError,
    OrderOutcomeUnknown,
    OrderResult,
    OrderStatus,
)

from . import convert
from .contract_cache import Listing
from .contracts import Contracts
from .executions import average_price, shares
from .ledger import Ledger, open_orders
from .messages import MANUAL, CompletedLine, order_key
from .order_lists import OrderLists
from .order_request import OrderRequest
from .session import Session
from .status import order_status
from .tracked_order import TrackedOrder


class OrderDesk:
    """The orders of one client id."""

    def __init__(
        self,
        session: Session,
        contracts: Contracts,
        ledger: Ledger,
        lists: OrderLists,
        *,
        acknowledgement_timeout_seconds: float,
    ) -> None:
        self._session = session
        self._contracts = contracts
        self._ledger = ledger
        self._lists = lists
        self._acknowledgement_timeout = acknowledgement_timeout_seconds
        # Calls are sent in the order in which they were made, even if one has to ask for its
        # contract first.
        self._turn = asyncio.Lock()

    async def place(self, request: OrderRequest) -> OrderResult:
        """See `BrokerClient.place_order`."""
        self._require_orders_allowed(request.account_id)
        async with self._turn:
            first = await self._first_with_key(request)
            if isinstance(first, OrderResult):
                is_unlisted = first.status is OrderStatus.UNKNOWN
                return _decided(first, request.account_id, is_unlisted=is_unlisted)
            order = first or self._send(request, await self._listing(request.symbol))
        await self._acknowledgement(order)
        return _decided(
            order.result(), order.account_id, code=order.code, is_unlisted=order.is_unlisted
        )

    def _require_orders_allowed(self, account_id: str) -> None:
        self._session.require_account(account_id)
        if self._lists.read_only is not None:
            raise OrderExecutionError(
                f"{self._lists.read_only} Nothing was sent.", code=self._lists.read_only.code
            )

    async def _first_with_key(self, request: OrderRequest) -> TrackedOrder | OrderResult | None:
        """The order that already has the request's key, whichever session of ours placed it."""
        key = request.client_order_id
        if key is None:
            return None
        order = self._ledger.with_key(request.account_id, key)
        if order is not None and order.own:
            return order
        if self._ledger.executions.with_key(request.account_id, key):
            return await self.find(request.account_id, key)
        return None

    async def _listing(self, symbol: str) -> Listing:
        known = self._contracts.known(symbol)
        return known if known is not None else (await self._contracts.resolve([symbol]))[0]

    def _send(self, request: OrderRequest, listing: Listing) -> TrackedOrder:
        client = self._session.client
        limit = request.limit_on_grid(listing)
        number = self._session.next_id()
        order = TrackedOrder(
            key=(self._session.client_id, number),
            order_id=str(number),
            own=True,
            account_id=request.account_id,
            symbol=request.symbol,
            quantity=request.quantity,
            order_type=request.order_type,
            limit_price=limit,
            time_in_force=request.time_in_force,
            client_order_id=request.client_order_id,
        )
        wire_order = request.wire_order(limit)
        self._ledger.add(order)
        client.placeOrder(number, listing.contract(), wire_order)
        return order

    async def _acknowledgement(self, order: TrackedOrder) -> None:
        try:
            async with asyncio.timeout(self._acknowledgement_timeout):
                await order.answered.wait()
        except TimeoutError:
            self._ledger.give_up(order)

    async def what_if(self, request: OrderRequest) -> None:
        """Ask what an order would do to the account; nothing is traded.

        Raises `OrderExecutionError` when IB would not take it.
        """
        self._require_orders_allowed(request.account_id)
        listing = await self._listing(request.symbol)
        order = request.wire_order(request.limit_on_grid(listing))
        order.whatIf = True
        try:
            await self._session.ask(
                lambda client, number: client.placeOrder(number, listing.contract(), order),
                what=f"the margin of {request.symbol}",
            )
        except BrokerAPIError as error:
            raise OrderExecutionError(str(error), code=error.code) from error

    def cancel(self, order_id: str) -> None:
        """See `BrokerClient.cancel_order`; an order that has ended needs no message."""
        client = self._session.client
        order = self._ledger.own(order_id)
        if order is None:
            raise OrderExecutionError(
                f"Order {order_id} was not placed by client id {self._session.client_id}; only its "
                "own client can cancel it. Nothing was sent. Cancel it in TWS or the mobile app."
            )
        if not order.status.is_final:
            client.cancelOrder(order.key[1])
            self._ledger.cancelling(order)

    def status(self, order_id: str) -> OrderStatus:
        """See `BrokerClient.get_order_status`."""
        order = self._ledger.own(order_id)
        if order is not None:
            return order.status
        numbers = order_id.split("/")
        known_form = len(numbers) <= 2 and all(part.lstrip("-").isdecimal() for part in numbers)
        return OrderStatus.NOT_FOUND if known_form else OrderStatus.ERROR

    # Looking up.

    async def open_orders(self, account_id: str) -> list[OpenOrder]:
        """The working orders of an account, whoever placed them."""
        self._session.require_account(account_id)
        return open_orders(await self._lists.open(), account_id)

    async def executions(self, account_id: str, since: datetime | None) -> list[Fill]:
        """The executions of an account today, oldest first."""
        self._session.require_account(account_id)
        fills = await self._lists.executions(account_id=account_id)
        found = [
            fill
            for fill in fills
            if fill.account_id == account_id and (since is None or fill.at >= since)
        ]
        return sorted(found, key=lambda fill: fill.at)

    async def find(self, account_id: str, client_order_id: str) -> OrderResult | None:
        """The fate of an order by its key, from three lists that the server keeps.

        UNKNOWN when it was acknowledged or has executed and no list says whether it still works.
        """
        self._session.require_account(account_id)
        wanted = (account_id, client_order_id)
        working, _, completed = await asyncio.gather(
            self._open_with_key(*wanted),
            self._lists.executions(account_id=account_id),
            self._lists.completed(),
        )
        if working is not None:
            return working.result()
        executed = self._ledger.executions.with_key(*wanted)
        for line in completed:
            if (line.order.account, line.order.orderRef) == wanted:
                return self._completed_result(line, executed)
        known = self._ledger.with_key(*wanted)
        if known is not None and known.status.is_final:
            return known.result()
        if not executed and (known is None or not known.was_acknowledged):
            return None
        # It exists; the first list of open orders may have been written before it was complete.
        working = await self._open_with_key(*wanted)
        if working is not None:
            return working.result()
        return _unlisted(known) if known is not None else _result_of_fills(executed)

    async def _open_with_key(self, account_id: str, client_order_id: str) -> TrackedOrder | None:
        for order in await self._lists.open():
            if (order.account_id, order.client_order_id) == (account_id, client_order_id):
                return order
        return None

    def _completed_result(self, line: CompletedLine, executed: Sequence[Fill]) -> OrderResult:
        described = self._ledger.describe(
            line.contract, line.order, order_key(MANUAL, 0, line.order.permId)
        )
        known = self._ledger.with_key(described.account_id, line.order.orderRef)
        filled = convert.price(line.order.filledQuantity) or shares(executed)
        sign = 1 if line.order.action == "BUY" else -1
        if known is not None:
            described.order_id, described.quantity = known.order_id, known.quantity
        elif executed:
            described.order_id = executed[0].order_id
        # IB lists a completed order with total quantity 0 beside its filled quantity.
        described.quantity = described.quantity or filled * sign
        described.filled = filled
        described.average_price = average_price(executed)
        described.status = order_status(line.status)
        return described.result()


def _decided(
    result: OrderResult, account_id: str, *, code: str | None = None, is_unlisted: bool
) -> OrderResult:
    """The order if it was taken; raises what `place_order` promises if it was not or may not be."""
    words = result.message or "IB gave no reason"
    if result.status in (OrderStatus.PENDING, OrderStatus.UNKNOWN):
        if result.permanent_id is None:
            seen = "is not acknowledged"
        elif is_unlisted:
            seen = "is on no list of IB's now"
        else:
            seen = "is acknowledged by IB and not yet working"
        raise OrderOutcomeUnknown(
            f"Order {result.order_id} ({result.quantity} {result.symbol}) was sent and {seen} "
            f"({words}). It may be working, filled or lost by now. Look it up by its "
            f"key {result.client_order_id!r} before anything else is sent.",
            client_order_id=result.client_order_id or "",
            order_id=result.order_id,
        )
    if result.status is OrderStatus.REJECTED:
        raise OrderExecutionError(
            f"IB refused to trade {result.quantity} {result.symbol} for {account_id} "
            f"({words}). The order is not working.",
            code=code,
        )
    return result


def _unlisted(order: TrackedOrder) -> OrderResult:
    """An order that exists and is on no list: its last state may have been overtaken."""
    result = order.result()
    if result.status.is_final:
        return result
    return result.model_copy(update={"status": OrderStatus.UNKNOWN})


def _result_of_fills(fills: Sequence[Fill]) -> OrderResult:
    """An order of which only its executions are left: how much was ordered, nobody says."""
    first = fills[0]
    quantity = sum((fill.quantity for fill in fills), Decimal(0))
    return OrderResult(
        order_id=first.order_id,
        symbol=first.symbol,
        quantity=quantity,
        status=OrderStatus.UNKNOWN,
        client_order_id=first.client_order_id,
        permanent_id=first.permanent_id,
        filled_quantity=abs(quantity),
        average_price=average_price(fills),
    )
