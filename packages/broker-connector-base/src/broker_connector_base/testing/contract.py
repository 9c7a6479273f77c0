"""The suite that every broker connector passes, the fake included.

In a connector's tests:

    class TestMyBroker(BrokerContract):
        def make_harness(self) -> BrokerHarness:
            return MyHarness()

pytest shows the values of a failed assertion when a conftest.py says, before the import,
`pytest.register_assert_rewrite("broker_connector_base.testing")`. Tests wait for what the broker
tells, each wait under `BrokerHarness.deadline_seconds`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

import pytest

from .contract_accounts import AccountContract
from .contract_orders import OrderContract
from .contract_recovery import RecoveryContract
from .contract_sessions import SessionContract
from .harness import BrokerHarness


class BrokerContract(SessionContract, AccountContract, OrderContract, RecoveryContract, ABC):
    """Subclass it, name the subclass `Test...`, and say how a broker is made."""

    @abstractmethod
    def make_harness(self) -> BrokerHarness:
        """A harness that is not started yet."""

    @pytest.fixture
    async def harness(self) -> AsyncIterator[BrokerHarness]:
        """A started broker, stopped after the test."""
        harness = self.make_harness()
        try:
            await harness.start()
            yield harness
        finally:
            await harness.stop()
