"""Probes, accounts, runs, previews, metrics, progress."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import httpx
from prometheus_client.parser import text_string_to_metric_families

from app.events import Command, EventSource, NewEvent
from app.store.records import FillRecord, OrderRecord, RunRecord

from .conftest import NOW, Service

RUN = RunRecord(
    run_id="r-1",
    account_id="DU100",
    command=Command.REBALANCE,
    trading_mode="paper",
    session_date=date(2026, 3, 2),
    status="done",
    orders_sent=True,
    started_at=NOW,
    orders=(
        OrderRecord(
            order_ref="ref-1",
            symbol="SPY",
            side="BUY",
            quantity=Decimal(7),
            order_type="LMT",
            limit_price=Decimal("501.25"),
            status="FILLED",
            filled_quantity=Decimal(7),
            average_price=Decimal("501.1"),
        ),
    ),
    fills=(
        FillRecord(
            execution_id="x-1",
            order_ref="ref-1",
            symbol="SPY",
            side="BUY",
            quantity=Decimal(7),
            price=Decimal("501.1"),
        ),
    ),
)


def enqueue(service: Service, command: Command = Command.REBALANCE) -> str:
    new = NewEvent(account_id="DU100", command=command, source=EventSource.CLI)
    return service.store.events.enqueue(new).event_id


async def test_a_quiet_service_is_healthy_in_the_words_of_earlier_versions(
    anybody: httpx.AsyncClient,
) -> None:
    answer = await anybody.get("/health")
    assert answer.status_code == 200
    known = ("status", "healthy", "events_with_retries", "message")
    assert {name: answer.json()[name] for name in known} == {
        "status": "healthy",
        "healthy": True,
        "events_with_retries": 0,
        "message": "No events require retry",
    }


async def test_what_needs_a_person_is_no_outage(
    service: Service, anybody: httpx.AsyncClient
) -> None:
    service.state.degraded = ("1 events are being retried",)
    answer = await anybody.get("/health")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["healthy"]) == ("degraded", True)
    assert answer.json()["degraded"] == ["1 events are being retried"]


async def test_what_is_not_ready_gets_no_work_but_lives(
    service: Service, anybody: httpx.AsyncClient
) -> None:
    service.state.ready = False
    codes = {path: (await anybody.get(path)).status_code for path in ("/live", "/ready", "/health")}
    assert codes == {"/live": 200, "/ready": 503, "/health": 503}


async def test_accounts_say_whether_they_are_processed(anybody: httpx.AsyncClient) -> None:
    accounts = (await anybody.get("/accounts")).json()
    assert [(a["account_id"], a["enabled"], a["processed"]) for a in accounts] == [
        ("DU100", True, True),
        ("DU200", False, False),
        ("U300", True, False),
    ]
    assert (await anybody.get("/accounts/DU100")).json() == accounts[0]
    assert (await anybody.get("/accounts/DU999")).status_code == 404


async def test_a_run_is_shown_with_orders_and_fills_as_numbers(
    service: Service, anybody: httpx.AsyncClient
) -> None:
    service.store.runs.record(RUN)
    (listed,) = (await anybody.get("/runs?account_id=DU100")).json()
    assert (listed["run_id"], listed["status"]) == ("r-1", "done")
    shown = (await anybody.get("/runs/r-1")).json()
    assert [(o["symbol"], o["quantity"], o["limit_price"]) for o in shown["orders"]] == [
        ("SPY", 7.0, 501.25)
    ]
    assert [(f["price"], f["commission"]) for f in shown["fills"]] == [(501.1, None)]
    assert (await anybody.get("/runs/r-2")).status_code == 404


async def test_the_latest_preview_of_an_account_is_kept(
    service: Service, anybody: httpx.AsyncClient
) -> None:
    assert (await anybody.get("/accounts/DU100/preview")).status_code == 404
    service.store.previews.record("DU100", {"n": 1})
    service.store.previews.record("DU100", {"n": 2})
    assert (await anybody.get("/accounts/DU100/preview")).json()["result"] == {"n": 2}
    assert [p["account_id"] for p in (await anybody.get("/previews")).json()] == ["DU100"]


async def test_metrics_count_what_the_store_holds(
    service: Service, anybody: httpx.AsyncClient
) -> None:
    enqueue(service)
    service.store.runs.record(RUN)
    text = (await anybody.get("/metrics")).text
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["rebalancer_ready",] == 1
    assert values["rebalancer_events", "queued"] == 1
    assert values["rebalancer_events", "running"] == 0
    assert values["rebalancer_last_rebalance_timestamp_seconds", "DU100"] == NOW.timestamp()


async def test_progress_is_told_as_it_happens_and_ends_with_the_final_state(
    service: Service, anybody: httpx.AsyncClient
) -> None:
    event_id = enqueue(service)
    heard: list[str] = []
    async with anybody.stream("GET", f"/queue/events/{event_id}/progress") as stream:
        lines = stream.aiter_lines()

        async def hear() -> None:
            kind = ""
            async for line in lines:
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    said = json.loads(line.removeprefix("data: "))
                    heard.append(said["state"] if kind == "state" else said["message"])
                    return

        await hear()
        claim = service.store.events.claim("somebody")
        assert claim
        with service.progress.telling(event_id) as tell:
            await hear()
            tell(b'{"message": "selling"}')
            await hear()
        service.store.events.finish(claim, {})
        await hear()
        rest = [line async for line in lines if line]
    assert heard == ["queued", "running", "selling", "done"]
    assert rest == []


async def test_progress_of_an_unknown_event_is_not_found(anybody: httpx.AsyncClient) -> None:
    path = "/queue/events/00000000-0000-0000-0000-000000000000/progress"
    assert (await anybody.get(path)).status_code == 404
