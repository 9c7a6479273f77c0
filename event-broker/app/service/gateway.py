"""Where the service's gateway listens; in simulation that is a simulator which it keeps running."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from app import simulation
from app.account_process.messages import Address
from app.settings import Settings, TradingMode, is_on_paper, processed_accounts
from broker_connector_base.models import AccountConfig

_log = structlog.get_logger(__name__)


class ServiceGateway:
    """Calling it gives the address; a simulator that has ended is started again."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._lease: simulation.SimulatorLease | None = None
        self._busy = asyncio.Lock()

    async def __call__(self, account: AccountConfig) -> Address:
        """Raises `SimulationError`."""
        settings = self._settings()
        if settings.mode is not TradingMode.SIMULATION or is_on_paper(account):
            return Address(settings.environment.ib_host, settings.gateway_port)
        return await self._of_simulation()

    async def warm(self) -> None:
        """Have the simulator running before the first event; one that cannot is tried again then.

        It also keeps the demo from being reset under a running service.
        """
        if all(map(is_on_paper, processed_accounts(self._settings()))):
            return
        try:
            await self._of_simulation()
        except simulation.SimulationError as error:
            _log.warning("simulator.not_started", error=str(error))

    async def _of_simulation(self) -> Address:
        async with self._busy:
            if self._lease is None or not self._lease.is_alive():
                self.close()
                directory = self._settings().simulator_directory
                self._lease = await asyncio.to_thread(simulation.acquire, directory)
                _log.info("simulator.leased", port=self._lease.port)
            return Address(*self._lease.address)

    def close(self) -> None:
        """Give the simulator up; it ends when nobody else holds it."""
        if self._lease is not None:
            self._lease.close()
            self._lease = None
