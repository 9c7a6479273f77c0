"""When the service acts by itself: schedules, drift checks, the market-open list, daily news."""

from .market_open import GUARD, due_time
from .scheduler import Scheduler

__all__ = ["GUARD", "Scheduler", "due_time"]
