"""The server side of the TWS API: any API client of Interactive Brokers can log in and trade."""

from .gateway import SimulatedGateway, Statistics

__version__ = "1.0.0"

__all__ = ["SimulatedGateway", "Statistics", "__version__"]
