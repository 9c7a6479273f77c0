"""`IBKRRebalancer`: the shared rebalance over an `IBKRClient`.

Comes in: a client and what a rebalance needs besides. Goes out: previews and runs, as `Rebalancer`
describes them. It adds nothing to the rules: what is special about IB is in the client, and the
workflow's defaults are IB's commissions already.
"""

from __future__ import annotations

from rebalance_workflow import AllocationService, Rebalancer, ReplacementService

__all__ = ["AllocationService", "IBKRRebalancer", "ReplacementService"]


class IBKRRebalancer(Rebalancer):
    """Rebalances accounts at Interactive Brokers."""
