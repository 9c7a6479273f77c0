"""When the exchange trades, by its calendar and by the broker's own hours."""

from .broker_hours import Closure, closed_by_broker
from .calendar import MarketCalendar
from .errors import CalendarError
from .sessions import EXCHANGE_TIME, XNYS, Sessions, TradingSession, start_in

__all__ = [
    "EXCHANGE_TIME",
    "XNYS",
    "CalendarError",
    "Closure",
    "MarketCalendar",
    "Sessions",
    "TradingSession",
    "closed_by_broker",
    "start_in",
]
