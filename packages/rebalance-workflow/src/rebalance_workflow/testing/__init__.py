"""Test kit, imported by tests alone: one account at a scripted broker, its strategy and journal."""

from .world import ACCOUNT, FixedSource, World, make_world

__all__ = ["ACCOUNT", "FixedSource", "World", "make_world"]
