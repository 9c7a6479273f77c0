"""A fake that does not pass the contract is not a fake."""

from __future__ import annotations

from broker_connector_base.testing.contract import BrokerContract
from broker_connector_base.testing.fake_harness import FakeHarness
from broker_connector_base.testing.harness import BrokerHarness


class TestFakeBroker(BrokerContract):
    def make_harness(self) -> BrokerHarness:
        return FakeHarness()
