"""What is told of a run while it goes on."""

from __future__ import annotations

import json

from app.report.progress import ProgressLines


def said_of(*events: dict[str, object]) -> list[list[str]]:
    """The words of each line that the events lead to."""
    said: list[str] = []
    progress = ProgressLines(said.append)
    for event in events:
        progress(json.dumps(event).encode())
    return [line.split() for line in said]


def order_event(symbol: str, status: str, filled: int = 0, **more: object) -> dict[str, object]:
    order = {"client_order_id": f"key of {symbol}", "symbol": symbol, "quantity": -6}
    more = {"status": status, "filled_quantity": filled, **more}
    return {"stage": "selling", "order": {**order, **more}}


def test_progress_is_one_line_an_event_without_repetition() -> None:
    assert said_of(
        {"stage": "reading"},
        {"stage": "reading"},
        {"message": "waiting: somebody"},
        order_event("AAA", "FILLED", 6, average_price=50.5, message="late"),
    ) == [
        ["reading"],
        ["waiting:", "somebody"],
        ["selling", "sell", "6", "AAA", "filled", "6", "at", "50.5000:", "late"],
    ]


def test_an_order_is_told_again_only_when_something_about_it_is_new() -> None:
    assert said_of(
        order_event("AAA", "WORKING"),
        order_event("BBB", "WORKING"),
        order_event("AAA", "WORKING"),
        order_event("BBB", "WORKING", message="held until the open"),
        order_event("AAA", "WORKING", 2, average_price=50.5),
        order_event("AAA", "WORKING", 2, average_price=50.5),
        order_event("AAA", "FILLED", 6),
        order_event("AAA", "FILLED", 6, average_price=50.25),
        order_event("AAA", "FILLED", 6, average_price=50.25),
    ) == [
        ["selling", "sell", "6", "AAA", "working"],
        ["selling", "sell", "6", "BBB", "working"],
        ["selling", "sell", "6", "BBB", "working:", "held", "until", "the", "open"],
        ["selling", "sell", "6", "AAA", "working", "2", "at", "50.5000"],
        ["selling", "sell", "6", "AAA", "filled", "6", "at", "50.2500"],
    ]
