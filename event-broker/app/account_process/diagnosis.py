"""The doctor's visit: what must be right before an account can be rebalanced, in order.

Each check looks at one thing and says in one line what to do about it. A check whose ground is
missing is skipped, not failed, so that the first failure is the cause. Nothing is sent but
questions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

from app.settings import TradingMode, disagreement, is_on_paper
from app.trading.broker_factory import create_allocation_service, create_broker_client
from broker_connector_base import (
    BrokerAPIError,
    BrokerClient,
    BrokerConnectionError,
    ClientIdInUse,
    ContractPrice,
    QuoteQuality,
)
from rebalance_calculator import AllocationError, ReplacementError, validate_allocations
from rebalance_workflow import AllocationSourceError

from .messages import AccountJob
from .results import Check, Diagnosis, Verdict

#: Far below what would confuse trading days or journals, far above a network's delay.
CLOCK_TOLERANCE = timedelta(seconds=5)


@runtime_checkable
class TellsTime(Protocol):
    """A broker session that knows the broker's clock."""

    async def server_time(self) -> datetime:
        """The broker's clock, to the second."""


@runtime_checkable
class TellsWhetherOrdersAreAllowed(Protocol):
    """A broker session that can find out, without an order, whether orders would be taken."""

    async def probe_orders_allowed(self, account_id: str, symbol: str) -> bool:
        """False when the gateway takes questions only."""


class _Finding(Exception):
    def __init__(self, detail: str, fix: str, verdict: Verdict = Verdict.FAILED) -> None:
        super().__init__(detail)
        self.detail, self.fix, self.verdict = detail, fix, verdict


async def diagnose(job: AccountJob) -> Diagnosis:
    """All checks of the job's account; never raises for what a check may find."""
    return await _Visit(job).run()


