"""Why a rebalance stopped.

Once an order may exist a run never raises: it ends with a `RunResult` that tells what was traded.
"""

from __future__ import annotations

from collections.abc import Callable

from broker_connector_base.models import RunStatus

Permit = Callable[[], None]
"""Asked before each order of a run; raises `PermitWithdrawn` when none may be sent any longer."""


class PermitWithdrawn(Exception):
    """Whoever started the run may not trade the account any longer, for example because it was
    silent for so long that somebody else may have taken over. What was about to be sent was not.
    """


def always_permitted() -> None:
    """The permit of a run that nobody else can take over."""


class RebalanceStopped(Exception):
    """The account cannot be rebalanced as it is; no order was placed.

    `status` is FAILED when trying again later may work, NEEDS_ATTENTION when a person must act.
    """

    def __init__(self, message: str, *, status: RunStatus = RunStatus.NEEDS_ATTENTION) -> None:
        super().__init__(message)
        self.status = status
