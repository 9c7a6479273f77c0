"""The target allocation of an account: fetched, checked, and with its replacements applied.

Comes in: an account's configuration. Goes out: what the account shall hold, ready for the planner.
It never trades and never changes a weight except by the account's own replacement set.
"""

from __future__ import annotations

from broker_connector_base.models import AccountConfig, AllocationItem
from rebalance_calculator import validate_allocations

from .allocation_sources import AllocationSource, TargetAllocation
from .replacement_service import ReplacementService


class AllocationService:
    """Asks a source for allocations on behalf of accounts."""

    def __init__(
        self, source: AllocationSource, replacements: ReplacementService | None = None
    ) -> None:
        self._source = source
        self._replacements = replacements or ReplacementService({})

    async def get_allocations(self, account_config: AccountConfig) -> list[AllocationItem]:
        """The lines of `get_target`."""
        return list((await self.get_target(account_config)).items)

    async def get_target(self, account_config: AccountConfig) -> TargetAllocation:
        """The account's allocation, valid as published, with its replacement set applied.

        Raises `AllocationSourceError`, `AllocationError` or `ReplacementError`.
        """
        published = await self._source.fetch(account_config.strategy_name)
        validate_allocations(published.items)
        replaced = self._replacements.replace(published.items, account_config.replacement_set)
        return published.model_copy(update={"items": replaced.allocations, "notes": replaced.notes})
