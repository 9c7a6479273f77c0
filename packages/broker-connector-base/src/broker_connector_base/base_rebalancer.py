"""What every rebalancer is: a broker session and two verbs, preview and execute."""

from __future__ import annotations

from abc import ABC, abstractmethod

from .base_client import BrokerClient
from .models import AccountConfig, CalculateRebalanceResult, RebalanceResult


class BaseRebalancer(ABC):
    """Rebalances accounts through one broker session; the session is the caller's to open and
    close.
    """

    def __init__(self, broker_client: BrokerClient) -> None:
        self.broker = broker_client

    @abstractmethod
    async def rebalance_account(self, account_config: AccountConfig) -> RebalanceResult:
        """Trade the account to its target allocation."""

    @abstractmethod
    async def calculate_rebalance(self, account_config: AccountConfig) -> CalculateRebalanceResult:
        """Say what `rebalance_account` would trade; sends no order."""
