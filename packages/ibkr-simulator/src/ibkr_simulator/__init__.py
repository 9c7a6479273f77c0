"""The server side of the TWS API: any API client of Interactive Brokers can log in and trade."""

from .faults import BadRule, FaultRule
from .gateway import SimulatedGateway, Statistics

__version__ = "1.0.0"

__all__ = ["BadRule", "FaultRule", "SimulatedGateway", "Statistics", "__version__"]
