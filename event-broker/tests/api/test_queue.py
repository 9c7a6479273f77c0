"""The queue's endpoints: exactly the JSON that users of earlier versions know, and more."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.events import Command, EventSource, EventState, NewEvent

from .conftest import Service


def enqueue(service: Service, command: Command = Command.REBALANCE) -> str:
    new = NewEvent(
        account_id="DU100", command=command, payload={"exec": command.value}, source=EventSource.CLI
    )
    return service.store.events.enqueue(new).event_id


async def test_an_empty_queue_is_four_zeros(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/queue/status")
    assert answer.json() == {
        "queue_length": 0,
        "active_events_count": 0,
        "oldest_event_age_seconds": 0,
        "events_with_retries": 0,
    }


async def test_a_listed_event_has_the_fields_of_earlier_versions(
    service: Service, anybody: httpx.AsyncClient
) -> None:
    event_id = enqueue(service)
    (listed,) = (await anybody.get("/queue/events?limit=50")).json()
    known = {
        name: listed[name] for name in ("event_id", "account_id", "exec_command", "times_queued")
    }
    assert known == {
        "event_id": event_id,
        "account_id": "DU100",
        "exec_command": "rebalance",
        "times_queued": 1,
    }
    assert listed["data"] == {"exec": "rebalance"}
    assert listed["created_at"].endswith("Z")


async def test_an_event_is_queued_with_its_data(
    service: Service, operator: httpx.AsyncClient
) -> None:
    body = {
        "account_id": "DU100",
        "exec_command": "rebalance",
        "data": {"exec": "rebalance", "note": "é"},
    }
    answer = await operator.post("/queue/events", json=body)
    assert answer.status_code == 202
    event = service.store.events.get(answer.json()["event_id"])
    assert (event.command, event.source, event.state) == ("rebalance", "api", "queued")
    assert event.payload == {"exec": "rebalance", "note": "é"}


async def test_without_a_command_nothing_is_traded(
    service: Service, operator: httpx.AsyncClient
) -> None:
    answer = await operator.post("/queue/events", json={"account_id": "DU100"})
    event = service.store.events.get(answer.json()["event_id"])
    assert event.command is Command.PRINT_REBALANCE


async def test_a_second_request_of_a_kind_merges_into_the_first(
    operator: httpx.AsyncClient,
) -> None:
    body = {"account_id": "DU100", "exec_command": "rebalance"}
    first = (await operator.post("/queue/events", json=body)).json()
    second = (await operator.post("/queue/events", json=body)).json()
    assert (first["merged"], second["merged"]) == (False, True)
    assert first["event_id"] == second["event_id"]


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"account_id": "DU999", "exec_command": "rebalance"}, 404, "there is no account DU999"),
        ({"account_id": "DU200", "exec_command": "rebalance"}, 409, "disabled"),
        ({"account_id": "U300", "exec_command": "rebalance"}, 409, "live account"),
        ({"account_id": "DU100", "exec_command": "sell-everything"}, 422, "exec_command"),
        ({"account_id": "../../etc/passwd", "exec_command": "rebalance"}, 422, "account_id"),
        ({"account_id": "DU100", "data": {"exec": "rebalance"}}, 422, "contradicts"),
        ({"account_id": "DU100", "data": {"note": "\0"}}, 422, "NUL"),
        ({"account_id": "DU100", "data": {"note": ["\ud800"]}}, 422, "surrogate"),
        ({"account_id": "DU100", "data": {"\udfff": 1}}, 422, "surrogate"),
        ({"account_id": "DU100", "\ud800": 1}, 422, "unable to parse"),
        ({"account_id": "DU100", "command": "rebalance"}, 422, "command"),
        ({"exec_command": "rebalance"}, 422, "account_id"),
        ([], 422, "dictionary"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_the_reason_and_queues_nothing(
    service: Service, operator: httpx.AsyncClient, body: Any, code: int, words: str
) -> None:
    # As escapes: a half of a surrogate pair can be sent in no other way.
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    answer = await operator.post("/queue/events", content=content, headers=headers)
    assert answer.status_code == code
    assert words in answer.text
    assert service.store.events.list() == ()


@pytest.mark.parametrize(("levels", "code"), [(64, 202), (65, 422), (300, 422), (20_000, 400)])
async def test_what_is_accepted_can_be_shown_however_deep_it_is(
    service: Service, operator: httpx.AsyncClient, levels: int, code: int
) -> None:
    deep = '{"a":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"
    body = f'{{"account_id": "DU100", "data": {deep}}}'
    headers = {"Content-Type": "application/json"}
    answer = await operator.post("/queue/events", content=body, headers=headers)
    assert answer.status_code == code
    listed = await operator.get("/queue/events")
    assert listed.status_code == 200
    assert len(listed.json()) == (code == 202)


async def test_a_result_with_half_a_character_can_be_shown(
    service: Service, anybody: httpx.AsyncClient
) -> None:
    event_id = enqueue(service, Command.PRINT_REBALANCE)
    claim = service.store.events.claim("somebody")
    assert claim
    service.store.events.finish(claim, {"message": "a\ud800b"}, is_preview=True)
    assert (await anybody.get(f"/queue/events/{event_id}")).json()["result"] == {"message": "a?b"}
    preview = await anybody.get("/accounts/DU100/preview")
    assert preview.json()["result"] == {"message": "a?b"}


async def test_a_message_with_half_a_character_hides_nothing(
    service: Service, anybody: httpx.AsyncClient
) -> None:
    payload = {"exec": "rebalance", "note": "a\ud800b"}
    new = NewEvent(
        account_id="DU100", command=Command.REBALANCE, payload=payload, source=EventSource.ABLY
    )
    event_id = service.store.events.enqueue(new).event_id
    (listed,) = (await anybody.get("/queue/events")).json()
    assert listed["data"] == {"exec": "rebalance", "note": "a?b"}
    assert (await anybody.get(f"/queue/events/{event_id}")).json()["data"] == listed["data"]


@pytest.mark.parametrize("content", [b"{", b'{"account_id": "DU100", "data": {"x": NaN}}', b"\xff"])
async def test_what_is_no_json_is_refused(
    service: Service, operator: httpx.AsyncClient, content: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await operator.post("/queue/events", content=content, headers=headers)
    assert answer.status_code in (400, 422)
    assert service.store.events.list() == ()


async def test_a_waiting_event_is_removed(service: Service, operator: httpx.AsyncClient) -> None:
    event_id = enqueue(service)
    answer = await operator.delete(f"/queue/events/{event_id}")
    assert answer.status_code == 200
    assert service.store.events.get(event_id).state is EventState.CANCELLED


async def test_what_merged_into_an_event_is_not_removed_unseen(
    service: Service, operator: httpx.AsyncClient
) -> None:
    event_id = enqueue(service)
    signal = NewEvent(
        account_id="DU100",
        command=Command.REBALANCE,
        source=EventSource.ABLY,
        source_ref="signal-7",
    )
    assert service.store.events.enqueue(signal).merged
    answer = await operator.delete(f"/queue/events/{event_id}")
    assert answer.status_code == 409
    detail = answer.json()["detail"]
    assert "stands for 1 more" in detail
    assert "ably signal-7; nothing was cancelled" in detail
    assert service.store.events.get(event_id).state is EventState.QUEUED
    assert "?merged=1" in detail
    assert (await operator.delete(f"/queue/events/{event_id}?merged=1")).status_code == 200
    assert service.store.events.get(event_id).state is EventState.CANCELLED


async def test_a_running_event_is_not_removed(
    service: Service, operator: httpx.AsyncClient
) -> None:
    event_id = enqueue(service)
    assert service.store.events.claim("somebody")
    answer = await operator.delete(f"/queue/events/{event_id}")
    assert answer.status_code == 409
    assert "running" in answer.json()["detail"]
    assert service.store.events.get(event_id).state is EventState.RUNNING


@pytest.mark.parametrize(
    "path", ["00000000-0000-4000-8000-000000000000", "..%2f..%2fetc", "x", "%00", "' OR 1=1"]
)
async def test_an_event_that_is_not_there_is_not_found(
    operator: httpx.AsyncClient, path: str
) -> None:
    answer = await operator.delete(f"/queue/events/{path}")
    assert answer.status_code in (404, 405, 422)


async def test_an_event_is_shown_with_its_result_and_attempts(
    service: Service, anybody: httpx.AsyncClient
) -> None:
    event_id = enqueue(service)
    claim = service.store.events.claim("somebody")
    assert claim
    service.store.events.finish(claim, {"status": "success"})
    shown = (await anybody.get(f"/queue/events/{event_id}")).json()
    assert shown["state"] == "done"
    assert shown["result"] == {"status": "success"}
    assert [(a["number"], a["worker"], a["outcome"]) for a in shown["attempts"]] == [
        (1, "somebody", "done")
    ]


async def test_a_parked_event_is_listed_and_tried_again(
    service: Service, operator: httpx.AsyncClient
) -> None:
    event_id = enqueue(service)
    claim = service.store.events.claim("somebody")
    assert claim
    service.store.events.park(claim, "an order is in doubt")
    (parked,) = (await operator.get("/attention")).json()
    assert (parked["event_id"], parked["error"]) == (event_id, "an order is in doubt")
    assert (await operator.post(f"/attention/{event_id}/retry")).status_code == 200
    assert service.store.events.get(event_id).state is EventState.QUEUED
    assert (await operator.get("/attention")).json() == []


async def test_a_parked_event_is_dismissed_once(
    service: Service, operator: httpx.AsyncClient
) -> None:
    event_id = enqueue(service)
    claim = service.store.events.claim("somebody")
    assert claim
    service.store.events.park(claim, "an order is in doubt")
    assert (await operator.post(f"/attention/{event_id}/dismiss")).status_code == 200
    assert (await operator.post(f"/attention/{event_id}/dismiss")).status_code == 409
