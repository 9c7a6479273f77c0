"""What all accounts of a strategy would trade: read through few sessions, planned together.

Comes in: a job that names the accounts. Goes out: a row for each of them. An account that may not
be touched, cannot be reached or cannot be read is a row with its reason; only without targets there
is no preview at all. Planning begins when the sessions are closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from app.trading.broker_factory import (
    UnsupportedBroker,
    create_allocation_service,
    create_allocation_source,
    create_broker_client,
    create_policy,
    session_name,
)
from broker_connector_base import AccountConfig, BrokerClient, BrokerError
from rebalance_workflow import AllocationService, Clock, asked_early
from rebalance_workflow.concurrency import all_of
from rebalance_workflow.strategy_preview import preview_strategy
from rebalance_workflow.strategy_reading import read_strategy
from rebalance_workflow.strategy_results import AccountRow, StrategyPreview, refused, totals_of

from .messages import StrategyJob
from .permission import NotPermitted, check_permission


async def plan_strategy(job: StrategyJob, clock: Clock) -> StrategyPreview:
    """Preview all accounts of the job; raises `AllocationSourceError` and `AllocationError`."""
    source = create_allocation_source(job.settings)
    # The allocation service is asked once, and answers while the gateway lets us in.
    async with asked_early(source, job.strategy_name) as early:
        allocations = create_allocation_service(job.settings, early)
        found = await all_of(
            _rows(job, accounts, allocations, clock) for accounts in _by_session(job.accounts)
        )
        target = await early.fetch(job.strategy_name)
    by_id = {row.account_id: row for row in chain.from_iterable(found)}
    rows = tuple(by_id[account.account_id] for account in job.accounts)
    return StrategyPreview(
        strategy=job.strategy_name,
        target=target,
        accounts=rows,
        totals=totals_of(rows),
        exact=job.exact,
        as_of=clock.now(),
    )


def _by_session(accounts: Sequence[AccountConfig]) -> list[list[AccountConfig]]:
    groups: dict[str, list[AccountConfig]] = {}
    for account in accounts:
        groups.setdefault(session_name(account), []).append(account)
    return list(groups.values())


async def _rows(
    job: StrategyJob,
    accounts: Sequence[AccountConfig],
    allocations: AllocationService,
    clock: Clock,
) -> list[AccountRow]:
    """A row for each account of one session."""
    try:
        broker = create_broker_client(
            accounts[0], job.client_id, settings=job.settings, host=job.host, port=job.port
        )
        try:
            await broker.connect()
            permitted, rows = await _permitted(job, accounts, broker)
            policy = create_policy(job.settings, accounts[0])
            reading = await read_strategy(broker, permitted, allocations=allocations, policy=policy)
        finally:
            await broker.disconnect()
    except (BrokerError, UnsupportedBroker) as error:
        return [refused(account, error) for account in accounts]
    return rows + preview_strategy(permitted, reading, now=clock.now(), exact=job.exact)


async def _permitted(
    job: StrategyJob, accounts: Sequence[AccountConfig], broker: BrokerClient
) -> tuple[list[AccountConfig], list[AccountRow]]:
    """The accounts that may be looked at here, and rows of those that may not."""
    permitted, rows = [], []
    gateway_accounts = await broker.get_accounts()
    for account in accounts:
        try:
            check_permission(job.settings, account, gateway_accounts)
        except NotPermitted as error:
            rows.append(refused(account, error))
        else:
            permitted.append(account)
    return permitted, rows
