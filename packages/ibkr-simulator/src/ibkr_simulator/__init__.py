"""The server side of the TWS API: any API client of Interactive Brokers can log in and trade."""

from .faults import BadRule, FaultRule
from .gateway import SimulatedGateway, Statistics
from .limits import Limits
from .replay import ReplayServer
from .transcript import Recorder, read_transcript

__version__ = "1.0.0"

__all__ = [
    "BadRule",
    "FaultRule",
    "Limits",
    "Recorder",
    "ReplayServer",
    "SimulatedGateway",
    "Statistics",
    "__version__",
    "read_transcript",
]
