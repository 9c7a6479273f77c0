"""The commands that an event may carry, one module each: what runs, and what its result says."""

from app.events import Command

from . import (
    cancel_orders,
    print_equity,
    print_orders,
    print_positions,
    print_rebalance,
    rebalance,
)
from .command import AccountCommand

COMMANDS: dict[Command, AccountCommand] = {
    Command.REBALANCE: rebalance.COMMAND,
    Command.PRINT_REBALANCE: print_rebalance.COMMAND,
    Command.PRINT_POSITIONS: print_positions.COMMAND,
    Command.PRINT_EQUITY: print_equity.COMMAND,
    Command.PRINT_ORDERS: print_orders.COMMAND,
    Command.CANCEL_ORDERS: cancel_orders.COMMAND,
}


def command_of(payload: object) -> Command:
    """The command that a message asks for in `exec`.

    Anything that is not the exact name of a command is a preview: trading happens only when it was
    asked for in so many words.
    """
    wanted = payload.get("exec") if isinstance(payload, dict) else None
    return next((c for c in Command if c.value == wanted), Command.PRINT_REBALANCE)


__all__ = ["COMMANDS", "AccountCommand", "command_of"]
