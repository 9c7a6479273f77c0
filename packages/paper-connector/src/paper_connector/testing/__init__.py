"""Test kit: the contract suite's harness over a paper broker."""

from .harness import PaperHarness

__all__ = ["PaperHarness"]
