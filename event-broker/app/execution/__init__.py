"""From messages to events, and from claimed events to outcomes in the store."""

from .attempt import Attempt, Gateway
from .commands import AccountCommand, command_of
from .gatekeeper import Gatekeeper
from .leases import LeaseKeeper
from .moves import Ending, Move, next_move
from .patience import insist
from .strategy_executor import StrategyExecutor
from .trading_executor import Answer, TradingExecutor
from .waking import Waking
from .worker import Worker

__all__ = [
    "AccountCommand",
    "Answer",
    "Attempt",
    "Ending",
    "Gatekeeper",
    "Gateway",
    "LeaseKeeper",
    "Move",
    "StrategyExecutor",
    "TradingExecutor",
    "Waking",
    "Worker",
    "command_of",
    "insist",
    "next_move",
]
