"""When the service acts by itself: schedules, drift checks, the market-open list, daily news."""

from .market_open import GUARD, Due, due_time
from .scheduler import Scheduler

__all__ = ["GUARD", "Due", "Scheduler", "due_time"]
