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

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable

import pytest

from .contract_accounts import AccountContract
from .contract_orders import OrderContract
from .contract_recovery import RecoveryContract
from .contract_sessions import SessionContract
from .harness import BrokerHarness
from .virtual_time import VirtualTimeLoop


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


def verdict(make_harness: Callable[[], BrokerHarness], test: str) -> BaseException | None:
    """What one test of the contract raises, run by itself on a `VirtualTimeLoop`; None when it
    passes. It shows that a seeded fault is caught, for brokers in this process.
    """

    async def run() -> None:
        harness = make_harness()
        try:
            await harness.start()
            await getattr(_Contract(), test)(harness)
        finally:
            await harness.stop()

    try:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(run())
    except (Exception, pytest.fail.Exception) as failure:
        return failure
    return None


class _Contract(SessionContract, AccountContract, OrderContract, RecoveryContract):
    """The tests without their fixture."""