class _Visit:
    """One visit; what one check learns, later ones use."""

    def __init__(self, job: AccountJob) -> None:
        self._job = job
        self._account = job.account
        self._address = f"{job.host}:{job.port}"
        self._symbols: Sequence[str] = ()
        self._login: Sequence[str] = ()
        self._broker: BrokerClient = create_broker_client(
            job.account, job.client_id, settings=job.settings, host=job.host, port=job.port
        )

    async def run(self) -> Diagnosis:
        # Asked first for its symbols, shown after what concerns the gateway.
        allocations = await _check("allocations", self._allocations)
        gateway = await _check("gateway reachable", self._gateway)
        login = await self._ask("logged in", self._log_in, gateway.verdict is Verdict.OK)
        logged_in = login.verdict is Verdict.OK
        try:
            checks = (
                gateway,
                login,
                await self._ask("account present", self._presence, logged_in),
                await _check("paper/live agreement", self._agreement),
                await self._ask("API not read-only", self._writable, logged_in),
                await self._ask("market data", self._quotes, logged_in),
                await self._ask("contracts", self._contracts, logged_in),
                allocations,
                await self._ask("clock", self._clock, logged_in),
            )
        finally:
            await self._broker.disconnect()
        return Diagnosis(account_id=self._account.account_id, checks=checks)

    async def _ask(self, name: str, look: Callable[[], Awaitable[str]], possible: bool) -> Check:
        return await _check(name, look) if possible else _skipped(name)

    async def _gateway(self) -> str:
        if is_on_paper(self._account):
            return "none is needed: the account is kept on this machine"
        try:
            _, writer = await asyncio.wait_for(
                asyncio.open_connection(self._job.host, self._job.port),
                self._job.settings.config.ibkr.connection_timeout_seconds,
            )
        except (OSError, TimeoutError) as error:
            raise _Finding(
                f"nothing answers at {self._address} ({type(error).__name__})",
                "start IB Gateway and log in, or correct IB_HOST and IB_PORT in .env",
            ) from error
        writer.close()
        await writer.wait_closed()
        return self._address

    async def _log_in(self) -> str:
        try:
            await self._broker.connect()
        except ClientIdInUse as error:
            raise _Finding(str(error), "end the other program that uses this client id") from error
        except BrokerConnectionError as error:
            raise _Finding(
                str(error),
                "look at the gateway: finish its login, close its dialogs, enable its API socket "
                "and trust this host",
            ) from error
        return f"as client {self._job.client_id}"

    async def _presence(self) -> str:
        self._login = await self._broker.get_accounts()
        if self._account.account_id not in self._login:
            raise _Finding(
                f"the login has {', '.join(self._login) or 'no accounts'}",
                "log the gateway in with the user of this account, or correct accounts.yaml",
            )
        snapshot = await self._broker.get_account_snapshot(self._account.account_id)
        if not self._symbols:
            self._symbols = [position.symbol for position in snapshot.positions]
        return f"net liquidation {snapshot.total_value:,.2f} {snapshot.currency}"

    async def _agreement(self) -> str:
        settings = self._job.settings
        if contradiction := disagreement(settings, self._account, self._login):
            raise _Finding(contradiction.what, contradiction.fix)
        if settings.mode is TradingMode.SIMULATION or is_on_paper(self._account):
            return "simulation: no order leaves this machine"
        return f"{settings.mode} account, mode and port"

    async def _writable(self) -> str:
        if not isinstance(self._broker, TellsWhetherOrdersAreAllowed) or not self._symbols:
            return "cannot be asked without sending an order"
        if not await self._broker.probe_orders_allowed(self._account.account_id, self._symbols[0]):
            raise _Finding(
                "the gateway takes questions only",
                "switch off Configure > Settings > API > Read-Only API at the gateway",
            )
        return "orders are taken"

    async def _quotes(self) -> str:
        quotes = await self._broker.get_multiple_market_prices(self._symbols)
        unusable = [quote.symbol for quote in quotes if not _is_two_sided(quote)]
        if unusable:
            raise _Finding(
                f"no bid and ask for {', '.join(unusable)}",
                "subscribe to their exchanges, log out competing sessions, or wait for the open",
            )
        stale = sorted({q.quality.value for q in quotes if q.quality is not QuoteQuality.LIVE})
        if stale:
            raise _Finding(
                f"quotes are {', '.join(stale)}: good for previews only",
                "subscribe to live data for the API, or set trading.allow_delayed_quotes",
                Verdict.WARNING,
            )
        return f"{len(quotes)} live quotes"

    async def _contracts(self) -> str:
        instruments = await self._broker.get_instruments(self._symbols)
        return f"{len(instruments)} symbols, each with one contract"

    async def _allocations(self) -> str:
        service = create_allocation_service(self._job.settings)
        try:
            target = await service.get_target(self._account)
            weights = validate_allocations(target.items).weights
        except (AllocationSourceError, AllocationError, ReplacementError) as error:
            raise _Finding(
                str(error), "correct strategy_name, ALLOCATIONS_BASE_URL or ALLOCATIONS_API_KEY"
            ) from error
        # What a run asks the broker for, and as it spells it.
        self._symbols = [symbol for symbol, weight in weights.items() if weight]
        return f"{target.strategy}: {len(target.items)} lines as of {target.as_of or 'unknown'}"

    async def _clock(self) -> str:
        if not isinstance(self._broker, TellsTime):
            return "the broker does not tell its time"
        difference = await self._broker.server_time() - datetime.now(UTC)
        if abs(difference) > CLOCK_TOLERANCE:
            raise _Finding(
                f"this machine is {abs(difference).total_seconds():.0f} s away from the broker",
                "synchronise this machine's clock (NTP)",
                Verdict.WARNING,
            )
        return f"within {CLOCK_TOLERANCE.total_seconds():g} s of the broker's"


async def _check(name: str, look: Callable[[], Awaitable[str]]) -> Check:
    try:
        return Check(name=name, verdict=Verdict.OK, detail=await look())
    except _Finding as finding:
        return Check(name=name, verdict=finding.verdict, detail=finding.detail, fix=finding.fix)
    except (BrokerAPIError, BrokerConnectionError) as error:
        return Check(
            name=name,
            verdict=Verdict.FAILED,
            detail=str(error),
            fix="see the gateway's own message",
        )


def _skipped(name: str) -> Check:
    return Check(name=name, verdict=Verdict.SKIPPED, detail="needs the checks above")


def _is_two_sided(quote: ContractPrice) -> bool:
    return quote.bid is not None and quote.ask is not None and quote.bid <= quote.ask
