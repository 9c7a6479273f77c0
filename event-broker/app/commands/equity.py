"""`equity`: what an account is worth, and its cash."""

import argparse

from app.account_process.messages import Operation
from app.report.holdings import show_equity
from broker_connector_base.models import AccountSnapshot

from .runner import Task, run_task


def run(arguments: argparse.Namespace) -> int:
    """Show net liquidation and cash."""
    return run_task(arguments, Task(Operation.EQUITY, AccountSnapshot, show_equity))
