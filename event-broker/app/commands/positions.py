"""`positions`: what an account holds, as the broker has it now."""

import argparse

from app.account_process.messages import Operation
from app.report.holdings import show_positions
from broker_connector_base.models import AccountSnapshot

from .runner import Task, run_task


def run(arguments: argparse.Namespace) -> int:
    """Show the positions."""
    return run_task(arguments, Task(Operation.POSITIONS, AccountSnapshot, show_positions))
