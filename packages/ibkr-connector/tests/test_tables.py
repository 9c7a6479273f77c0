"""The tables of error codes and order states."""

from __future__ import annotations

import pytest

from broker_connector_base import OrderStatus
from ibkr_connector import ERROR_CODES, ErrorCode, Kind
from ibkr_connector.errors import RAISES, meaning_of
from ibkr_connector.status import order_status

# Codes with which ib_async 2.1 marks a live order Cancelled, or keeps a refused one live
# (observed with a real ib_async against a scripted gateway).
LIVE_DESPITE_IB_ASYNC = [10349, 10147, 10148, 161, 135]
DEAD_DESPITE_IB_ASYNC = [321, 434]


@pytest.mark.parametrize("code", LIVE_DESPITE_IB_ASYNC)
def test_a_code_that_leaves_the_order_live_is_never_a_refusal(code: int) -> None:
    assert meaning_of(code).kind in (Kind.WARNING, Kind.CANCEL_REFUSED, Kind.NO_ORDER)


@pytest.mark.parametrize("code", DEAD_DESPITE_IB_ASYNC)
def test_a_refusal_is_one_even_if_it_looks_like_a_warning(code: int) -> None:
    assert meaning_of(code).kind is Kind.REJECTED


@pytest.mark.parametrize("code", [101, 354, 10089, 10168, 10186, 10197])
def test_missing_market_data_ends_a_quote(code: int) -> None:
    assert meaning_of(code).kind is Kind.DATA
    assert Kind.DATA in RAISES


@pytest.mark.parametrize("code", [399, 404, 2109, 2161, 10167, 2150])
def test_a_remark_ends_nothing(code: int) -> None:
    assert meaning_of(code).kind not in RAISES


def test_every_row_names_its_source() -> None:
    assert all(row.source and row.meaning for row in ERROR_CODES.values())


def test_an_unlisted_code_ends_a_request_and_is_no_refusal() -> None:
    assert meaning_of(99999).kind is Kind.UNLISTED
    assert Kind.UNLISTED in RAISES


def test_rows_can_be_overridden() -> None:
    row = ErrorCode(kind=Kind.WARNING, meaning="house rule", source="our own experience")
    assert meaning_of(201, {**ERROR_CODES, 201: row}) is row


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PendingSubmit", OrderStatus.PENDING),
        ("ApiPending", OrderStatus.PENDING),
        ("PreSubmitted", OrderStatus.WORKING),
        ("Submitted", OrderStatus.WORKING),
        ("ValidationError", OrderStatus.WORKING),
        ("PendingCancel", OrderStatus.CANCELLING),
        ("Cancelled", OrderStatus.CANCELLED),
        ("ApiCancelled", OrderStatus.CANCELLED),
        ("Filled", OrderStatus.FILLED),
        ("Inactive", OrderStatus.REJECTED),
        ("Unheard", OrderStatus.UNKNOWN),
    ],
)
def test_each_word_of_ib_has_a_meaning(text: str, expected: OrderStatus) -> None:
    assert order_status(text) is expected


def test_inactive_while_shares_are_located_is_working() -> None:
    assert order_status("Inactive", "locate") is OrderStatus.WORKING
