"""A deterministic exchange: accounts, orders, matching and market data on a virtual or wall clock."""

from .accounts import Account, Position
from .clock import Clock, VirtualClock, WallClock
from .errors import ExchangeError, Reason, StateError
from .events import (
    AccountChanged,
    CommissionCharged,
    CommissionReport,
    Event,
    Executed,
    Execution,
    Liquidity,
    OrderChanged,
    PositionChanged,
    QuoteChanged,
)
from .exchange import Exchange
from .hours import Session, TradingHours
from .instruments import Instrument
from .orders import Order, OrderRequest, OrderState, OrderType, Side, TimeInForce
from .policies import CommissionSchedule, FillPolicy, LatencyModel
from .quotes import Quote, QuoteKind, RandomWalk

__version__ = "1.0.0"

__all__ = [
    "Account",
    "AccountChanged",
    "Clock",
    "CommissionCharged",
    "CommissionReport",
    "CommissionSchedule",
    "Event",
    "Exchange",
    "ExchangeError",
    "Executed",
    "Execution",
    "FillPolicy",
    "Instrument",
    "LatencyModel",
    "Liquidity",
    "Order",
    "OrderChanged",
    "OrderRequest",
    "OrderState",
    "OrderType",
    "Position",
    "PositionChanged",
    "Quote",
    "QuoteChanged",
    "QuoteKind",
    "RandomWalk",
    "Reason",
    "Session",
    "Side",
    "StateError",
    "TimeInForce",
    "TradingHours",
    "VirtualClock",
    "WallClock",
]
