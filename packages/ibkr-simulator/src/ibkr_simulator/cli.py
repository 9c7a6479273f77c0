"""The command line: `python -m ibkr_simulator serve`, `... replay` and `... record`.

Arguments come in; a gateway is served, or one line on stderr says why not. Exit codes: 0 after an
orderly stop, 1 when the gateway could not start, 2 for arguments that make no sense.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from simulated_exchange import StateError

from .faults import BadRule
from .server import DEFAULT_SCENARIO, ServeOptions, record, replay, run
from .state_lock import StateInUse
from .transcript import BadTranscript


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(
        level=given.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    try:
        if given.command == "replay":
            replay(given.transcript, given.host, given.port)
        elif given.command == "record":
            record(given.target, given.transcript, given.host, given.port)
        else:
            run(_serve_options(given))
    except (StateInUse, StateError, BadRule, BadTranscript, OSError) as error:
        sys.stderr.write(f"ibkr_simulator: {error}\n")
        return 1
    return 0


def _serve_options(given: argparse.Namespace) -> ServeOptions:
    return ServeOptions(
        host=given.host,
        port=given.port,
        control_port=given.control_port,
        scenario=given.scenario,
        state=given.state,
        ready_file=given.ready_file,
        exit_when_unused=given.exit_when_unused,
        read_only=given.read_only,
        market_data_lines=given.market_data_lines,
        seed=given.seed,
        faults=given.faults,
        record=given.record,
    )


def _port(text: str) -> int:
    return _whole(text, "a port, 0 to 65535; 0 takes any free one", most=65535)


def _lines(text: str) -> int:
    return _whole(text, "a number of instruments, 0 or more")


def _address(text: str) -> tuple[str, int]:
    what = "HOST:PORT"
    host, _, port = text.rpartition(":")
    if not host:
        raise argparse.ArgumentTypeError(f"{text!r} should be {what}")
    return host, _whole(port, what, least=1, most=65535, shown=text)


def _whole(
    text: str, what: str, *, least: int = 0, most: int | None = None, shown: str | None = None
) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least or (most is not None and number > most):
        raise argparse.ArgumentTypeError(f"{(shown or text)!r} should be {what}")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ibkr_simulator", description="A gateway for clients of the TWS API, without a broker."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve the API until told to stop")
    again = commands.add_parser("replay", help="answer like a recording")
    again.add_argument("transcript", type=Path, help="the recording")
    relay = commands.add_parser("record", help="pass on to a gateway and record what is said")
    relay.add_argument("transcript", type=Path, help="file to which every frame is added")
    add = relay.add_argument
    add("--target", type=_address, required=True, help="the gateway, as HOST:PORT")
    for command in (serve, again, relay):
        add = command.add_argument
        add("--host", default="127.0.0.1", help="address for API clients (default: %(default)s)")
        add("--port", type=_port, default=0, help="port for API clients (default: any free one)")
        levels = ("DEBUG", "INFO", "WARNING", "ERROR")
        add("--log-level", default="WARNING", choices=levels)
    add = serve.add_argument
    add("--control-port", type=_port, default=0, help="loopback port for leases and control")
    add(
        "--scenario",
        default=DEFAULT_SCENARIO,
        help="a shipped name or a YAML file (default: %(default)s)",
    )
    add("--state", type=Path, help="file that keeps the state; wins over the scenario if it exists")
    add("--ready-file", type=Path, help="written when the gateway listens, removed when it ends")
    add("--exit-when-unused", action="store_true", help="end when the last lease is given back")
    add("--read-only", action="store_true", help="refuse orders, as a read-only API does")
    lines = "instruments that may stream at a time"
    add("--market-data-lines", type=_lines, default=100, help=lines)
    add("--seed", type=int, help="seed of latency and random quotes (default: the scenario's)")
    add("--faults", type=Path, help="YAML file with rules of what is to go wrong")
    add("--record", type=Path, help="file to which every frame is added, a line of JSON each")
    return parser
