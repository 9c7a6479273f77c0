"""Enough of Ably's realtime and REST protocols for the real SDK to connect to."""

__version__ = "1.0.0"

__all__ = ["__version__"]
