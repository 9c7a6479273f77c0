"""Whether an operation may touch its account, asked when the gateway has told its own accounts.

Commands look at the settings before anything is started. This looks again, with the login's real
accounts, where no caller can go around it: a session is not handed out before. It sends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.settings import Settings, disagreement
from broker_connector_base import AccountConfig, BrokerClient

from .messages import AccountJob


class NotPermitted(Exception):
    """Settings, account and gateway do not go together; nothing was sent."""


async def require_permission(job: AccountJob, broker: BrokerClient) -> None:
    """Raise `NotPermitted` unless the job's operation may go on at this gateway."""
    check_permission(job.settings, job.account, await broker.get_accounts())


def check_permission(
    settings: Settings, account: AccountConfig, gateway_accounts: Sequence[str]
) -> None:
    """Raise `NotPermitted` unless the account may be looked at through this gateway."""
    found = disagreement(settings, account, gateway_accounts)
    if found is not None:
        raise NotPermitted(f"{found.what}; {found.fix}. Nothing was sent.")
