"""A caller chooses its next move by the class of an error."""

from __future__ import annotations

import pytest

from broker_connector_base import (
    AccountDataError,
    AccountNotFound,
    BrokerAPIError,
    BrokerConnectionError,
    BrokerError,
    ClientIdInUse,
    MarketDataError,
    OrderExecutionError,
    OrderOutcomeUnknown,
    UnknownSymbol,
)

RETRY, STOP, RECONCILE = BrokerConnectionError, BrokerAPIError, OrderOutcomeUnknown


@pytest.mark.parametrize(
    ("error", "move"),
    [
        (ClientIdInUse, RETRY),
        (AccountNotFound, STOP),
        (AccountDataError, STOP),
        (UnknownSymbol, STOP),
        (MarketDataError, STOP),
        (OrderExecutionError, STOP),
        (OrderOutcomeUnknown, RECONCILE),
    ],
)
def test_every_error_asks_for_exactly_one_move(
    error: type[BrokerError], move: type[BrokerError]
) -> None:
    assert issubclass(error, BrokerError)
    assert [m for m in (RETRY, STOP, RECONCILE) if issubclass(error, m)] == [move]


def test_a_refusal_carries_the_brokers_code() -> None:
    refusal = OrderExecutionError("no margin", code="201")
    assert (str(refusal), refusal.code) == ("no margin", "201")
    assert UnknownSymbol("no such symbol").code is None


def test_an_unknown_outcome_names_its_order() -> None:
    unknown = OrderOutcomeUnknown("no answer", client_order_id="run-1")
    assert (str(unknown), unknown.client_order_id) == ("no answer", "run-1")
