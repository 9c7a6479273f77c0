"""A stand-in as a process of its own, and a publisher that talks to one."""

import asyncio
import base64
import json
import os
import signal
import sys
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from aiohttp import ClientSession

from .codec import message
from .control_port import ControlPort
from .hub import Limits
from .server import DEFAULT_KEY, AblyStandin


class Refusal(Exception):
    """The server did not accept a message; nothing was published."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoPublisher:
    """Publishes `data` on `channel` at once, and then every so many seconds."""

    every: float
    channel: str
    data: object

    def __post_init__(self) -> None:
        if not self.every > 0:
            raise ValueError(f"a message every {self.every} s cannot be published")

    async def run(self, standin: AblyStandin) -> None:
        """Publish until cancelled."""
        while True:
            standin.publish(self.channel, message(self.data))
            await asyncio.sleep(self.every)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeOptions:
    """How to serve; without a `control_port` there are no controls. `retention` is in seconds."""

    host: str = "127.0.0.1"
    port: int = 0
    keys: tuple[str, ...] = (DEFAULT_KEY,)
    control_port: int | None = None
    ready_file: Path | None = None
    retention: float = 120.0
    publishers: tuple[DemoPublisher, ...] = ()


async def serve(options: ServeOptions) -> None:
    """Serve until SIGTERM or SIGINT. Raises `OSError` when a port is taken."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    limits = Limits(retention=round(options.retention * 1_000))
    async with AsyncExitStack() as stack:
        standin = AblyStandin(
            keys=options.keys, host=options.host, port=options.port, limits=limits
        )
        await stack.enter_async_context(standin)
        control = None
        if options.control_port is not None:
            control = await stack.enter_async_context(ControlPort(standin, options.control_port))
        publishers = [asyncio.create_task(demo.run(standin)) for demo in options.publishers]
        _announce(options, standin, control)
        try:
            await stop.wait()
        finally:
            if options.ready_file is not None:
                options.ready_file.unlink(missing_ok=True)
            for publisher in publishers:
                publisher.cancel()
                with suppress(asyncio.CancelledError):
                    await publisher


async def publish(url: str, key: str, channel: str, data: object) -> None:
    """Publish one message by REST at `http://host:port`.

    Raises `Refusal` when it is not accepted, `aiohttp.ClientError` when nobody answers.
    """
    headers = {"Authorization": "Basic " + base64.b64encode(key.encode()).decode()}
    path = f"{url}/channels/{quote(channel, safe='')}/messages"
    async with (
        ClientSession(headers=headers) as session,
        session.post(path, json=message(data)) as reply,
    ):
        if reply.status != 201:
            raise Refusal(f"nothing was published on {channel}: {await reply.text()}")


def _announce(options: ServeOptions, standin: AblyStandin, control: ControlPort | None) -> None:
    from . import __version__

    ready = {
        "pid": os.getpid(),
        "host": options.host,
        "port": standin.port,
        "control_port": control.port if control else None,
        "version": __version__,
    }
    line = json.dumps(ready) + "\n"
    if options.ready_file is not None:
        options.ready_file.parent.mkdir(parents=True, exist_ok=True)
        aside = options.ready_file.with_name(f".{options.ready_file.name}.{os.getpid()}")
        aside.write_text(line, encoding="utf-8")
        aside.replace(options.ready_file)
    sys.stdout.write(line)
    sys.stdout.flush()
