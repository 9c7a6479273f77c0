"""Values are exact, frozen and strict at birth, and leave as plain JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from broker_connector_base import (
    AccountConfig,
    AccountPosition,
    AccountSnapshot,
    ContractPrice,
    Fill,
    OrderResult,
    OrderStatus,
    Trade,
    models,
)
from broker_connector_base.values import Value

NEW_YORK_IN_WINTER = timezone(timedelta(hours=-5))
MODELS = [
    model
    for model in vars(models).values()
    if isinstance(model, type) and issubclass(model, BaseModel) and model is not Value
]


def trade(quantity: object) -> Trade:
    return Trade.model_validate(
        {
            "symbol": "SPY",
            "quantity": quantity,
            "current_shares": 0,
            "target_value": 0,
            "current_value": 0,
            "price": 1,
        }
    )


@pytest.mark.parametrize(
    ("given_number", "exact"),
    [
        (3, "3"),
        ("3.50", "3.50"),
        (0.1, "0.1"),
        (-2.675, "-2.675"),
        (1e-7, "1E-7"),
        (Decimal("0.123456789012345678901"), "0.123456789012345678901"),
    ],
)
def test_a_number_of_any_kind_becomes_the_decimal_that_one_reads(
    given_number: object, exact: str
) -> None:
    assert str(trade(given_number).quantity) == exact


@pytest.mark.parametrize(
    "nonsense",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        "NaN",
        "-Infinity",
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        "ten",
        "",
        True,
        None,
    ],
)
def test_what_is_not_a_finite_number_is_refused(nonsense: object) -> None:
    with pytest.raises(ValidationError):
        trade(nonsense)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_survives_the_way_in_and_out(number: float) -> None:
    assert json.loads(trade(number).model_dump_json())["quantity"] == number


def test_a_zero_has_no_sign_in_json() -> None:
    assert '"quantity":0.0,' in trade(Decimal("-0.00")).model_dump_json()


def test_json_shows_numbers_and_python_keeps_decimals() -> None:
    snapshot = AccountSnapshot(
        account_id="DU1",
        total_value=Decimal("1500.25"),
        cash_balance=Decimal("-0.5"),
        positions=(AccountPosition(symbol="SPY", quantity=Decimal(3)),),
        cash_by_currency={"USD": Decimal("-0.5")},
    )
    shown = json.loads(snapshot.model_dump_json())
    assert (shown["total_value"], shown["cash_balance"]) == (1500.25, -0.5)
    assert shown["positions"][0]["quantity"] == 3
    assert shown["cash_by_currency"] == {"USD": -0.5}
    assert snapshot.model_dump()["total_value"] == Decimal("1500.25")
    assert AccountSnapshot.model_validate_json(snapshot.model_dump_json()) == snapshot


@pytest.mark.parametrize("price", [0, -1, "-0.01"])
def test_a_quote_has_no_price_that_is_not_positive(price: object) -> None:
    with pytest.raises(ValidationError):
        ContractPrice.model_validate({"symbol": "SPY", "bid": price})


def test_a_filled_quantity_has_no_sign() -> None:
    with pytest.raises(ValidationError):
        OrderResult(
            order_id="1",
            symbol="SPY",
            quantity=Decimal(-3),
            status=OrderStatus.WORKING,
            filled_quantity=Decimal(-1),
        )


def test_a_time_is_kept_in_utc() -> None:
    noon = datetime(2026, 1, 5, 12, 0, tzinfo=NEW_YORK_IN_WINTER)
    quote = ContractPrice(symbol="SPY", as_of=noon)
    assert quote.as_of == datetime(2026, 1, 5, 17, 0, tzinfo=UTC)
    assert quote.as_of is not None
    assert quote.as_of.tzinfo is UTC
    assert json.loads(quote.model_dump_json())["as_of"] == "2026-01-05T17:00:00Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        Fill.model_validate(
            {
                "execution_id": "E1",
                "order_id": "1",
                "account_id": "DU1",
                "symbol": "SPY",
                "quantity": 1,
                "price": 1,
                "at": datetime(2026, 1, 5, 12, 0),  # noqa: DTZ001
            }
        )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_model_is_frozen_and_refuses_unknown_fields(model: type[BaseModel]) -> None:
    assert issubclass(model, Value)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        model.model_validate({"no_such_field": 1})
    empty = model.model_construct()
    with pytest.raises(ValidationError, match="frozen"):
        setattr(empty, next(iter(model.model_fields)), None)


def test_an_account_needs_an_id_a_type_and_a_strategy() -> None:
    account = AccountConfig(account_id="DU1", type="paper", strategy_name="growth")
    assert account.enabled
    assert account.cash_reserve_percent == 1
    for wrong in ({"account_id": ""}, {"type": "demo"}, {"cash_reserve_percent": 101}):
        with pytest.raises(ValidationError):
            AccountConfig.model_validate({**account.model_dump(), **wrong})
