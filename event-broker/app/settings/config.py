"""`config.yaml`: how to talk to the broker and how to trade, with ranges and reasons.

Every key is optional. Keys that once stood for sleeps, polling or crude cost rates are accepted
with a notice that says what took their place; other unknown keys are refused.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from broker_connector_base.values import Number, Value

from .complaints import WEB_ADDRESS
from .errors import SettingsError
from .opening_times import late_times
from .paper import PaperConfig, missing_files
from .service_sections import GatesConfig, NotificationsConfig, PdtConfig, SchedulerConfig
from .yaml_file import Location, YamlDocument

_EVENTS = "waiting is on the broker's own events now"

#: Keys without a successor; a section name stands for everything below it.
RETIRED: dict[Location, str] = {
    ("ibkr", "market_data_retry_delay_seconds"): _EVENTS,
    ("ibkr", "market_data_max_retries"): _EVENTS,
    ("trading", "order_status_check_interval_seconds"): _EVENTS,
    ("trading", "commission_rate"): "use trading.commission",
    ("trading", "max_account_utilization"): "use cash_reserve_percent in accounts.yaml",
    ("replacement",): "weights are replaced exactly as replacement-sets.yaml says, or refused",
}


class Ports(Value):
    """Gateway ports when IB_PORT is not set."""

    #: Of live logins.
    live_internal: int = Field(default=4003, ge=1, le=65535)
    #: Of paper logins.
    paper_internal: int = Field(default=4004, ge=1, le=65535)


class IbkrConfig(Value):
    """The session with the gateway; times in seconds."""

    #: How long an answer of the gateway may take.
    request_timeout_seconds: float = Field(default=10, ge=5, le=60)
    #: How long connecting and logging in may take.
    connection_timeout_seconds: float = Field(default=10, ge=5, le=60)
    #: How long an order may go without a word before the gateway's lists are asked for it.
    acknowledgement_timeout_seconds: float = Field(default=5, ge=2, le=60)
    #: How old a quote may be to serve one more account of a strategy preview; runs ask anew.
    price_cache_ttl_seconds: float = Field(default=30, ge=10, le=300)
    #: 1 live, 2 frozen, 3 delayed, 4 delayed-frozen (IBKR reqMarketDataType).
    market_data_type: int = Field(default=1, ge=1, le=4)
    ports: Ports = Ports()


class CommissionConfig(Value):
    """What an order is expected to cost, in the account's currency (IBKR Pro, fixed)."""

    #: For each share.
    per_share: Number = Field(default=Decimal("0.005"), ge=0, le=1)
    #: For each order.
    minimum: Number = Field(default=Decimal(1), ge=0, le=100)
    #: Percent of the order's value that a commission never exceeds.
    percent_cap: Number = Field(default=Decimal(1), gt=0, le=100)


class TradingConfig(Value):
    """How orders are sized and sent; the names are those of the workflow's `RebalancePolicy`."""

    #: Cash that every account keeps, besides its cash_reserve_percent.
    minimum_cash_reserve_usd: Number = Field(default=Decimal(100), ge=0, le=1000)
    #: Of buys; sells are market orders for the day.
    order_tif: Literal["DAY", "GTC", "IOC"] = "DAY"
    #: Buys are limited to the ask plus so many percent.
    buy_slippage_percent: Number = Field(default=Decimal("0.5"), ge=Decimal("0.1"), le=5)
    #: A target missed by less than so many percentage points of weight is left alone.
    allocation_threshold_percent: Number = Field(default=Decimal("0.5"), ge=Decimal("0.1"), le=5)
    #: How long orders may work before they are cancelled.
    order_timeout_seconds: float = Field(default=300, ge=60, le=600)
    #: Smallest order by value, account currency.
    minimum_trade_value: Number = Field(default=Decimal(0), ge=0, le=10000)
    commission: CommissionConfig = CommissionConfig()
    #: Trade on delayed or frozen quotes; previews always may.
    allow_delayed_quotes: bool = False
    #: Orders in an affected symbol that no rebalance placed: stop, or cancel those of this session.
    foreign_orders: Literal["stop", "cancel"] = "stop"

    @field_validator("order_tif", mode="before")
    @classmethod
    def _has_no_end_date(cls, value: object) -> object:
        if value == "GTD":
            raise ValueError("GTD needs an end date, which cannot be given: use DAY, GTC or IOC")
        return value


class ExecutorConfig(Value):
    """How many accounts run at the same time, and how a service ends."""

    #: One gateway takes 32 clients (TWS API guide, "Connection"); the default leaves some seats for
    #: people and for views.
    max_workers: int = Field(default=24, ge=1, le=64)
    #: How long runs may go on after the service was told to end, before they are told so too.
    shutdown_grace_seconds: float = Field(default=30, ge=0, le=900)


class EventsConfig(Value):
    """Which messages still mean something."""

    #: A signal of this morning is not one for this afternoon; a restart of an hour is survived.
    max_age_minutes: int = Field(default=60, ge=1, le=4320)


class RetryConfig(Value):
    """When an event that failed for a passing reason is tried again; each time twice as late."""

    #: As long as a gateway that lost its connection usually takes to be back.
    first_delay_seconds: float = Field(default=15, ge=1, le=600)
    #: Short enough that a gateway that is back in the morning is seen before the open.
    longest_delay_seconds: float = Field(default=600, ge=1, le=86_400)


class ApiConfig(Value):
    """The allocation service."""

    #: How long the answer may take.
    allocation_timeout_seconds: float = Field(default=30, ge=1, le=300)


class AllocationsConfig(Value):
    """The first generation's place for the address; ALLOCATIONS_BASE_URL wins."""

    #: The address.
    base_url: str | None = Field(default=None, pattern=WEB_ADDRESS)


class Config(Value):
    """The whole file."""

    ibkr: IbkrConfig = IbkrConfig()
    trading: TradingConfig = TradingConfig()
    paper: PaperConfig = PaperConfig()
    pdt_protection: PdtConfig = PdtConfig()
    scheduler: SchedulerConfig = SchedulerConfig()
    executor: ExecutorConfig = ExecutorConfig()
    events: EventsConfig = EventsConfig()
    retry: RetryConfig = RetryConfig()
    gates: GatesConfig = GatesConfig()
    notifications: NotificationsConfig = NotificationsConfig()
    api: ApiConfig = ApiConfig()
    allocations: AllocationsConfig = AllocationsConfig()


def read_config(path: Path) -> tuple[Config, tuple[str, ...]]:
    """The configuration and notices about retired keys; an absent file is all defaults."""
    if not path.exists():
        return Config(), ()
    document = YamlDocument(path, missing_hint="")
    data: Any = {} if document.data is None else document.data
    if not isinstance(data, dict):
        raise SettingsError([document.problem((), "expected sections such as `trading:`")])
    notices = []
    for location, successor in RETIRED.items():
        if _remove(data, location):
            notices.append(document.problem(location, f"no longer does anything: {successor}"))
    # A section whose keys are all commented out is written `trading:` and read as null.
    sections = {name: value for name, value in data.items() if value is not None}
    config = document.parse(Config, sections)
    problems = missing_files(config.paper, document, path.parent) + late_times(config, document)
    if problems:
        raise SettingsError(problems)
    return config, tuple(notices)


def _remove(data: dict[str, Any], location: Location) -> bool:
    section: Any = data
    for key in location[:-1]:
        section = section.get(key) if isinstance(section, dict) else None
    if not isinstance(section, dict) or location[-1] not in section:
        return False
    del section[location[-1]]
    return True
