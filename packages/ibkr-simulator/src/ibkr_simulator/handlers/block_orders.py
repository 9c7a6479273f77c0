"""An adviser's orders for a group of accounts: placed and resized, each account with its part."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from ibkr_simulator.advisor import shared
from ibkr_simulator.refusals import rejected
from ibkr_simulator.session import Session
from ibkr_simulator.translate.requests import order_request, owner_of
from simulated_exchange import Order, OrderState

from .order_reports import tell

_TERMS = ("faGroup", "faMethod", "faPercentage")


def advisor_of(session: Session, fields: Mapping[str, Any]) -> str:
    """The adviser's account. Raises `Refusal` for an order that cannot be for a group."""
    advisor = session.desk.advisor_id
    if advisor is None:
        raise rejected("Only an adviser has groups of accounts.")
    if fields["account"] not in ("", advisor):
        raise rejected("An order is for an account or for a group, not for both.")
    if fields["whatIf"] or fields["parentId"] or not fields["transmit"]:
        raise rejected("This gateway does not support families and what-if orders for groups.")
    return advisor


def place_block(session: Session, fields: Mapping[str, Any]) -> None:
    """One order on the exchange for each account that gets a part, or none at all."""
    desk, owner = session.desk, (session.client_id, fields["orderId"])
    advisor, instrument = advisor_of(session, fields), desk.instrument(fields)
    terms = {name: fields[name] for name in _TERMS}
    parts = desk.advisor.share_out(terms, fields["totalQuantity"], instrument)
    requests = [
        order_request(
            {**fields, "totalQuantity": quantity},
            account_id=account_id,
            instrument=instrument,
            owner=owner,
        )
        for account_id, quantity in parts.items()
    ]
    for request in requests:
        # The parts are of different accounts: what is allowed alone is allowed after the others.
        desk.exchange.preview(request)
    desk.order_ids.use(*owner)
    desk.blocks.open(owner, advisor, sum(parts.values(), Decimal(0)), terms)
    for request in requests:
        desk.order_ids.note(desk.exchange.submit(request))
    placed = desk.order_ids.find(*owner)
    if placed is not None and placed.status is OrderState.PENDING:
        tell(session, placed)


def resized(session: Session, order: Order, quantity: Decimal) -> Iterator[tuple[Order, Decimal]]:
    """The live orders on the exchange that an order consists of, with their part of a quantity."""
    blocks, exchange = session.desk.blocks, session.desk.exchange
    parts = blocks.parts(order)
    if not blocks.terms(owner_of(order.request)):
        yield order, quantity
        return
    live = {str(part.order_id): part for part in parts if not part.is_done}
    rest = quantity - sum((part.filled for part in parts if part.is_done), Decimal(0))
    weights = {name: part.request.quantity for name, part in live.items()}
    lot = exchange.instrument(order.request.con_id).lot_size
    blocks.resize(order, quantity)
    for name, share in shared(rest, weights, lot).items():
        yield live[name], share
