"""`rebalance`: what an account would trade to reach its targets, or the trades themselves."""

from __future__ import annotations

import argparse

from app import simulation
from app.account_process.messages import Operation
from app.report.preview import show_preview
from app.report.run import show_run
from app.settings import TradingMode
from broker_connector_base.models import RunStatus
from rebalance_workflow.results import PreviewResult, RunResult

from .outcome import CommandFailed, ExitCode, Heading, print_document, say
from .runner import Task, read_settings, run_task

_EXIT_CODES = {
    RunStatus.DONE: ExitCode.DONE,
    RunStatus.NOTHING_TO_DO: ExitCode.DONE,
    RunStatus.FAILED: ExitCode.FAILED,
    RunStatus.NEEDS_ATTENTION: ExitCode.NEEDS_ATTENTION,
}


def run(arguments: argparse.Namespace) -> int:
    """Preview (the default) or trade; with `--reset-demo`, reset the simulation before that."""
    if arguments.reset_demo:
        code = _reset_demo(arguments)
        if code or arguments.account is None:
            return code
    if arguments.execute == "rebalance":
        return run_task(
            arguments,
            Task(Operation.REBALANCE, RunResult, show_run, lambda r: _EXIT_CODES[r.status]),
        )
    return run_task(arguments, Task(Operation.PREVIEW, PreviewResult, show_preview))


def _reset_demo(arguments: argparse.Namespace) -> ExitCode:
    heading = Heading(arguments.command, arguments.account)
    try:
        settings = read_settings()
        if settings.mode is not TradingMode.SIMULATION:
            raise CommandFailed(
                f"--reset-demo is for TRADING_MODE=simulation, not {settings.mode}",
                kind="SettingsError",
                exit_code=ExitCode.BAD_INPUT,
            )
        try:
            simulation.reset(settings.simulator_directory, settings.state_directory)
        except simulation.SimulationError as error:
            raise CommandFailed.because(error) from error
    except CommandFailed as failure:
        say(f"error: {failure}")
        if arguments.json:
            print_document(heading, failure.exit_code, error=failure)
        return failure.exit_code
    say("The demo accounts are as they were at first.")
    if arguments.json and arguments.account is None:
        print_document(heading, ExitCode.DONE)
    return ExitCode.DONE
