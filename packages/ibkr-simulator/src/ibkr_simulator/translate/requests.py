"""What a client asks for.

The fields of placeOrder come in and become an `OrderRequest`, or a `Refusal` when they ask for
something that the exchange cannot do: an order is never executed on other terms than its own.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ibkr_simulator.codec import Message, decode_request, encode_request
from ibkr_simulator.frames import MAX_VERSION
from ibkr_simulator.refusals import Refusal, rejected
from simulated_exchange import (
    Instrument,
    OcaType,
    OrderRequest,
    OrderType,
    Side,
    TimeInForce,
    TriggerMethod,
)

from .texts import words

#: Above any quantity or price there is, and small enough to be multiplied exactly.
_LARGEST = 10**12

#: Terms that the exchange carries out for every order, and terms that change nothing about the
#: execution of a plain order. Everything else has to be at its default.
_UNDERSTOOD = words(
    "orderId conId symbol secType lastTradeDateOrContractMonth strike right multiplier exchange "
    "primaryExchange currency localSymbol tradingClass secIdType secId action totalQuantity "
    "orderType lmtPrice tif account orderRef outsideRth whatIf transmit parentId ocaGroup ocaType "
    "openClose origin triggerMethod rule80A settlingFirm clearingAccount "
    "clearingIntent exemptCode overridePercentageConstraints algoId orderMiscOptions solicited "
    "extOperator mifid2DecisionMaker mifid2DecisionAlgo mifid2ExecutionTrader "
    "mifid2ExecutionAlgo dontUseAutoPriceForHedge usePriceMgmtAlgo advancedErrorOverride "
    "manualOrderTime adjustableTrailingUnit faGroup faMethod faPercentage"
)
_NEUTRAL: Mapping[str, Any] = decode_request(
    encode_request(Message("placeOrder", {}), MAX_VERSION), MAX_VERSION
).fields

_TRAIL = {
    "stop_price": "trailStopPrice",
    "trail_amount": "auxPrice",
    "trail_percent": "trailingPercent",
}
#: Where each type of order has its prices (TWS API, "Order Types").
_PRICES: Mapping[OrderType, Mapping[str, str]] = {
    OrderType.MKT: {},
    OrderType.LMT: {"limit_price": "lmtPrice"},
    OrderType.STP: {"stop_price": "auxPrice"},
    OrderType.STP_LMT: {"limit_price": "lmtPrice", "stop_price": "auxPrice"},
    OrderType.TRAIL: _TRAIL,
    OrderType.TRAIL_LIMIT: {**_TRAIL, "limit_offset": "lmtPriceOffset"},
    OrderType.MIDPRICE: {"limit_price": "lmtPrice"},
}
#: What has to be at its default for each type of order, and that default.
_UNTOUCHED = {
    kind: tuple(
        (name, neutral)
        for name, neutral in _NEUTRAL.items()
        if name not in (*_UNDERSTOOD, *prices.values())
    )
    for kind, prices in _PRICES.items()
}
_ORDER_TYPES = {kind.value: kind for kind in _PRICES}

#: (client id, order id) of the client that placed an order; (0, 0) for one that no client placed
Owner = tuple[int, int]
_NOBODY: Owner = (0, 0)
_OWNER_SIZE = len(_NOBODY)


def owner_of(request: OrderRequest) -> Owner:
    """Who placed it, as written by `order_request`."""
    owner = request.owner
    return owner if isinstance(owner, tuple) and len(owner) == _OWNER_SIZE else _NOBODY


def price_names(kind: OrderType) -> Mapping[str, str]:
    """The prices of this type of order: the exchange's name of each and the wire's."""
    return _PRICES[kind]


def order_request(
    fields: Mapping[str, Any], *, account_id: str, instrument: Instrument, owner: Owner
) -> OrderRequest:
    """The order that a placeOrder asks for. Raises `Refusal` for terms that cannot be met."""
    kind = _ORDER_TYPES.get(fields["orderType"])
    if kind is None:
        raise Refusal(387, "Unsupported order type for this exchange and security type.")
    _refuse_what_is_not_understood(fields, kind)
    _check_quantity(fields["totalQuantity"], instrument)
    names = _PRICES[kind].items()
    prices: dict[str, Any] = {name: _price(fields[wire]) for name, wire in names}
    try:
        return OrderRequest(
            account_id=account_id,
            con_id=instrument.con_id,
            side=Side(fields["action"]),
            quantity=fields["totalQuantity"],
            order_type=kind,
            **prices,
            trigger_method=TriggerMethod(fields["triggerMethod"] if kind.is_stop else 0),
            oca_group=fields["ocaGroup"],
            oca_type=OcaType(fields["ocaType"] or OcaType.CANCEL),
            time_in_force=TimeInForce(fields["tif"] or "DAY"),
            order_ref=fields["orderRef"],
            owner=owner,
            outside_rth=fields["outsideRth"],
        )
    except ValueError as error:
        raise rejected(f"Invalid order: {error}.") from None


def _check_quantity(quantity: Decimal, instrument: Instrument) -> None:
    if abs(quantity) > _LARGEST:
        raise rejected(f"A quantity or price above {_LARGEST} is not accepted.")
    if not quantity:
        raise Refusal(434, "The order size cannot be zero.")
    if quantity > 0 and not instrument.is_whole_lots(quantity):
        raise Refusal(
            10243,
            "Fractional-sized order cannot be placed via API."
            " Please use desktop version of TWS to place this order.",
        )


def _price(value: Decimal | None) -> Decimal | None:
    """A price of an order; clients write one that is not given as nothing or as 0."""
    if value is not None and abs(value) > _LARGEST:
        raise rejected(f"A quantity or price above {_LARGEST} is not accepted.")
    return value or None


def _refuse_what_is_not_understood(fields: Mapping[str, Any], kind: OrderType) -> None:
    strange = [
        name
        for name, neutral in _UNTOUCHED[kind]
        # Clients write "not given" as 0, as "" or as unset, each in its own way.
        if (value := fields[name]) and value != neutral
    ]
    if strange:
        raise rejected(f"This gateway does not support {', '.join(strange)}.")
