"""Enough of Ably's realtime and REST protocols for the real SDK, with fault controls."""

from .codec import message
from .controls import CONTROLS
from .hub import Limits
from .received import Received, ReceivedLog
from .server import DEFAULT_KEY, AblyStandin

__version__ = "1.0.0"

__all__ = [
    "CONTROLS",
    "DEFAULT_KEY",
    "AblyStandin",
    "Limits",
    "Received",
    "ReceivedLog",
    "__version__",
    "message",
]
