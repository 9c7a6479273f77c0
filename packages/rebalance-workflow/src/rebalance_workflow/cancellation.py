"""Takes orders back: asks for their cancellation and waits until the broker does not list them.

Comes in: working orders that this session placed. Goes out: nothing. A fill can win against a
cancellation and a refusal can be late news, so the broker's list has the last word. How long to
wait and what a refusal means is the caller's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from broker_connector_base import BrokerAPIError, BrokerClient, OpenOrder, OrderEvent, OrderUpdate

from .order_feed import OrderFeed


async def cancel_and_wait(
    broker: BrokerClient,
    account_id: str,
    orders: Sequence[OpenOrder],
    *,
    is_refusal: Callable[[OrderUpdate], bool],
    on_refusal: Callable[[OpenOrder, BrokerAPIError], None],
) -> None:
    """Return when the broker lists none of the orders but those that are not waited for.

    Not waited for are those whose request was refused: `on_refusal` is told of each that is still
    listed, and may raise; and those of which an update came that is a refusal to the caller.
    Raises `BrokerConnectionError` when the session is lost.
    """
    by_identity = {_identity(order): order for order in orders}
    given_up: set[str] = set()
    heard: list[OrderEvent] = []

    def note(event: OrderEvent) -> None:
        heard.append(event)
        if isinstance(event, OrderUpdate) and is_refusal(event):
            given_up.add(event.order_id)

    async def still_listed() -> list[OpenOrder]:
        # What is heard from here on may be younger than the list.
        heard.clear()
        listed = set(map(_identity, await broker.get_open_orders(account_id)))
        return [order for identity, order in by_identity.items() if identity in listed]

    feed = OrderFeed(broker, account_id, note)
    try:
        await feed.start()
        refusals = await _request(broker, orders)
        given_up.update(refusals)
        while listed := await still_listed():
            for order in listed:
                if order.order_id in refusals:
                    on_refusal(order, refusals.pop(order.order_id))
            if given_up.issuperset(order.order_id for order in listed):
                return
            await feed.until(lambda: bool(heard))
    finally:
        await feed.stop()


async def _request(broker: BrokerClient, orders: Sequence[OpenOrder]) -> dict[str, BrokerAPIError]:
    """Ask for all; the refusals by order id. An order may have ended a moment ago."""
    refusals = {}
    for order in orders:
        try:
            await broker.cancel_order(order.order_id)
        except BrokerAPIError as error:
            refusals[order.order_id] = error
    return refusals


def _identity(order: OpenOrder) -> str:
    """Order ids repeat across clients and are 0 for manual orders; permanent ids do not."""
    return order.permanent_id or order.order_id
