"""A gateway as a process of its own: state, ports, signals, and the word that it is ready.

Options come in; a gateway serves until it is told to stop, then its state is on disk. What clients
and orders do is decided elsewhere.
"""

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simulated_exchange import Clock, Exchange, StateError, StateFile, WallClock, load_scenario

from .control import ControlServer
from .faults import read_file
from .gateway import SimulatedGateway
from .limits import Limits
from .relay import Relay
from .replay import ReplayServer
from .saver import Saver
from .state_lock import exclusive
from .transcript import Recorder, read_transcript

#: seconds to wait for another process to let go of the state
_PATIENCE = 10.0
DEFAULT_SCENARIO = "demo"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeOptions:
    """How to serve; without `state` nothing is kept, without `seed` the scenario's counts."""

    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    scenario: str = DEFAULT_SCENARIO
    state: Path | None = None
    ready_file: Path | None = None
    exit_when_unused: bool = False
    read_only: bool = False
    market_data_lines: int = 100
    seed: int | None = None
    faults: Path | None = None
    record: Path | None = None


def run(options: ServeOptions) -> None:
    """Serve until SIGTERM, SIGINT, a request to stop or the last lease's end.

    Raises `StateInUse`, `StateError`, `BadRule` and `OSError` before anything is served.
    """
    with ExitStack() as stack:
        if options.state is not None:
            stack.enter_context(exclusive(options.state, _PATIENCE))
        asyncio.run(_serve(options))


def replay(transcript: Path, host: str, port: int) -> None:
    """Answer like a recording until SIGTERM or SIGINT.

    Raises `BadTranscript` and `OSError` before anything is served.
    """
    asyncio.run(_replay(transcript, host, port))


async def _replay(transcript: Path, host: str, port: int) -> None:
    stop = _stop_on_signals()
    async with ReplayServer(read_transcript(transcript), host=host, port=port) as server:
        await _serve_until(stop, host, server.port)


def record(target: tuple[str, int], transcript: Path, host: str, port: int) -> None:
    """Pass on what clients and a gateway say and add it to a file, until SIGTERM or SIGINT.

    Raises `OSError` before anything is served.
    """
    asyncio.run(_record(target, transcript, host, port))


async def _record(target: tuple[str, int], transcript: Path, host: str, port: int) -> None:
    stop = _stop_on_signals()
    with transcript.open("a", encoding="utf-8") as lines:
        async with Relay(target, Recorder(lines), host=host, port=port) as relay:
            await _serve_until(stop, host, relay.port)


async def _serve_until(stop: asyncio.Event, host: str, port: int) -> None:
    sys.stdout.write(json.dumps({"pid": os.getpid(), "host": host, "port": port}) + "\n")
    sys.stdout.flush()
    await stop.wait()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _serve(options: ServeOptions) -> None:
    loop = asyncio.get_running_loop()
    stop = _stop_on_signals()
    file = StateFile(options.state) if options.state is not None else None
    exchange, rules = _open_exchange(options, file, WallClock(loop))
    settle_memory()
    if options.faults is not None:
        rules = (*rules, *read_file(options.faults))
    async with AsyncExitStack() as stack:
        recorder = None
        if options.record is not None:
            lines = stack.enter_context(options.record.open("a", encoding="utf-8"))
            recorder = Recorder(lines)
        gateway = SimulatedGateway(
            exchange,
            host=options.host,
            port=options.port,
            read_only=options.read_only,
            pacing=True,
            limits=Limits(market_data_lines=options.market_data_lines),
            recorder=recorder,
        )
        saver = await stack.enter_async_context(Saver(exchange, file)) if file else None
        await stack.enter_async_context(gateway)
        for rule in rules:
            gateway.faults.add(rule)
        control = await stack.enter_async_context(
            ControlServer(
                gateway,
                port=options.control_port,
                save=saver.save if saver else _nothing_to_save,
                stop=stop.set,
                exit_when_unused=options.exit_when_unused,
            )
        )
        _announce(gateway, control, options.ready_file)
        try:
            await stop.wait()
        finally:
            # First of all: nobody is to find a gateway that is about to end.
            if options.ready_file is not None:
                options.ready_file.unlink(missing_ok=True)


def _open_exchange(
    options: ServeOptions, file: StateFile | None, clock: Clock
) -> tuple[Exchange, tuple[Mapping[str, Any], ...]]:
    """The saved exchange if there is one, else the scenario's, with the scenario's faults."""
    try:
        state = file.read() if file is not None else None
        if state is not None:
            exchange = Exchange.restore(state, clock=clock)
    except StateError as error:
        raise StateError(
            f"the saved state {options.state} cannot be used: {error}; without that file the "
            "gateway begins with the scenario's first state: move it away, or delete it"
        ) from error
    if state is not None:
        if options.scenario != DEFAULT_SCENARIO:
            # The state wins, and a name that is misspelt shall not go unnoticed until it is gone.
            # Only then: reading YAML is what takes longest at the start.
            load_scenario(options.scenario)
        return exchange, ()
    scenario = load_scenario(options.scenario)
    if options.seed is not None:
        scenario = replace(scenario, seed=options.seed)
    return scenario.build(clock), scenario.faults


def settle_memory() -> None:
    """Keep Python's collector from looking through everything while clients wait.

    A day's orders are kept and are no cycles: to collect means to walk through all of them, for
    tenths of a second. What is there already is never looked at again, what comes seldom.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


async def _nothing_to_save() -> None:
    """For a gateway without a state file."""


def _announce(gateway: SimulatedGateway, control: ControlServer, ready_file: Path | None) -> None:
    from . import __version__

    ready: dict[str, Any] = {
        "pid": os.getpid(),
        "host": gateway.host,
        "port": gateway.port,
        "control_port": control.port,
        "accounts": list(gateway.desk.account_ids),
        "version": __version__,
    }
    line = json.dumps(ready) + "\n"
    if ready_file is not None:
        ready_file.parent.mkdir(parents=True, exist_ok=True)
        aside = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
        aside.write_text(line, encoding="utf-8")
        aside.replace(ready_file)
    sys.stdout.write(line)
    sys.stdout.flush()
