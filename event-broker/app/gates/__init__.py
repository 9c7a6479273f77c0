"""Whether an event may trade now: one file a gate, one table that asks them in order."""

from .circumstances import Circumstances
from .decision import Allow, Decision, Gate, Hold, Refuse
from .hours import opened_by_broker
from .table import GATES, decide

__all__ = [
    "GATES",
    "Allow",
    "Circumstances",
    "Decision",
    "Gate",
    "Hold",
    "Refuse",
    "decide",
    "opened_by_broker",
]
