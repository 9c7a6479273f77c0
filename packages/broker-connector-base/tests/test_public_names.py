"""What may be imported, written down a second time: a change here is a change for users."""

from __future__ import annotations

from types import ModuleType

import pytest

import broker_connector_base
from broker_connector_base import testing

BASE = """
AccountConfig AccountDataError AccountNotFound AccountPosition AccountSnapshot AllocationItem
Attention BaseRebalancer BrokerAPIError BrokerClient BrokerConnectionError BrokerError
CalculateRebalanceResult Claim ClientIdInUse Connectivity ConnectivityChange ContractPrice Fill
Instrument MarketDataError OpenOrder OrderEvent OrderExecutionError OrderOutcomeUnknown OrderResult
OrderStatus OrderUpdate QuoteQuality RebalanceResult RunStatus Session Trade UnknownSymbol
__version__ advance
"""
KIT = """
ACKNOWLEDGEMENT_LOST CANCEL_NEVER_CONFIRMED COMMISSION_UNTOLD FILLS FILL_BEATS_CANCEL REJECTED RESTS
SWALLOWED Account Arrival Behaviour BookOrder Books BrokerHarness EventLog FakeBroker FakeHarness
Fault LoopClock OnCancel Reject VirtualTimeLoop WaitsForEver fills_partly
"""


@pytest.mark.parametrize(("package", "names"), [(broker_connector_base, BASE), (testing, KIT)])
def test_the_public_names_are_these(package: ModuleType, names: str) -> None:
    assert package.__all__ == names.split()
    for name in package.__all__:
        assert getattr(package, name)
