"""Test kit: the contract suite's harness over a paper broker, and a small world to crash in."""

from .harness import PaperHarness
from .world import START, World

__all__ = ["START", "PaperHarness", "World"]
