"""The sections of `config.yaml` that say when the service may trade and whom it tells.

Every default has its reason beside it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from broker_connector_base.values import Value

from .times import ClockTime, TimeZone


class PdtConfig(Value):
    """When an account that used up its rebalance of the session may run again."""

    #: Exchange time in the next session, and `gates.delay_after_open_seconds` on top. A session
    #: that closes too early for it is left out.
    next_execution_time: ClockTime = "09:30"


class SchedulerConfig(Value):
    """The market-open list and the schedules of the accounts."""

    #: Without it nothing happens by itself, and the list waits.
    enabled: bool = True
    #: Exchange time, and `gates.delay_after_open_seconds` on top. A session that closes too early
    #: for it is left out.
    market_open_time: ClockTime = "09:30"
    #: What was missed, because nothing ran at its time, is made up for so long: about the time in
    #: which a scheduled rebalance still means what it meant.
    grace_minutes: int = Field(default=60, ge=1, le=1440)


class GatesConfig(Value):
    """When a rebalance may start."""

    #: One that could have started so long ago is not begun any more: what it was asked for has most
    #: likely passed. Counted from the first session it fits into, so weekends do not matter; three
    #: days, so a service may fail for two.
    max_age_minutes: int = Field(default=4320, ge=1, le=43200)
    #: The opening cross and the first quotes are wild.
    delay_after_open_seconds: float = Field(default=300, ge=0, le=7200)
    #: One phase of orders, at the default of `trading.order_timeout_seconds`: a run shall not be
    #: cut in two by the close.
    stop_before_close_seconds: float = Field(default=300, ge=0, le=7200)
    #: Orders that are sent while the gateway goes down vanish without an answer: around
    #: AUTO_RESTART_TIME nothing is begun. Before it, for as long as a run may take.
    restart_window_before_minutes: float = Field(default=10, ge=0, le=120)
    #: As long as a login may take.
    restart_window_after_minutes: float = Field(default=5, ge=0, le=120)


class Level(StrEnum):
    """How loudly something is told."""

    ON = "on"
    SILENT = "silent"
    OFF = "off"


def _not_a_boolean(value: object) -> object:
    # YAML 1.1 reads a bare on and off as booleans.
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


_Level = Annotated[Level, BeforeValidator(_not_a_boolean)]


class NotificationsConfig(Value):
    """What is told and how loudly; what needs a person is always told, and aloud."""

    #: A run that traded.
    rebalanced: _Level = Level.ON
    #: A run that found every target met.
    nothing_to_do: _Level = Level.SILENT
    #: Previews are asked for to be looked at, not to be told.
    preview: _Level = Level.OFF
    #: A rebalance that waits for the market, a pause or the next session.
    postponed: _Level = Level.SILENT
    #: An attempt that failed and comes again.
    failed: _Level = Level.SILENT
    #: A rebalance that was too old to be begun.
    stale: _Level = Level.ON
    #: A scheduled time that passed while nothing ran.
    missed: _Level = Level.ON
    #: What happened in a day.
    digest: _Level = Level.SILENT
    #: A sign of life.
    alive: _Level = Level.SILENT
    #: Every day, after the close; in `time_zone`.
    digest_time: ClockTime = "17:00"
    #: Every day, before the open: a silence is noticed in time to look after it.
    alive_time: ClockTime = "08:30"
    #: Of the two times above.
    time_zone: TimeZone = "America/New_York"
