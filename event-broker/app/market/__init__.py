"""When the exchange trades, by its calendar and by the broker's own hours."""

from .broker_hours import Closure, closed_by_broker
from .calendar import MarketCalendar
from .errors import CalendarError
from .sessions import EXCHANGE_TIME, XNYS, Sessions, Start, TradingSession, first_start

__all__ = [
    "EXCHANGE_TIME",
    "XNYS",
    "CalendarError",
    "Closure",
    "MarketCalendar",
    "Sessions",
    "Start",
    "TradingSession",
    "closed_by_broker",
    "first_start",
]
