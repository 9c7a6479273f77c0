"""The ground that every command stands on: settings, accounts, gateway.

Settings are read and checked first, so bad input touches nothing. Then the fork server and, in
simulation, the embedded simulator are started in the background, while the command's own modules
are still being loaded. Only what that takes is imported here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app import fork_server, simulation
from app.account_process.messages import Address
from app.settings import (
    Settings,
    SettingsError,
    TradingMode,
    disagreement,
    is_on_paper,
    load_settings,
    processed_accounts,
    require_allocations,
    select_account,
    select_followers,
)
from broker_connector_base.models import AccountConfig

from .outcome import CommandFailed, ExitCode, say
from .state import prepare_state, state_needed

#: They may name an account, and do nothing with it at a gateway.
_ABOUT_THE_STORE = frozenset({"pause", "resume"})


@dataclass(frozen=True, kw_only=True)
class Session:
    """Settings and accounts of one command, and the way to its gateway."""

    arguments: argparse.Namespace
    settings: Settings
    #: The account of the arguments, or those of its strategy; for a command that needs neither, all
    #: that the mode processes.
    accounts: tuple[AccountConfig, ...]
    address: Future[Address]

    @property
    def quiet(self) -> bool:
        """Whether a program reads the output."""
        return bool(self.arguments.json)

    def gateway(self) -> Address:
        """The gateway's address, once there is one; raises `CommandFailed`."""
        try:
            with state_needed(self.settings):
                return self.address.result()
        except simulation.SimulationError as error:
            raise CommandFailed.because(error) from error


def read_settings(variables: Mapping[str, str]) -> Settings:
    """The settings of the home directory; raises `CommandFailed`."""
    with _bad_input():
        return load_settings(home_of(variables), variables)


def home_of(variables: Mapping[str, str]) -> Path:
    """Where the configuration files are: REBALANCER_HOME, or the working directory."""
    return Path(variables.get("REBALANCER_HOME") or Path.cwd()).resolve()


@contextmanager
def open_session(arguments: argparse.Namespace, settings: Settings) -> Iterator[Session]:
    """The session of one command; the simulator is kept running for the block if it is used."""
    with _bad_input():
        accounts = _accounts(arguments, settings)
    if getattr(arguments, "reset_demo", False):
        _reset_demo(settings)
    if accounts:
        prepare_state(settings)
        fork_server.start(settings.allocations_url)
    with _gateway(settings, needed=not all(map(is_on_paper, accounts))) as address:
        yield Session(arguments=arguments, settings=settings, accounts=accounts, address=address)


def _accounts(arguments: argparse.Namespace, settings: Settings) -> tuple[AccountConfig, ...]:
    if arguments.command == "doctor":
        # The doctor shows a disagreement among its findings.
        if arguments.account is None:
            return processed_accounts(settings)
        return (select_account(settings, arguments.account),)
    if arguments.command == "plan":
        require_allocations(settings)
        return select_followers(settings, arguments.strategy)
    if arguments.account is None or arguments.command in _ABOUT_THE_STORE:
        return ()
    account = select_account(settings, arguments.account)
    if arguments.command == "rebalance":
        require_allocations(settings)
    contradiction = disagreement(settings, account)
    if contradiction is not None:
        raise SettingsError([f"{contradiction.what}; {contradiction.fix}. Nothing was sent."])
    return (account,)


@contextmanager
def _gateway(settings: Settings, *, needed: bool) -> Iterator[Future[Address]]:
    address: Future[Address] = Future()
    if not needed or settings.mode is not TradingMode.SIMULATION:
        address.set_result(Address(settings.environment.ib_host, settings.gateway_port))
        yield address
        return
    with ThreadPoolExecutor(1) as background:
        lease = background.submit(simulation.acquire, settings.simulator_directory)
        try:
            yield background.submit(lambda: Address(*lease.result().address))
        finally:
            if lease.exception() is None:
                lease.result().close()


def _reset_demo(settings: Settings) -> None:
    if settings.mode is not TradingMode.SIMULATION:
        raise CommandFailed(
            f"--reset-demo is for TRADING_MODE=simulation, not {settings.mode}",
            kind="SettingsError",
            exit_code=ExitCode.BAD_INPUT,
        )
    try:
        with state_needed(settings):
            simulation.reset(
                settings.simulator_directory,
                settings.state_directory,
                locks=settings.lock_directory,
            )
    except simulation.SimulationError as error:
        raise CommandFailed.because(error) from error
    say("The demo accounts are as they were at first.")


@contextmanager
def _bad_input() -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        raise CommandFailed.because(error, ExitCode.BAD_INPUT) from error
