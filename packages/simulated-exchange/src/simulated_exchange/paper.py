"""The settings of a paper-trading account.

Comes in: the few numbers that a user of paper trading knows. Goes out: a scenario with an account,
costs and delays to match. Never: prices; those are the scenario's.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from .policies import CommissionSchedule, LatencyModel
from .scenario import Scenario
from .slippage import Slippage, SlippageModel


@dataclass(frozen=True, kw_only=True, slots=True)
class PaperSettings:
    """Defaults are those of the paper-trading design: a plain account with visible costs."""

    #: in the account's base currency
    initial_balance: Decimal = Decimal(100_000)
    latency_ms: int = 50
    slippage_model: SlippageModel = SlippageModel.PERCENTAGE
    #: money a share for FIXED, else a fraction of the price
    slippage_value: Decimal = Decimal("0.0005")
    #: fraction of a trade's value, without minimum or cap
    commission_rate: Decimal = Decimal("0.001")

    def apply(self, scenario: Scenario, account_id: str, base_currency: str = "USD") -> Scenario:
        """The scenario under these settings, with this account instead of its own."""
        commissions = CommissionSchedule(
            per_share=Decimal(0), minimum=Decimal(0), rate=self.commission_rate, cap=Decimal(1)
        )
        account = {"cash": {base_currency: self.initial_balance}, "base_currency": base_currency}
        return replace(
            scenario,
            latency=LatencyModel.fixed(self.latency_ms / 1000),
            slippage=Slippage(model=self.slippage_model, value=self.slippage_value),
            commissions=commissions,
            accounts={account_id: account},
        )
