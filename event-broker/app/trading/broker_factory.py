"""From an account's configuration to a broker session and its rebalancer.

This is the only module that names a connector, and connectors are optional: an installation
without one works for the accounts of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from app.settings import Settings, TradingMode, is_on_paper
from broker_connector_base import AccountConfig, BaseRebalancer, BrokerClient
from rebalance_calculator import Replacement, ReplacementSet
from rebalance_workflow import (
    AllocationService,
    AllocationSource,
    AllocationSourceError,
    Clock,
    FileAllocationSource,
    FileJournal,
    HttpAllocationSource,
    Permit,
    ProgressEvent,
    RebalancePolicy,
    ReplacementService,
    RunJournal,
    SourceFault,
    SystemClock,
    TargetAllocation,
    always_permitted,
)
from rebalance_workflow.file_names import safe_file_name

try:
    import ibkr_connector
except ImportError as error:
    _ibkr_missing: ImportError | None = error
else:
    _ibkr_missing = None

try:
    import paper_connector
except ImportError as error:
    _paper_missing: ImportError | None = error
else:
    _paper_missing = None


class UnsupportedBroker(Exception):
    """No connector for the account's broker is installed; nothing was connected."""


def create_broker_client(
    account_config: AccountConfig,
    client_id: int,
    *,
    settings: Settings,
    host: str,
    port: int,
    clock: Clock | None = None,
) -> BrokerClient:
    """A session for the account, not yet connected; raises `UnsupportedBroker`."""
    _require(account_config)
    now = (clock or SystemClock()).now
    if is_on_paper(account_config):
        return paper_connector.PaperClient(client_id, _paper_broker(account_config, settings, now))
    ibkr = settings.config.ibkr
    return ibkr_connector.IBKRClient(
        client_id,
        host=host,
        port=port,
        request_timeout_seconds=ibkr.request_timeout_seconds,
        connection_timeout_seconds=ibkr.connection_timeout_seconds,
        acknowledgement_timeout_seconds=ibkr.acknowledgement_timeout_seconds,
        market_data_type=ibkr.market_data_type,
        price_cache_ttl_seconds=ibkr.price_cache_ttl_seconds,
        contract_cache=ibkr_connector.ContractCache(settings.state_directory / "contracts.json"),
        clock=now,
    )


def create_rebalancer(
    account_config: AccountConfig,
    broker_client: BrokerClient,
    allocation_source: AllocationSource,
    *,
    journal: RunJournal,
    settings: Settings,
    progress: Callable[[ProgressEvent], None],
    clock: Clock | None = None,
    permit: Permit = always_permitted,
) -> BaseRebalancer:
    """The rebalancer that trades through `broker_client`; raises `UnsupportedBroker`."""
    _require(account_config)
    make = (
        paper_connector.PaperRebalancer
        if is_on_paper(account_config)
        else ibkr_connector.IBKRRebalancer
    )
    return make(
        broker_client,
        allocation_source=allocation_source,
        policy=create_policy(settings, account_config),
        journal=journal,
        replacement_sets=_replacement_sets(settings),
        progress=progress,
        clock=clock,
        permit=permit,
    )


def create_policy(settings: Settings, account_config: AccountConfig) -> RebalancePolicy:
    """How accounts are traded that share this account's session."""
    policy = RebalancePolicy.model_validate(settings.config.trading.model_dump())
    if not is_on_paper(account_config):
        return policy
    return paper_connector.paper_policy(policy, _paper_settings(settings))


def session_name(account_config: AccountConfig) -> str:
    """The same for accounts that one session can serve: paper accounts have each their own."""
    broker = account_config.broker.lower()
    return f"{broker}/{account_config.account_id}" if is_on_paper(account_config) else broker


def create_journal(settings: Settings) -> FileJournal:
    """The record of this machine's runs in the mode, one file an account."""
    return FileJournal(settings.journal_directory)


def create_allocation_service(
    settings: Settings, source: AllocationSource | None = None
) -> AllocationService:
    """What accounts shall hold, with their replacement sets applied."""
    return AllocationService(
        source or create_allocation_source(settings),
        ReplacementService(_replacement_sets(settings)),
    )


def create_allocation_source(settings: Settings) -> AllocationSource:
    """Where allocations come from: the allocation service, or the demo's files."""
    if settings.allocations_url is None:
        if settings.mode is not TradingMode.SIMULATION:
            return _NoAllocationSource()
        return FileAllocationSource(settings.home / "demo" / "allocations")
    key = settings.environment.allocations_api_key
    return HttpAllocationSource(
        settings.allocations_url,
        key.get_secret_value() if key else "",
        timeout_seconds=settings.config.api.allocation_timeout_seconds,
    )


def allocations_origin(settings: Settings) -> str:
    """Where allocations come from, for people; without what an address may hold of a login."""
    if settings.allocations_url is None:
        return str(settings.home / "demo" / "allocations")
    address = urlsplit(settings.allocations_url)
    return address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()


class _NoAllocationSource:
    """Answers with what is missing: the demo's targets are for the demo's accounts."""

    async def fetch(self, strategy_name: str) -> TargetAllocation:
        raise AllocationSourceError(
            SourceFault.NOT_FOUND,
            f"nobody can be asked for {strategy_name}: ALLOCATIONS_BASE_URL is not set",
        )


def _replacement_sets(settings: Settings) -> dict[str, ReplacementSet]:
    return {
        name: ReplacementSet(
            replacements=tuple(Replacement.model_validate(rule.model_dump()) for rule in rules)
        )
        for name, rules in settings.replacement_sets.items()
    }


def _paper_broker(
    account_config: AccountConfig, settings: Settings, now: Callable[[], datetime]
) -> paper_connector.PaperBroker:
    account_id, paper = account_config.account_id, settings.config.paper
    quotes: paper_connector.Quotes = paper_connector.QuoteTape(settings.home / paper.quotes)
    if paper.quotes == "moving":
        quotes = paper_connector.MovingQuotes()
    elif paper.quotes == "standing":
        quotes = paper_connector.StandingQuotes()
    return paper_connector.paper_broker(
        settings.state_directory / "paper" / safe_file_name(account_id),
        account_id,
        _paper_settings(settings),
        scenario="demo" if paper.market == "demo" else settings.home / paper.market,
        quotes=quotes,
        now=now,
    )


def _paper_settings(settings: Settings) -> paper_connector.PaperSettings:
    paper = settings.config.paper
    return paper_connector.PaperSettings(
        initial_balance=paper.initial_balance,
        latency_ms=paper.latency_ms,
        slippage_model=paper_connector.SlippageModel(paper.slippage_model),
        slippage_value=paper.slippage_value,
        commission_rate=paper.commission_rate,
    )


def _require(account_config: AccountConfig) -> None:
    account_id, broker = account_config.account_id, account_config.broker.lower()
    missing = {"ibkr": _ibkr_missing, "paper": _paper_missing}
    if broker not in missing:
        raise UnsupportedBroker(
            f"account {account_id}: there is no broker {account_config.broker!r}; "
            f"supported: {', '.join(missing)}"
        )
    if missing[broker] is not None:
        raise UnsupportedBroker(
            f"account {account_id} needs the {broker}-connector package, which cannot be loaded "
            f"({missing[broker]}); run tools/setup.sh"
        )
