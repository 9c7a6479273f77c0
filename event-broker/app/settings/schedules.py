"""What `accounts.yaml` says about times: the schedule of an account and its drift check.

Values only; when they are due is decided by `app.schedule`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from broker_connector_base.models import AccountConfig
from broker_connector_base.values import Number, Value

from .times import TimeZone


def _possible(expression: str) -> str:
    # Loaded only where there is a schedule.
    from cronsim import CronSim, CronSimError

    try:
        if len(expression.split()) != 5:
            raise CronSimError("expected five fields")
        next(CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise ValueError(
            f"should be minute, hour, day, month, weekday as in cron ({error})"
        ) from None
    except StopIteration:
        raise ValueError("never comes") from None
    return expression


class Times(Value):
    """Points in time, as cron writes them."""

    #: Minute, hour, day of month, month, weekday. A time that the clock skips in spring counts
    #: right after the gap, one that it repeats in autumn counts once.
    cron: Annotated[str, AfterValidator(_possible)]
    #: The exchange's own by default.
    time_zone: TimeZone = "America/New_York"


class ScheduledCommand(Times):
    """A command that is given at certain times."""

    #: What is done then.
    command: Literal["rebalance", "print-rebalance"]


class DriftCheck(Times):
    """A preview at certain times, and a rebalance when it shows too much drift."""

    #: How far a weight may be from its target, in percentage points.
    band_percent: Number = Field(gt=0, le=100)


class ScheduledAccount(AccountConfig):
    """An account with times of its own."""

    #: Times at which something is done, any number.
    schedule: tuple[ScheduledCommand, ...] = ()
    #: When to look for drift; without it nobody does.
    drift_check: DriftCheck | None = None
