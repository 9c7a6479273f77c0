"""Whether an operation may touch its account, asked when the gateway has told its own accounts.

Commands look at the settings before anything is started. This looks again, with the login's real
accounts, where no caller can go around it: a session is not handed out before. It sends nothing.
"""

from __future__ import annotations

from app.settings import disagreement, unenforced_guard
from broker_connector_base import BrokerClient

from .messages import AccountJob, Operation


class NotPermitted(Exception):
    """Settings, account and gateway do not go together; nothing was sent."""


async def require_permission(job: AccountJob, broker: BrokerClient) -> None:
    """Raise `NotPermitted` unless the job's operation may go on at this gateway."""
    found = disagreement(job.settings, job.account, await broker.get_accounts())
    if found is None and job.operation is Operation.REBALANCE:
        found = unenforced_guard(job.settings, job.account)
    if found is not None:
        raise NotPermitted(f"{found.what}; {found.fix}. Nothing was sent.")
