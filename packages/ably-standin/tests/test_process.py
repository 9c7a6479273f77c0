"""`python -m ably_standin`: ready file, publishing, demo publisher, controls over HTTP."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from ably import AblyRealtime

from ably_standin import CONTROLS, DEFAULT_KEY
from ably_standin.cli import main

Serve = Callable[..., Any]


@asynccontextmanager
async def serving(ready: Path, *options: str) -> AsyncIterator[dict[str, Any]]:
    """A process; its one line of output is the content of the ready file."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ably_standin", "serve", "--ready-file", str(ready), *options,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 20)
    assert await asyncio.to_thread(ready.read_text) == line.decode()
    yield json.loads(line)
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 10) == 0
    assert not await asyncio.to_thread(ready.exists)


async def test_a_process_serves_publishes_and_is_controlled(tmp_path: Path, inbox: Any) -> None:
    demo = ("--publish-every", "3600", "demo", '{"exec": "rebalance"}')
    async with serving(tmp_path / "ready.json", "--control-port", "0", *demo) as ready:
        client = AblyRealtime(DEFAULT_KEY, endpoint=f"127.0.0.1:{ready['port']}", tls=False)
        await client.channels.get("[?rewind=1]demo").subscribe(inbox.put)
        assert (await inbox.next()).data == {"exec": "rebalance"}
        await client.channels.get("alpha").subscribe(inbox.put)
        arguments = ["publish", "alpha", '{"n": 1}', "--port", str(ready["port"])]
        assert await asyncio.to_thread(main, arguments) == 0
        assert (await inbox.next()).data == {"n": 1}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ready['control_port']}") as http:
            published = {"channel": "alpha", "messages": {"data": "two"}, "id": "mine:0"}
            reply = (await http.post("/publish", json=published)).json()
            assert reply["result"]["id"] == "mine:0"
            assert (await inbox.next()).data == "two"
            assert (await http.post("/start_listening")).json() == {"result": None}
            log = (await http.post("/list_received")).json()["result"]
            assert {"CONNECT", "ATTACH"} <= {entry["name"] for entry in log}
            unknown = await http.post("/explode")
            assert unknown.status_code == 404
            assert "abort_connections" in unknown.json()["error"]
            wrong = await http.post("/advance", json={"seconds": -1})
            assert (wrong.status_code, "cannot go back" in wrong.json()["error"]) == (400, True)
        await client.close()


def test_a_message_for_nobody_fails_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "alpha", "{}", "--port", "1"]) == 1
    assert capsys.readouterr().err.startswith("ably_standin: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["publish", "alpha", "{", "--port", "1"],
        ["serve", "--key", "no colon"],
        ["serve", "--publish-every", "0", "alpha", "{}"],
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "ably_standin: error: " in capsys.readouterr().err


async def test_a_key_without_the_permission_publishes_nothing(
    ably: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ably.set_capability("standin.key", {"*": ["subscribe"]})
    arguments = ["publish", "alpha", "{}", "--port", str(ably.port)]
    assert await asyncio.to_thread(main, arguments) == 1
    assert "nothing was published on alpha" in capsys.readouterr().err


def test_every_control_exists_and_is_explained_in_the_readme() -> None:
    from ably_standin import AblyStandin

    readme = (Path(__file__).parents[1] / "README.md").read_text()
    for name in CONTROLS:
        assert callable(getattr(AblyStandin, name))
        assert f"`{name}(" in readme
