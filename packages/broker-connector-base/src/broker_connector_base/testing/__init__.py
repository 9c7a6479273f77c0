"""Test kit: a scripted broker, a loop without waiting, and what the contract suite needs.

Imported by tests alone. The contract suite is `broker_connector_base.testing.contract`, apart
because it needs pytest.
"""

from .behaviour import (
    ACKNOWLEDGEMENT_LOST,
    CANCEL_NEVER_CONFIRMED,
    COMMISSION_UNTOLD,
    FILL_BEATS_CANCEL,
    FILLS,
    REJECTED,
    RESTS,
    SWALLOWED,
    Arrival,
    Behaviour,
    Fault,
    OnCancel,
    Reject,
    fills_partly,
)
from .books import Books
from .fake_broker import FakeBroker
from .fake_harness import FakeHarness
from .harness import BrokerHarness, EventLog
from .ledger import Account, BookOrder
from .virtual_time import LoopClock, VirtualTimeLoop, WaitsForEver

__all__ = [
    "ACKNOWLEDGEMENT_LOST",
    "CANCEL_NEVER_CONFIRMED",
    "COMMISSION_UNTOLD",
    "FILLS",
    "FILL_BEATS_CANCEL",
    "REJECTED",
    "RESTS",
    "SWALLOWED",
    "Account",
    "Arrival",
    "Behaviour",
    "BookOrder",
    "Books",
    "BrokerHarness",
    "EventLog",
    "FakeBroker",
    "FakeHarness",
    "Fault",
    "LoopClock",
    "OnCancel",
    "Reject",
    "VirtualTimeLoop",
    "WaitsForEver",
    "fills_partly",
]
