"""What a process of each role answers over HTTP, and that its readiness is true of its role."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, cast

import httpx
import pytest

from app.ably_service import AblyStatus
from app.ably_service.status import Connection
from app.api import Backend, create_api
from app.events import Command, EventState, Statistics
from app.service import Role
from app.service.health import Stored, is_ready
from rebalance_workflow import AccountLock

if TYPE_CHECKING:
    from .conftest import Installation

PROBES = ("/live", "/ready", "/health")
#: Everything that the management API has, by method and path.
MANAGEMENT = [
    (method.upper(), path)
    for path, methods in create_api(cast(Backend, None)).openapi()["paths"].items()
    for method in methods
    if path not in (*PROBES, "/metrics")
]


@pytest.mark.acceptance
@pytest.mark.parametrize("role", ["ingest", "worker"])
def test_a_role_that_does_not_manage_answers_probes_and_metrics_and_nothing_else(
    installation: Installation, role: str
) -> None:
    installation.serve("worker")
    service = installation.serve(role)
    with httpx.Client(base_url=installation.address, timeout=20) as client:
        assert [client.get(path).status_code for path in PROBES] == [200] * 3
        assert client.get("/health").json() == {
            "status": "healthy",
            "healthy": True,
            "events_with_retries": 0,
            "message": "No events require retry",
            "degraded": [],
        }
        assert "rebalancer_ready 1.0" in client.get("/metrics").text.splitlines()
        assert len(MANAGEMENT) > 20
        for method, path in [*MANAGEMENT, ("GET", "/docs"), ("GET", "/openapi.json")]:
            answer = client.request(method, path)
            assert answer.status_code == 404, path
            assert "role api or all" in answer.json()["detail"]
    service.send_signal(signal.SIGTERM)
    assert service.wait(20) == 0


async def test_a_service_that_is_ending_is_alive_and_not_ready_until_its_runs_have_ended(
    installation: Installation,
) -> None:
    lock = AccountLock(installation.home / "data" / "simulation" / "locks", "P1")
    async with (
        installation.serving(Role.WORKER) as here,
        httpx.AsyncClient(base_url=here.address, timeout=20) as client,
    ):
        lock.acquire()
        event_id = installation.enqueue("P1", Command.CANCEL_ORDERS)
        await installation.running(event_id)
        assert (await client.get("/ready")).status_code == 200
        here.end.set()
        ready = await client.get("/ready")
        assert ready.status_code == 503
        assert ready.json()["degraded"][0] == "the service is ending: it begins nothing new"
        assert (await client.get("/live")).status_code == 200
        lock.release()
        assert (await installation.end_of(event_id)).state is EventState.DONE


@pytest.mark.acceptance
@pytest.mark.parametrize("role", ["all", "worker"])
def test_a_service_that_waits_for_its_store_lives_and_is_not_ready(
    installation: Installation, role: str
) -> None:
    # Where the directory of the store should be, there is a file; it will go away.
    place = installation.home / "elsewhere"
    place.write_text("in the way")
    url = f"sqlite:///{place}/events.db"
    service = installation.start("serve", "--role", role, DATABASE_URL=url)
    assert service.stderr is not None
    said = (json.loads(line) for line in service.stderr if line.startswith("{"))
    listening = next(line for line in said if line["event"] == "api.listening")
    with httpx.Client(base_url=f"http://127.0.0.1:{listening['port']}", timeout=20) as client:
        codes = [client.get(path).status_code for path in (*PROBES, "/metrics", "/queue/status")]
        assert codes == [200, 503, 503, 503, 404]
        (reason,) = client.get("/health").json()["degraded"]
    assert reason.startswith(f"store: the store {place}/events.db is not usable now")
    place.unlink()
    assert any(line.startswith(f"Serving ({role}, simulation) on ") for line in service.stderr)
    service.send_signal(signal.SIGTERM)
    assert service.wait(20) == 0


def test_services_whose_port_nobody_chose_share_a_machine(installation: Installation) -> None:
    installation.forget("API_PORT")
    found = {}
    for role in ("ingest", "worker", "worker"):
        installation.serve(role)
        found[installation.address] = httpx.get(f"{installation.address}/ready").status_code
    assert list(found.values()) == [200] * 3


STORED = Stored(
    statistics=Statistics(
        queue_length=0,
        active_events_count=0,
        oldest_event_age_seconds=0,
        events_with_retries=0,
        by_state=dict.fromkeys(EventState, 0),
    ),
    open_gaps=0,
    at_work=1,
)
HEARING = AblyStatus(connection=Connection.CONNECTED)
DEAF = AblyStatus(connection=Connection.KEY_REFUSED)


@pytest.mark.parametrize(
    ("role", "ably", "ready"),
    [
        (Role.INGEST, HEARING, True),
        (Role.INGEST, DEAF, False),
        # Without a key it keeps the schedules.
        (Role.INGEST, None, True),
        # It works what comes on other ways.
        (Role.ALL, DEAF, True),
        (Role.WORKER, None, True),
        (Role.API, None, True),
    ],
)
def test_readiness_by_role(role: Role, ably: AblyStatus | None, ready: bool) -> None:
    assert is_ready(role, stored=STORED, ably=ably, ending=False, not_forked=None) is ready


@pytest.mark.parametrize("role", list(Role))
def test_nobody_is_ready_without_a_store_or_while_it_ends(role: Role) -> None:
    assert not is_ready(role, stored=None, ably=HEARING, ending=False, not_forked=None)
    assert not is_ready(role, stored=STORED, ably=HEARING, ending=True, not_forked=None)
