"""Faults: what goes wrong between a client and its broker, as rules that are data.

`gateway.faults.add(FaultRule(action=Swallow(), message="placeOrder", symbol="SPY"))`, or the same
as JSON values: `{"action": "swallow", "message": "placeOrder", "symbol": "SPY"}`. `ACTIONS` is the
table of what there is. Messages are looked at only while rules are set.
"""

from .actions import ACTIONS, rule_from_json, rule_to_json
from .book import Faults
from .link import Announce, Outage, Restart
from .messages import (
    Delay,
    Duplicate,
    Edit,
    Late,
    Notice,
    Pacing,
    Reject,
    Reorder,
    Swallow,
)
from .rules import BadRule, Direction, FaultRule, read_file
from .trading import CancelOrder, Correct, FillAfterCancel, Partial, Stale, Unconfirmed
from .wire import Corrupt, Damage, Drop, Ending, Merge, Split

__all__ = [
    "ACTIONS",
    "Announce",
    "BadRule",
    "CancelOrder",
    "Correct",
    "Corrupt",
    "Damage",
    "Delay",
    "Direction",
    "Drop",
    "Duplicate",
    "Edit",
    "Ending",
    "FaultRule",
    "Faults",
    "FillAfterCancel",
    "Late",
    "Merge",
    "Notice",
    "Outage",
    "Pacing",
    "Partial",
    "Reject",
    "Reorder",
    "Restart",
    "Split",
    "Stale",
    "Swallow",
    "Unconfirmed",
    "read_file",
    "rule_from_json",
    "rule_to_json",
]
