"""Which command a message asks for, and what results look like to users of earlier versions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

import pytest

from app.account_process.messages import Operation
from app.events import Command
from app.execution import Move, command_of
from app.execution.commands import COMMANDS
from app.execution.result_row import failure_row, result_row
from broker_connector_base.models import AccountConfig

ACCOUNT = AccountConfig(
    account_id="DU1", type="paper", strategy_name="blend", cash_reserve_percent=Decimal(1)
)
AT = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("payload", "command"),
    [
        ({"exec": "rebalance"}, Command.REBALANCE),
        ({"exec": "print-orders"}, Command.PRINT_ORDERS),
        ({"exec": "cancel-orders"}, Command.CANCEL_ORDERS),
        ({"exec": "print-rebalance"}, Command.PRINT_REBALANCE),
        # Trading is only ever asked for in so many words.
        ({"exec": "Rebalance"}, Command.PRINT_REBALANCE),
        ({"exec": "rebalance "}, Command.PRINT_REBALANCE),
        ({"exec": ["rebalance"]}, Command.PRINT_REBALANCE),
        ({"exec": None}, Command.PRINT_REBALANCE),
        ({"exec": "dry_run"}, Command.PRINT_REBALANCE),
        ({"command": "rebalance"}, Command.PRINT_REBALANCE),
        ({}, Command.PRINT_REBALANCE),
        ("rebalance", Command.PRINT_REBALANCE),
        (None, Command.PRINT_REBALANCE),
    ],
)
def test_a_message_trades_only_when_it_says_exactly_so(payload: object, command: Command) -> None:
    assert command_of(payload) is command


def test_every_command_has_an_operation_of_its_own() -> None:
    assert set(COMMANDS) == set(Command)
    assert {c.value: COMMANDS[c].operation.value for c in Command} == {
        c.value: c.value for c in Command
    }
    assert {c for c in Command if COMMANDS[c].mode == "live"} == {
        Command.REBALANCE,
        Command.CANCEL_ORDERS,
    }


def test_equity_and_orders_are_told_in_the_known_shape() -> None:
    snapshot = {
        "account_id": "DU1",
        "total_value": 100_000,
        "cash_balance": 5_000,
        "currency": "USD",
        "positions": [],
        "as_of": AT.isoformat(),
    }
    document = json.dumps(snapshot).encode()
    command = COMMANDS[Command.PRINT_EQUITY]
    assert command.operation is Operation.EQUITY
    row = result_row(
        ACCOUNT, command.read(document), Move.FINISH, mode=command.mode, document=document, at=AT
    )
    # The example of the predecessor's manual: 1 % of 100,000.
    assert row["equity_info"] == {
        "total_equity": 100000.00,
        "reserve_percentage": 1.0,
        "reserve_amount": 1000.00,
        "available_for_trading": 99000.00,
    }
    assert row["account_id"] == "DU1"
    assert row["execution_mode"] == "dry_run"
    assert row["status"] == "success"
    assert row["timestamp"] == "2026-01-05T15:00:00+00:00"
    assert row["orders"] == []
    assert row["details"] == snapshot


def test_a_working_order_has_a_side_and_an_unsigned_quantity() -> None:
    order = {
        "order_id": "7",
        "symbol": "AAPL",
        "quantity": -10,
        "filled_quantity": 0,
        "order_type": "LMT",
        "limit_price": 150,
        "status": "WORKING",
        "own": True,
    }
    document = json.dumps({"account_id": "DU1", "orders": [order]}).encode()
    reading = COMMANDS[Command.PRINT_ORDERS].read(document)
    row = result_row(ACCOUNT, reading, Move.FINISH, mode="dry_run", document=document, at=AT)
    (line,) = cast(list[dict[str, object]], row["orders"])
    assert line["symbol"] == "AAPL"
    assert line["quantity"] == 10
    assert line["action"] == "SELL"
    assert line["market_value"] == 1500.00


def test_trades_of_an_earlier_run_are_told_beside_those_of_the_run() -> None:
    trade = {"symbol": "AGG", "quantity": -401, "filled_quantity": 400, "average_price": 98.1}
    run = {
        "currency": "USD",
        "target": {"strategy": "blend"},
        "plan": {"total_value": 1, "cash_weight_target": 0, "bound_bp": 0},
        "holdings": [],
        **dict.fromkeys(("cash_before", "cash_after", "cash_target", "total_value"), 0),
        **dict.fromkeys(("slippage", "commission"), 0),
        **dict.fromkeys(("started_at", "finished_at"), AT.isoformat()),
        **dict.fromkeys(("error", "reconciliation")),
        "warnings": [],
        "orders": [],
        "recovered": [{**trade, "status": "CANCELLED"}],
        "status": "nothing to do",
    }
    document = json.dumps(run).encode()
    reading = COMMANDS[Command.REBALANCE].read(document)
    row = result_row(ACCOUNT, reading, Move.FINISH, mode="live", document=document, at=AT)
    (line,) = cast(list[dict[str, object]], row["recovered"])
    assert (line["symbol"], line["action"], line["quantity"]) == ("AGG", "SELL", 401)
    assert (line["filled_quantity"], line["average_price"]) == (400.0, 98.1)
    assert row["orders"] == []
    assert (
        row["message"] == "Nothing is left to do after the trades of an earlier run, told only now"
    )


def test_orders_that_could_not_be_cancelled_need_attention() -> None:
    order = {
        "order_id": "7",
        "symbol": "AAPL",
        "quantity": 10,
        "filled_quantity": 0,
        "order_type": "LMT",
        "status": "WORKING",
    }
    report = {"account_id": "DU1", "ended": [], "still_working": [], "foreign": [order]}
    document = json.dumps({**report, "fills": []}).encode()
    reading = COMMANDS[Command.CANCEL_ORDERS].read(document)
    assert reading.ending.needs_attention
    assert reading.message == "0 orders are no longer working, 1 still are: look at the broker"


def test_a_failure_keeps_the_shape_and_names_its_cause() -> None:
    row = failure_row(
        ACCOUNT, Move.RETRY, mode="live", kind="BrokerConnectionError", message="nobody", at=AT
    )
    assert row["status"] == "failed"
    assert row["error"] == {"kind": "BrokerConnectionError", "message": "nobody"}
    assert row["equity_info"] is None
    assert row["orders"] == []
