"""`orders`: the working orders of an account, those of others included."""

import argparse

from app.account_process.messages import Operation
from app.account_process.results import OrdersReport
from app.report.orders import show_orders

from .runner import Task, run_task


def run(arguments: argparse.Namespace) -> int:
    """Show the working orders."""
    return run_task(arguments, Task(Operation.ORDERS, OrdersReport, show_orders))
