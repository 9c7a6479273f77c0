"""Steps and readings that the contract's tests share."""

from __future__ import annotations

from decimal import Decimal

from broker_connector_base.base_client import BrokerClient
from broker_connector_base.models import AccountSnapshot, OpenOrder, OrderResult
from broker_connector_base.order_states import OrderStatus

from .harness import BELOW, BrokerHarness


async def place_resting(harness: BrokerHarness, client: BrokerClient, key: str) -> OrderResult:
    """10 shares of the first symbol, bid for far below the market."""
    return await client.place_order(
        harness.account_id, harness.symbols[0], 10, "LIMIT", BELOW, client_order_id=key
    )


async def open_order(harness: BrokerHarness, client: BrokerClient, key: str) -> OpenOrder | None:
    """The working order with this key, as the broker lists it."""
    orders = await client.get_open_orders(harness.account_id)
    return next((order for order in orders if order.client_order_id == key), None)


async def fate(
    harness: BrokerHarness, client: BrokerClient, key: str
) -> tuple[OrderStatus, Decimal] | None:
    """State and unsigned filled shares by key; None when the broker has never seen it."""
    found = await client.find_order(harness.account_id, key)
    return None if found is None else (found.status, found.filled_quantity)


def holdings(snapshot: AccountSnapshot) -> dict[str, Decimal]:
    """Signed shares per symbol."""
    return {position.symbol: position.quantity for position in snapshot.positions}
