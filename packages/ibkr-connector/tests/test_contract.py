"""The contract that every connector passes, over the simulated gateway."""

from __future__ import annotations

from broker_connector_base.testing.contract import BrokerContract
from broker_connector_base.testing.harness import BrokerHarness
from ibkr_connector.testing import SimulatorHarness


class TestIBKRClient(BrokerContract):
    def make_harness(self) -> BrokerHarness:
        return SimulatorHarness()
