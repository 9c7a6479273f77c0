"""What a run tells while it works: small JSON-able values, one per step or order change."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import structlog

from broker_connector_base.order_states import OrderStatus
from broker_connector_base.values import NotNegative, Number, UtcTime, Value

from .clock import Clock

Progress = Callable[["ProgressEvent"], None]
"""Takes each event as it happens, on the event loop; must not block. Its errors are logged."""

_log = structlog.get_logger(__name__)


class Stage(StrEnum):
    """Where a run is."""

    READING = "reading"
    CLEARING = "clearing"
    RECOVERING = "recovering"
    PLANNING = "planning"
    SELLING = "selling"
    BUYING = "buying"
    SETTLING = "settling"
    RECONCILING = "reconciling"
    FINISHED = "finished"


class OrderProgress(Value):
    """One order as it stands."""

    client_order_id: str
    symbol: str
    #: Signed shares ordered.
    quantity: Number
    status: OrderStatus
    #: Unsigned shares.
    filled_quantity: NotNegative
    average_price: Number | None = None
    limit_price: Number | None = None
    message: str | None = None


class ProgressEvent(Value):
    """A step of a run, or, when `order` is set, a change of one of its orders."""

    run_id: str
    account_id: str
    at: UtcTime
    stage: Stage
    message: str | None = None
    order: OrderProgress | None = None


class Reporter:
    """Tells one run's progress to whoever listens."""

    def __init__(
        self, progress: Progress | None, *, run_id: str, account_id: str, clock: Clock
    ) -> None:
        self._progress = progress
        self._run_id = run_id
        self._account_id = account_id
        self._clock = clock
        self._stage = Stage.READING

    def stage(self, stage: Stage, message: str | None = None) -> None:
        """The run has come to a stage."""
        self._stage = stage
        self._tell(message, None)

    def order(self, progress: Callable[[], OrderProgress]) -> None:
        """An order has changed, to what `progress` says."""
        self._tell(None, progress)

    def reconnecting(self, reason: str) -> None:
        """The session is being restored; the stage stays what it was."""
        self._tell(f"reconnecting: {reason}", None)

    def _tell(self, message: str | None, order: Callable[[], OrderProgress] | None) -> None:
        if self._progress is None:
            return
        try:
            self._progress(
                ProgressEvent(
                    run_id=self._run_id,
                    account_id=self._account_id,
                    at=self._clock.now(),
                    stage=self._stage,
                    message=message,
                    order=None if order is None else order(),
                )
            )
        except Exception:
            # Whoever watches may stumble; a run with orders at work must not.
            _log.exception("progress_failed", stage=self._stage.value)
