"""All of the configuration as one frozen value: files and environment in, `Settings` out.

Everything that is wrong in any of the files is reported at once. Nothing here connects anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from broker_connector_base.models import AccountConfig
from broker_connector_base.values import Value

from .accounts import read_accounts
from .config import Config, read_config
from .environment import Environment, TradingMode, read_environment
from .errors import SettingsError
from .replacement_sets import ReplacementRule, read_replacement_sets

_Result = TypeVar("_Result")


class Settings(Value):
    """The configuration of one installation."""

    #: The directory that holds the files, `data/` and `demo/`.
    home: Path
    environment: Environment
    config: Config
    accounts: tuple[AccountConfig, ...]
    replacement_sets: dict[str, tuple[ReplacementRule, ...]]
    #: Deprecations and retired keys, one line each.
    notices: tuple[str, ...] = ()

    @property
    def mode(self) -> TradingMode:
        """Where orders go."""
        return self.environment.trading_mode

    @property
    def account_type(self) -> str:
        """The `type` of the accounts that this mode processes."""
        return "live" if self.mode is TradingMode.LIVE else "paper"

    @property
    def gateway_port(self) -> int:
        """The real gateway's port; meaningless in simulation."""
        ports = self.config.ibkr.ports
        default = ports.live_internal if self.mode is TradingMode.LIVE else ports.paper_internal
        return self.environment.ib_port or default

    @property
    def allocations_url(self) -> str | None:
        """Base address of the allocation service; None means the demo files (simulation only)."""
        return self.environment.allocations_base_url or self.config.allocations.base_url

    @property
    def data_directory(self) -> Path:
        """Everything that is kept between commands."""
        return self.home / "data"

    @property
    def state_directory(self) -> Path:
        """Journal, locks and caches of this mode: what is true of one gateway is not of another."""
        return self.data_directory / self.mode.value

    @property
    def database_url(self) -> str:
        """The store of events; in simulation and paper mode as apart from live as all state is."""
        given = self.environment.database_url
        if given is not None:
            return given.get_secret_value()
        return f"sqlite:///{self.state_directory / 'events.db'}"

    @property
    def store_is_shared(self) -> bool:
        """Whether other machines may use the store as well."""
        return not self.database_url.startswith("sqlite")

    @property
    def journal_directory(self) -> Path:
        """The record of the mode's runs, as long as the store is not shared."""
        return self.state_directory / "journal"

    @property
    def lock_directory(self) -> Path:
        """One lock an account."""
        return self.state_directory / "locks"

    @property
    def simulator_directory(self) -> Path:
        """The embedded simulator's own state."""
        return self.data_directory / "simulator"

    @property
    def calendar_directory(self) -> Path:
        """The exchange's sessions, which are the same in every mode."""
        return self.data_directory / "market"

    @property
    def client_ids_file(self) -> Path:
        """The client id of each account, as long as the store is not shared."""
        return self.data_directory / "client-ids.json"

    @property
    def log_directory(self) -> Path:
        """One log file a mode."""
        return self.data_directory / "logs"


def load_settings(home: Path, variables: Mapping[str, str]) -> Settings:
    """Read every file under `home`; raises `SettingsError` with all problems found."""
    problems: list[str] = []

    def attempt(read: Callable[..., _Result], *arguments: Any) -> _Result | None:
        try:
            return read(*arguments)
        except SettingsError as error:
            problems.extend(error.problems)
            return None

    environment = attempt(read_environment, home / ".env", variables)
    config = attempt(read_config, home / "config.yaml")
    sets = attempt(read_replacement_sets, home / "replacement-sets.yaml")
    accounts = attempt(read_accounts, home / "accounts.yaml", sets)
    if environment is None or config is None or accounts is None or sets is None:
        raise SettingsError(problems)
    return Settings(
        home=home,
        environment=environment[0],
        config=config[0],
        accounts=accounts[0],
        replacement_sets=sets,
        notices=(*environment[1], *config[1], *accounts[1]),
    )


def processed_accounts(settings: Settings) -> tuple[AccountConfig, ...]:
    """The enabled accounts of the mode's type, in the file's order."""
    return tuple(a for a in settings.accounts if a.enabled and a.type == settings.account_type)


def select_account(settings: Settings, account_id: str) -> AccountConfig:
    """The configured account that this mode may process; raises `SettingsError` naming the rest."""
    found = next((a for a in settings.accounts if a.account_id == account_id), None)
    if found is None:
        listed = ", ".join(account.account_id for account in settings.accounts)
        raise SettingsError([f"account {account_id} is not configured; accounts.yaml has {listed}"])
    if not found.enabled:
        raise SettingsError([f"account {account_id} is disabled in accounts.yaml (enabled: false)"])
    if found.type != settings.account_type:
        raise SettingsError(
            [
                f"account {account_id} is a {found.type} account and TRADING_MODE={settings.mode} "
                f"processes {settings.account_type} accounts only"
            ]
        )
    return found


def select_followers(settings: Settings, strategy_name: str) -> tuple[AccountConfig, ...]:
    """The processed accounts that follow a strategy; raises `SettingsError` when there are none."""
    followers = [a for a in settings.accounts if a.strategy_name == strategy_name]
    if not followers:
        known = ", ".join(sorted({account.strategy_name for account in settings.accounts}))
        raise SettingsError(
            [f"no account follows strategy {strategy_name}; accounts.yaml has {known}"]
        )
    processed = processed_accounts(settings)
    found = tuple(account for account in followers if account in processed)
    if not found:
        reasons = ", ".join(
            f"{a.account_id} is {f'a {a.type} account' if a.enabled else 'disabled'}"
            for a in followers
        )
        raise SettingsError(
            [
                f"TRADING_MODE={settings.mode} processes no account that follows strategy "
                f"{strategy_name}: {reasons}"
            ]
        )
    return found


def require_allocations(settings: Settings) -> None:
    """Raise `SettingsError` when nobody can be asked what accounts shall hold."""
    if settings.mode is not TradingMode.SIMULATION and settings.allocations_url is None:
        raise SettingsError(
            [f".env: ALLOCATIONS_BASE_URL is needed with TRADING_MODE={settings.mode}"]
        )
