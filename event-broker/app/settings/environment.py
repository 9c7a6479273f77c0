"""Environment variables and `.env`: secrets and the address of the gateway.

The process environment wins over `.env`; an empty value counts as not set. Names in `.env` that
nobody reads are refused, since a misspelt `IB_PORT` must not end up on the default port.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, SecretStr, ValidationError, field_validator

from broker_connector_base.values import Value

from .complaints import WEB_ADDRESS, validate
from .env_file import read_env_file
from .errors import SettingsError
from .times import DayTime, TimeZone

#: Names of the first generation, each with what stands in its place.
RETIRED = {
    "ZEHNLABS_FINTECH_API_KEY": "use ALLOCATIONS_API_KEY",
    "ORDER_TYPE": "sells are market orders, buys are limit orders",
    "TIME_IN_FORCE": "use trading.order_tif in config.yaml",
    "EXTENDED_HOURS_ENABLED": "orders are sent for regular hours only",
}


class TradingMode(StrEnum):
    """Where orders go: the embedded simulator, IBKR's paper system or the market."""

    SIMULATION = "simulation"
    PAPER = "paper"
    LIVE = "live"


class Environment(Value):
    """Every variable that the product, its containers or its tools read."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=str.upper)

    #: Where orders go: the embedded simulator, IBKR's paper system or the market.
    trading_mode: TradingMode = TradingMode.SIMULATION
    #: The machine of IB Gateway or TWS.
    ib_host: str = "127.0.0.1"
    #: Defaults to the mode's port of config.yaml.
    ib_port: int | None = Field(default=None, ge=1, le=65535)
    #: The gateway container's login; the service does not read it.
    ib_username: str | None = None
    #: As above.
    ib_password: SecretStr | None = None
    #: The allocation service: GET {base}/{strategy}/allocations.
    allocations_base_url: str | None = Field(default=None, pattern=WEB_ADDRESS)
    #: Sent to it as x-api-key.
    allocations_api_key: SecretStr | None = None
    #: The service's store; a SQLite file of the mode when not set. Its password makes it a secret.
    database_url: SecretStr | None = None
    #: The key for Ably. Without one nothing is subscribed to.
    realtime_api_key: SecretStr | None = None
    #: Another name for REALTIME_API_KEY, which containers of the predecessor pass it by.
    rebalance_event_subscription_api_key: SecretStr | None = None
    #: Where Ably is, when it is not the public one; may be host:port.
    ably_endpoint: str | None = None
    #: For history, when it is another host than for events.
    ably_rest_endpoint: str | None = None
    #: When it is not the usual one.
    ably_rest_port: int | None = Field(default=None, ge=1, le=65535)
    #: False for a stand-in on a network of its own, with nothing secret.
    ably_tls: bool = True
    #: Seconds of history that Ably surely keeps. Two minutes is what every channel has; three days
    #: is the most that can be bought (ably.com/docs/storage-history/storage).
    ably_history_retention: int = Field(default=120, ge=60, le=259_200)
    #: May change things through the API. Without it nobody may.
    management_api_key: SecretStr | None = None
    #: May only look. Without it, anybody who reaches the API may look.
    management_read_api_key: SecretStr | None = None
    #: Loopback, because whoever reaches the API may try keys.
    api_host: str = "127.0.0.1"
    #: When it is not set: 8000 for the roles api and all, and any free one for those that answer
    #: probes alone, so that they may share a machine. 0 takes any free one.
    api_port: int | None = Field(default=None, ge=0, le=65535)
    #: Addresses of apprise, separated by blanks or commas; they carry tokens.
    notification_urls: SecretStr | None = None
    #: When the gateway restarts every day; around it nothing is begun.
    auto_restart_time: DayTime | None = None
    #: The time zone of the gateway's container, for the restart.
    time_zone: TimeZone = "Etc/UTC"
    #: The gateway container's; without it there is no VNC.
    vnc_password: SecretStr | None = None
    #: The predecessor's switch for its ntfy channel.
    user_notifications_enabled: bool = False
    #: The channel.
    user_notifications_channel: str | None = None
    #: The ntfy server, when it is not ntfy.sh.
    user_notifications_server_url: str | None = None
    #: From which level on lines are written to the log.
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    #: For docker-compose.yaml: what `docker compose up -d` starts.
    compose_profiles: str | None = None
    #: For docker-compose.yaml: the gateway's image.
    ib_gateway_image: str | None = None
    #: For docker-compose.yaml: of the database's container.
    postgres_password: SecretStr | None = None

    @field_validator("database_url")
    @classmethod
    def _names_a_database_that_is_known(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(("sqlite:///", "postgresql://")):
            raise ValueError("should begin with sqlite:/// or postgresql://")
        return value

    @property
    def ably_key(self) -> SecretStr | None:
        """The key of the realtime service, by either name."""
        return self.realtime_api_key or self.rebalance_event_subscription_api_key

    def secrets(self) -> tuple[str, ...]:
        """The values that must never be shown or logged."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(v.get_secret_value() for v in values if isinstance(v, SecretStr))


def read_environment(
    env_file: Path, variables: Mapping[str, str]
) -> tuple[Environment, tuple[str, ...]]:
    """The environment and notices about names that no longer do anything."""
    lines, problems = read_env_file(env_file)
    known = {field.upper() for field in Environment.model_fields}
    sources = {name: f"{env_file.name}:{entry.line}: {name}" for name, entry in lines.items()}
    notices = [
        f"{sources[name]} no longer does anything: {RETIRED[name]}"
        for name in lines
        if name in RETIRED
    ]
    problems += [
        f"{source}: unknown name{_suggestion(name, known)}"
        for name, source in sources.items()
        if name not in known and name not in RETIRED
    ]
    values: dict[str, Any] = {name: entry.value for name, entry in lines.items() if name in known}
    for name in known & variables.keys():
        values[name] = variables[name]
        sources[name] = f"environment variable {name}"
    try:
        environment = validate(Environment, {k: v for k, v in values.items() if v != ""})
    except ValidationError as error:
        # The value is left out of the message: it may be a secret pasted into the wrong line.
        problems += [
            f"{sources[str(detail['loc'][0])]}: {detail['msg']}" for detail in error.errors()
        ]
    if problems:
        raise SettingsError(problems)
    return environment, tuple(notices)


def _suggestion(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
