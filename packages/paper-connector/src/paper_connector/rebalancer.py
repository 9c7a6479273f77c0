"""`PaperRebalancer`: the shared rebalance over a `PaperClient`.

Comes in: a client and what a rebalance needs besides. Goes out: previews and runs, as `Rebalancer`
describes them. What is special about paper is in the client; only the costs that a plan reckons
with are those that the paper broker charges.
"""

from __future__ import annotations

from decimal import Decimal

from rebalance_calculator import CommissionModel
from rebalance_workflow import RebalancePolicy, Rebalancer
from simulated_exchange.paper import PaperSettings

#: Dear enough a share to reach any cap.
_DEAR = Decimal(10**9)


class PaperRebalancer(Rebalancer):
    """Rebalances paper accounts; give it a policy that was made with `paper_policy`."""


def paper_policy(policy: RebalancePolicy, settings: PaperSettings) -> RebalancePolicy:
    """The policy with the commission of a paper account: a plain fraction of each order's value."""
    commission = CommissionModel()
    if settings.commission_rate:
        # A model that is always at its cap charges the cap's percentage of the value.
        commission = CommissionModel(per_share=_DEAR, percent_cap=settings.commission_rate * 100)
    return policy.model_copy(update={"commission": commission})
