"""What publishers send, and what becomes of it. Expected values are of the encodings themselves."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from app.ably_service import payload_of
from app.ably_service.arrivals import from_row, from_sdk
from app.ably_service.payload import decode
from app.events import Command, EventSource, NewEvent
from app.store.records import MessageStatus

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "encoding", "expected"),
    [
        ('{"exec":"rebalance"}', "json", {"exec": "rebalance"}),
        ("plain", None, "plain"),
        ("plain", "", "plain"),
        ([1, 2], "json", [1, 2]),
        ("eyJhIjoxfQ==", "json/utf-8/base64", {"a": 1}),
        ("aGVsbG8=", "base64", "hello"),
        (b"hello", None, "hello"),
        (b"hello", "utf-8", "hello"),
        (None, None, None),
        (7, None, 7),
    ],
)
def test_sound_payloads_are_decoded(data: Any, encoding: Any, expected: Any) -> None:
    decoded = decode(data, encoding)
    assert (decoded.data, decoded.encoding, decoded.problem) == (expected, "", None)


@pytest.mark.parametrize(
    ("data", "encoding", "left", "text"),
    [
        ("{", "json", "json", "cannot be decoded as json"),
        (None, "json", "json", "cannot be decoded as json"),
        ("[" * 100_000, "json", "json", "cannot be decoded as json"),
        ("@@@", "json/base64", "json/base64", "cannot be decoded as base64"),
        ("abc", "cipher+aes-256-cbc/base64", "cipher+aes-256-cbc/base64", "cannot be decoded"),
        ("AAAA", "vcdiff/base64", "vcdiff", "unknown encoding"),
        ("/w==", "base64", "base64", "is binary"),
        ("/w==", "utf-8/base64", "utf-8", "cannot be decoded as utf-8"),
        ("x", 7, "?", "encoding 7"),
        ("x", "rot13", "rot13", "unknown encoding"),
    ],
)
def test_what_cannot_be_decoded_is_kept_with_the_reason(
    data: Any, encoding: Any, left: str, text: str
) -> None:
    decoded = decode(data, encoding)
    assert decoded.encoding == left
    assert decoded.problem is not None
    assert text in decoded.problem
    json.dumps(decoded.data)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"data": {"exec": "rebalance"}}, {"exec": "rebalance"}),
        ({"data": '{"exec":"rebalance"}'}, {"exec": "rebalance"}),
        ({}, {}),
        ({"data": "rebalance"}, None),
        ({"data": [1]}, None),
        ({"data": "[1]"}, None),
        ({"data": "{}", "encoding": "cipher"}, None),
    ],
)
def test_a_payload_is_an_object_or_none(message: dict[str, Any], expected: Any) -> None:
    assert payload_of(json.dumps(message)) == expected


def test_both_ways_of_arriving_make_the_same_record_of_a_message() -> None:
    row = {
        "id": "abc:0:1",
        "name": "signal",
        "data": '{"exec":"rebalance"}',
        "encoding": "json",
        "timestamp": 1_790_000_000_000,
        "serial": "s",
        "action": 0,
    }
    sdk = SimpleNamespace(
        id="abc:0:1",
        name="signal",
        data={"exec": "rebalance"},
        encoding="",
        timestamp=1_790_000_000_000,
        serial="s",
        action=0,
        client_id=None,
        connection_id=None,
        extras=None,
    )
    history, live = from_row("alpha", row, NOW).message, from_sdk("alpha", sdk, NOW).message
    assert json.loads(history.raw) == json.loads(live.raw)
    assert (history.message_id, history.timestamp) == (live.message_id, live.timestamp)
    assert history.timestamp == datetime.fromtimestamp(1_790_000_000, UTC)


def test_messages_without_an_id_are_told_apart_by_their_content() -> None:
    """`None:0` is what the SDK calls all of them."""
    rows = [{"id": missing, "data": "x"} for missing in ("None:0", "", None)]
    ids = {from_row("alpha", row, NOW).message.message_id for row in rows}
    other = from_row("alpha", {"id": "None:0", "data": "y"}, NOW).message.message_id
    assert len(ids) == 1
    assert other not in ids
    assert all(found.startswith("sha256:") for found in ids)


@pytest.mark.parametrize("timestamp", [None, 0, -1, True, "soon", 1 << 80])
def test_a_message_without_a_time_gets_the_time_of_its_arrival(timestamp: Any) -> None:
    assert from_row("alpha", {"id": "a", "timestamp": timestamp}, NOW).message.timestamp == NOW


def test_text_that_databases_refuse_is_replaced() -> None:
    message = from_row("alpha", {"id": "a\0b", "name": "\ud800", "data": "\0"}, NOW).message
    assert message.message_id == "a\ufffdb"
    assert message.name == "?"
    assert json.loads(message.raw)["data"] == "\0"


@pytest.mark.parametrize("levels", [64, 65, 300, 960, 1_500])
@pytest.mark.parametrize("as_text", [False, True])
def test_what_is_received_can_become_an_event(levels: int, as_text: bool) -> None:
    text = '{"a":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"
    arrival = from_row(
        "alpha", {"id": "a", "data": text, "encoding": None if as_text else "json"}, NOW
    )
    if levels == 64:
        payload = payload_of(arrival.message.raw)
        assert payload is not None
        assert NewEvent(
            account_id="DU1", command=Command.REBALANCE, source=EventSource.ABLY, payload=payload
        )
        assert arrival.status is MessageStatus.RECEIVED
    else:
        assert arrival.status is MessageStatus.MALFORMED
        assert arrival.detail is not None
        assert "nested too deeply" in arrival.detail or "cannot be decoded" in arrival.detail


def test_a_payload_that_is_nested_too_deeply_is_malformed_and_no_more() -> None:
    deep: list[Any] = []
    for _ in range(50_000):
        deep = [deep]
    arrival = from_row("alpha", {"id": "a", "data": deep}, NOW)
    assert (arrival.status, arrival.detail) == (MessageStatus.MALFORMED, "is nested too deeply")
    assert payload_of(arrival.message.raw) == {}
    assert payload_of('{"data":' + "[" * 50_000) is None
    whole = from_row("alpha", {"id": "a", "data": {}, "extras": {"e": deep}}, NOW)
    assert whole.status is MessageStatus.MALFORMED


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_number_that_no_database_takes_makes_a_message_malformed(number: str) -> None:
    """RFC 8259, 6: `Infinity` and `NaN` are not permitted."""
    text = f'{{"exec":"rebalance","x":{number}}}'
    rows: list[dict[str, Any]] = [
        {"id": "a", "data": text, "encoding": "json"},
        {"id": "a", "data": {"exec": "rebalance", "x": float(number)}},
        {"id": "a", "data": {"exec": "rebalance"}, "extras": {"x": float(number)}},
    ]
    for row in rows:
        arrival = from_row("alpha", row, NOW)
        assert arrival.status is MessageStatus.MALFORMED
        assert arrival.detail is not None
        assert "JSON" in arrival.detail or "json" in arrival.detail
    assert payload_of(json.dumps({"data": text})) is None


def test_what_a_publisher_makes_too_long_is_cut_and_ids_stay_different() -> None:
    first, second = (from_row("alpha", {"id": "i" * 5_000 + end}, NOW) for end in "ab")
    assert first.message.message_id != second.message.message_id
    assert len(first.message.message_id) < 100
    odd = from_row("alpha", {"id": "a", "data": "x", "encoding": "\0" * 5_000}, NOW)
    assert odd.status is MessageStatus.MALFORMED
    assert odd.detail is not None
    assert "\0" not in odd.detail
    assert len(odd.detail) <= 500


def test_an_update_of_another_message_is_recorded_and_is_no_order() -> None:
    arrival = from_row("alpha", {"id": "a", "action": 1}, NOW)
    assert arrival.status is MessageStatus.IGNORED
