"""What an account process does, in this process, against a simulated gateway over real sockets."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from app.account_process.messages import AccountJob, Failure, Operation
from app.account_process.operations import describe_failure, perform
from app.settings import load_settings, select_account
from ibkr_simulator import SimulatedGateway
from simulated_exchange import Event, OrderChanged, WallClock, load_scenario

REPOSITORY = Path(__file__).resolve().parents[3]

ACCOUNT = "DUM959247"

GOOD = [{"symbol": "SPY", "allocation": 0.6}, {"symbol": "AGG", "allocation": 0.4}]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("accounts.yaml", "config.yaml", "replacement-sets.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    shutil.copytree(REPOSITORY / "demo", tmp_path / "demo")
    return tmp_path


@pytest.fixture
async def gateway() -> AsyncIterator[SimulatedGateway]:
    exchange = load_scenario("demo").build(WallClock(asyncio.get_running_loop()))
    async with SimulatedGateway(exchange) as gateway:
        yield gateway


@pytest.fixture
def sent(gateway: SimulatedGateway) -> list[Event]:
    """What happens to orders at the exchange."""
    events: list[Event] = []

    def note(event: Event) -> None:
        if isinstance(event, OrderChanged):
            events.append(event)

    gateway.desk.exchange.subscribe(note)
    return events


MakeJob = Callable[..., AccountJob]


@pytest.fixture
def make_job(home: Path, gateway: SimulatedGateway) -> MakeJob:
    def make(operation: Operation, **changes: Any) -> AccountJob:
        settings = load_settings(home, changes.pop("variables", {}))
        fields = {
            "operation": operation,
            "account": select_account(settings, ACCOUNT),
            "settings": settings,
            "host": gateway.host,
            "port": gateway.port,
            "client_id": 1001,
            "lock_timeout_seconds": 5,
        }
        return AccountJob.model_validate({**fields, **changes})

    return make


def ignore(_: bytes) -> None:
    """Progress that nobody watches."""


async def result(job: AccountJob) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(await perform(job, ignore))
    return document


async def failure(job: AccountJob) -> Failure:
    try:
        await perform(job, ignore)
    except Exception as error:
        return describe_failure(job, error)
    raise AssertionError("it did not fail")


def answer(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def allocations(items: object, status: str = "success") -> bytes:
    return answer("200 OK", json.dumps({"status": status, "data": {"allocations": items}}).encode())


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[bytes | None], Any]]:
    """Start an allocation service that always gives one answer, or none at all."""
    servers: list[asyncio.Server] = []

    async def start(reply: bytes | None) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            if reply is None:
                # Silent until the client gives up.
                await reader.read()
            else:
                writer.write(reply)
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
