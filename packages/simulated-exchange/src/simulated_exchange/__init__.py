"""A deterministic exchange: accounts, orders, matching and market data on an injected clock."""

from .accounts import Account, Position
from .clock import Clock, VirtualClock, WallClock
from .errors import ExchangeError, Reason, StateError
from .events import (
    AccountChanged,
    ChangeRefused,
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
from .hours import HalfDay, Session, TradingHours
from .instruments import Instrument, PriceIncrement
from .orders import (
    OcaType,
    Order,
    OrderRequest,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
    TriggerMethod,
)
from .paper import PaperSettings
from .pnl import PnL
from .policies import CommissionSchedule, FillPolicy, LatencyModel
from .quotes import Quote, QuoteKind, RandomWalk
from .scenario import Scenario, load_scenario
from .settlement import Proceeds
from .slippage import Slippage, SlippageModel
from .state_file import StateFile
from .tape import read_tape
from .whatif import WhatIf

__version__ = "1.0.0"

__all__ = [
    "Account",
    "AccountChanged",
    "ChangeRefused",
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
    "HalfDay",
    "Instrument",
    "LatencyModel",
    "Liquidity",
    "OcaType",
    "Order",
    "OrderChanged",
    "OrderRequest",
    "OrderState",
    "OrderType",
    "PaperSettings",
    "PnL",
    "Position",
    "PositionChanged",
    "PriceIncrement",
    "Proceeds",
    "Quote",
    "QuoteChanged",
    "QuoteKind",
    "RandomWalk",
    "Reason",
    "Scenario",
    "Session",
    "Side",
    "Slippage",
    "SlippageModel",
    "StateError",
    "StateFile",
    "TimeInForce",
    "TradingHours",
    "TriggerMethod",
    "VirtualClock",
    "WallClock",
    "WhatIf",
    "load_scenario",
    "read_tape",
]
