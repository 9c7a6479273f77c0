"""The contract that every connector passes."""

from __future__ import annotations

from broker_connector_base.testing.contract import BrokerContract
from broker_connector_base.testing.harness import BrokerHarness
from paper_connector.testing import PaperHarness


class TestPaperClient(BrokerContract):
    def make_harness(self) -> BrokerHarness:
        return PaperHarness()
