"""Why a rebalance stopped before its first order.

Once an order may exist a run never raises: it ends with a `RunResult` that tells what was traded.
"""

from __future__ import annotations

from broker_connector_base.models import RunStatus


class RebalanceStopped(Exception):
    """The account cannot be rebalanced as it is; no order was placed.

    `status` is FAILED when trying again later may work, NEEDS_ATTENTION when a person must act.
    """

    def __init__(self, message: str, *, status: RunStatus = RunStatus.NEEDS_ATTENTION) -> None:
        super().__init__(message)
        self.status = status
