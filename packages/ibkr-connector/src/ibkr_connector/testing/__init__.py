"""Test kit: a relay that breaks a connection in chosen ways, and a simulated world behind it."""

from .harness import SimulatorHarness
from .tap import Tap
from .world import ACCOUNT, OTHER_ACCOUNT, World, quote, stock

__all__ = ["ACCOUNT", "OTHER_ACCOUNT", "SimulatorHarness", "Tap", "World", "quote", "stock"]
