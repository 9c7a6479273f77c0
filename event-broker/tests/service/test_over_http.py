"""What a real run looks like over HTTP, and files that change under a running service."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app.events import Command
from app.service import Role

if TYPE_CHECKING:
    from .conftest import Installation

THREE = """\
accounts:
  - {account_id: P1, type: paper, broker: paper, strategy_name: global-core-60-40}
  - {account_id: P2, type: paper, broker: paper, strategy_name: global-core-60-40}
  - {account_id: P3, type: paper, broker: paper, strategy_name: global-core-60-40}
"""


async def told(client: httpx.AsyncClient, event_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Everything that the progress of an event says, to its end."""
    kind, heard = "", []
    async with client.stream("GET", f"/queue/events/{event_id}/progress") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                heard.append((kind, json.loads(line.removeprefix("data: "))))
    return heard


async def test_a_run_is_followed_and_then_found_with_its_orders_and_fills(
    installation: Installation,
) -> None:
    async with (
        installation.serving(Role.ALL) as here,
        httpx.AsyncClient(base_url=here.address, timeout=30) as client,
    ):
        event_id = installation.enqueue("P1")
        heard = await told(client, event_id)
        event = (await client.get(f"/queue/events/{event_id}")).json()
        (listed,) = (await client.get("/runs?account_id=P1")).json()
        run = (await client.get(f"/runs/{listed['run_id']}")).json()
    states = [said["state"] for kind, said in heard if kind == "state"]
    assert (states[-1], set(states) <= {"queued", "running", "done"}) == ("done", True)
    stages = [said["stage"] for kind, said in heard if kind == "progress"]
    assert stages.index("planning") < stages.index("buying")
    assert event["result"]["status"] == "success"
    assert (run["event_id"], run["status"]) == (event_id, "done")
    wanted = {order["symbol"]: order["quantity"] for order in event["result"]["orders"]}
    assert {order["symbol"]: order["quantity"] for order in run["orders"]} == wanted
    bought = dict.fromkeys(wanted, 0.0)
    for fill in run["fills"]:
        bought[fill["symbol"]] += fill["quantity"]
    assert bought == wanted


async def test_a_preview_is_stored_until_the_next_one(installation: Installation) -> None:
    async with (
        installation.serving(Role.ALL) as here,
        httpx.AsyncClient(base_url=here.address, timeout=30) as client,
    ):
        ids = []
        for _ in "12":
            ids.append(installation.enqueue("P1", Command.PRINT_REBALANCE))
            await installation.end_of(ids[-1])
        preview = (await client.get("/accounts/P1/preview")).json()
        assert (await client.get("/runs")).json() == []
    assert preview["event_id"] == ids[1]
    assert preview["result"]["execution_mode"] == "dry_run"
    assert preview["result"]["orders"]


def asked_until(url: str, is_so: Callable[[Any], bool]) -> None:
    """Ask again and again; the service looks for changed files every second."""
    deadline = monotonic() + 20
    while not is_so(answer := httpx.get(url, timeout=20).json()):
        assert monotonic() < deadline, answer


@pytest.mark.acceptance
@pytest.mark.parametrize("hurried", [False, True], ids=["by itself", "by SIGHUP"])
def test_changed_accounts_are_worked_without_a_restart_and_bad_ones_refused(
    installation: Installation, hurried: bool
) -> None:
    service = installation.serve("all")
    accounts, address = installation.home / "accounts.yaml", installation.address

    def write(text: str) -> None:
        accounts.write_text(text)
        if hurried:
            service.send_signal(signal.SIGHUP)

    write(THREE)
    asked_until(f"{address}/accounts", lambda listed: len(listed) == 3)
    event = asyncio.run(installation.end_of(installation.enqueue("P3")))
    assert event.state == "done"
    write(THREE.replace("type: paper", "type: papre"))
    asked_until(f"{address}/health", lambda health: health["status"] == "degraded")
    (problem, *_) = httpx.get(f"{address}/health").json()["degraded"]
    assert problem.startswith("configuration refused: accounts.yaml:2: accounts[0].type")
    assert len(httpx.get(f"{address}/accounts").json()) == 3
    write(THREE)
    asked_until(f"{address}/health", lambda health: health["status"] == "healthy")
    service.send_signal(signal.SIGTERM)
    assert service.wait(20) == 0
