"""From the exchange's values to a broker's.

Comes in: what the exchange has in its books. Goes out: values of `broker_connector_base.models`.
Both sides count in `Decimal`; no number is rounded or made a float on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from broker_connector_base import (
    AccountPosition,
    AccountSnapshot,
    ContractPrice,
    Fill,
    Instrument,
    OpenOrder,
    OrderResult,
    OrderStatus,
    OrderUpdate,
    Session,
)
from simulated_exchange import Account, Exchange, Execution, Order, OrderState, OrderType, Side
from simulated_exchange import Instrument as Listing
from simulated_exchange import Session as Hours

#: How many calendar days of trading hours an instrument tells.
_DAYS_OF_HOURS = 7

ORDER_TYPES = MappingProxyType({"MARKET": OrderType.MKT, "LIMIT": OrderType.LMT})
_NAMES = {kind: name for name, kind in ORDER_TYPES.items()}

STATUS = MappingProxyType(
    {
        # On its way to the exchange: the broker has it for good, a crash does not lose it.
        OrderState.PENDING: OrderStatus.WORKING,
        OrderState.HELD: OrderStatus.WORKING,
        OrderState.WORKING: OrderStatus.WORKING,
        OrderState.PARTIALLY_FILLED: OrderStatus.WORKING,
        OrderState.PENDING_CANCEL: OrderStatus.CANCELLING,
        OrderState.FILLED: OrderStatus.FILLED,
        OrderState.CANCELLED: OrderStatus.CANCELLED,
        OrderState.REJECTED: OrderStatus.REJECTED,
        OrderState.EXPIRED: OrderStatus.EXPIRED,
    }
)


def name(listing: Listing) -> str:
    """What callers call it: `BRK.B` for the exchange's `BRK B`."""
    return listing.symbol.replace(" ", ".")


def snapshot(exchange: Exchange, account_id: str, now: datetime) -> AccountSnapshot:
    """The account with the marks of this moment."""
    account = exchange.account(account_id)
    return AccountSnapshot(
        account_id=account_id,
        total_value=account.net_liquidation,
        cash_balance=account.total_cash,
        settled_cash=_in_base(account, account.settled_cash),
        positions=tuple(_positions(exchange, account)),
        currency=account.base_currency,
        cash_by_currency=dict(account.cash),
        available_funds=account.available_funds,
        as_of=now,
    )


def _in_base(account: Account, cash: Mapping[str, Decimal]) -> Decimal:
    rates = account.exchange_rates
    return sum((amount * rates[currency] for currency, amount in cash.items()), Decimal(0))


def _positions(exchange: Exchange, account: Account) -> list[AccountPosition]:
    found = []
    for con_id, position in account.positions.items():
        listing = exchange.instrument(con_id)
        priced = exchange.quote(con_id).mark is not None
        found.append(
            AccountPosition(
                symbol=name(listing),
                quantity=position.quantity,
                market_price=position.market_price if priced else None,
                market_value=position.market_value if priced else None,
                average_cost=position.average_cost,
                security_type=listing.sec_type,
                currency=listing.currency,
                instrument_id=str(con_id),
            )
        )
    return found


def price(exchange: Exchange, listing: Listing) -> ContractPrice:
    """The quote of this moment; a side that is missing or not positive is None."""
    quote = exchange.quote(listing.con_id)
    return ContractPrice(
        symbol=name(listing),
        bid=_positive(quote.bid),
        ask=_positive(quote.ask),
        last=_positive(quote.last),
        close=_positive(quote.close),
        halted=bool(quote.halted),
        as_of=quote.at,
    )


def _positive(value: Decimal | None) -> Decimal | None:
    return value if value is not None and value > 0 else None


def instrument(listing: Listing, now: datetime) -> Instrument:
    """What can be traded, with the sessions of the coming days."""
    hours = listing.liquid_hours.sessions(now, _DAYS_OF_HOURS)
    return Instrument(
        symbol=name(listing),
        instrument_id=str(listing.con_id),
        security_type=listing.sec_type,
        currency=listing.currency,
        exchange=listing.primary_exchange or listing.exchange,
        name=listing.long_name or None,
        min_tick=listing.min_tick,
        lot_size=listing.lot_size,
        liquid_hours=tuple(
            Session(opens=day.opens, closes=day.closes) for day in hours if isinstance(day, Hours)
        ),
    )


def signed_quantity(order: Order) -> Decimal:
    """Shares ordered, negative for a sale."""
    quantity = order.request.quantity
    return quantity if order.request.side is Side.BUY else -quantity


def result(exchange: Exchange, order: Order) -> OrderResult:
    """The order as it stands."""
    return OrderResult(
        order_id=str(order.order_id),
        symbol=name(exchange.instrument(order.request.con_id)),
        quantity=signed_quantity(order),
        status=STATUS[order.status],
        client_order_id=order.request.order_ref or None,
        permanent_id=str(order.order_id),
        filled_quantity=order.filled,
        average_price=order.average_fill_price,
        message=_words(order),
    )


def open_order(exchange: Exchange, order: Order, *, client_id: int) -> OpenOrder:
    """The order in the list of those that work, as this client sees it."""
    request = order.request
    return OpenOrder(
        order_id=str(order.order_id),
        symbol=name(exchange.instrument(request.con_id)),
        quantity=signed_quantity(order),
        status=STATUS[order.status],
        order_type=_NAMES.get(request.order_type, request.order_type.value),
        account_id=request.account_id,
        client_order_id=request.order_ref or None,
        permanent_id=str(order.order_id),
        filled_quantity=order.filled,
        limit_price=request.limit_price,
        time_in_force=request.time_in_force.value,
        own=request.owner == client_id,
    )


def update(exchange: Exchange, order: Order) -> OrderUpdate:
    """What has become of the order, for those who follow the account."""
    return OrderUpdate(
        order_id=str(order.order_id),
        client_order_id=order.request.order_ref or None,
        permanent_id=str(order.order_id),
        symbol=name(exchange.instrument(order.request.con_id)),
        status=STATUS[order.status],
        filled_quantity=order.filled,
        remaining_quantity=order.remaining,
        average_price=order.average_fill_price,
        code=order.reject_reason.value if order.reject_reason else None,
        message=_words(order),
    )


def fill(exchange: Exchange, execution: Execution) -> Fill:
    """One execution with its commission, which the paper broker knows at once."""
    report = exchange.commission_report(execution.exec_id)
    return Fill(
        execution_id=execution.exec_id,
        order_id=str(execution.order_id),
        client_order_id=execution.request.order_ref or None,
        permanent_id=str(execution.order_id),
        account_id=execution.request.account_id,
        symbol=name(exchange.instrument(execution.request.con_id)),
        quantity=execution.signed_quantity,
        price=execution.price,
        commission=report.commission,
        commission_currency=report.currency,
        at=execution.at,
    )


def _words(order: Order) -> str | None:
    if order.reject_reason is not None:
        return f"refused: {order.reject_reason}"
    return f"held: {order.why_held}" if order.why_held else None
