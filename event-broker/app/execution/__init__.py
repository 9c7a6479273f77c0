"""From messages to events, and from claimed events to outcomes in the store."""

from .attempt import Address, Attempt, Gateway
from .commands import COMMANDS, AccountCommand, command_of
from .gatekeeper import Gatekeeper
from .moves import Ending, Move, next_move
from .patience import insist
from .strategy_executor import StrategyExecutor
from .trading_executor import Answer, TradingExecutor
from .worker import Worker

__all__ = [
    "COMMANDS",
    "AccountCommand",
    "Address",
    "Answer",
    "Attempt",
    "Ending",
    "Gatekeeper",
    "Gateway",
    "Move",
    "StrategyExecutor",
    "TradingExecutor",
    "Worker",
    "command_of",
    "insist",
    "next_move",
]
