"""The command line: `python -m ably_standin serve` and `... publish`.

Exit codes: 0 after an orderly stop or a published message, 1 when it could not be done, 2 for
arguments that make no sense.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from aiohttp import ClientError

from .process import DemoPublisher, Refusal, ServeOptions, publish, serve
from .server import DEFAULT_KEY


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        if given.command == "publish":
            data = _json(given.data)
            url = f"http://{given.host}:{given.port}"
            asyncio.run(publish(url, given.key, given.channel, data))
        else:
            asyncio.run(serve(_serve_options(given)))
    except ValueError as error:
        parser.error(str(error))
    except (OSError, ClientError, Refusal) as error:
        sys.stderr.write(f"ably_standin: {error}\n")
        return 1
    return 0


def _serve_options(given: argparse.Namespace) -> ServeOptions:
    return ServeOptions(
        host=given.host,
        port=given.port,
        keys=tuple(given.key or (DEFAULT_KEY,)),
        control_port=given.control_port,
        ready_file=given.ready_file,
        retention=given.retention,
        publishers=tuple(
            DemoPublisher(every=float(seconds), channel=channel, data=_json(data))
            for seconds, channel, data in given.publish_every
        ),
    )


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not JSON: {error}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ably_standin", description="Enough of Ably for its SDKs, without an account."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    server = commands.add_parser("serve", help="serve realtime and REST until told to stop")
    add = server.add_argument
    add("--host", default="127.0.0.1", help="address for clients (default: %(default)s)")
    add("--port", type=int, default=0, help="port for clients (default: any free one)")
    add("--key", action="append", help=f"app.id:secret, may be repeated (default: {DEFAULT_KEY})")
    add("--control-port", type=int, help="loopback port for the controls; 0 takes any free one")
    add("--ready-file", type=Path, help="written when it listens, removed when it ends")
    add("--retention", type=float, default=120.0, help="seconds of history (default: %(default)s)")
    add(
        "--publish-every",
        nargs=3,
        action="append",
        default=[],
        metavar=("SECONDS", "CHANNEL", "JSON"),
        help="publish this data again and again, beginning at once; may be repeated",
    )
    one = commands.add_parser("publish", help="publish one message on a running stand-in")
    one.add_argument("channel", metavar="CHANNEL")
    one.add_argument("data", metavar="JSON")
    one.add_argument("--host", default="127.0.0.1", help="(default: %(default)s)")
    one.add_argument("--port", type=int, required=True)
    one.add_argument("--key", default=DEFAULT_KEY, help="(default: %(default)s)")
    return parser
