"""What is told: a kind, which decides how loudly, and the words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from app.settings.service_sections import Level, NotificationsConfig


class Kind(StrEnum):
    """Why somebody is told; all but the last two are keys of `notifications:` in config.yaml."""

    REBALANCED = "rebalanced"
    NOTHING_TO_DO = "nothing_to_do"
    PREVIEW = "preview"
    POSTPONED = "postponed"
    FAILED = "failed"
    STALE = "stale"
    MISSED = "missed"
    DIGEST = "digest"
    ALIVE = "alive"
    #: An event that a person must look at before it goes on.
    NEEDS_ATTENTION = "needs_attention"
    #: The service itself is in trouble: a feed with gaps, a key that is refused.
    ALERT = "alert"


#: Never silent and never off.
ACTION_REQUIRED = frozenset({Kind.NEEDS_ATTENTION, Kind.ALERT})


class Urgency(StrEnum):
    """How a device shall behave."""

    SILENT = "silent"
    NORMAL = "normal"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message to people; plain text."""

    kind: Kind
    title: str
    body: str
    #: Of its letter in the store's outbox, if it has one.
    key: str | None = None


Tell = Callable[[Notification], None]
"""Returns at once and never raises."""


def urgency(kind: Kind, config: NotificationsConfig) -> Urgency | None:
    """How loudly `kind` is told; None when it is turned off."""
    if kind in ACTION_REQUIRED:
        return Urgency.URGENT
    level: Level = getattr(config, kind)
    return {Level.ON: Urgency.NORMAL, Level.SILENT: Urgency.SILENT, Level.OFF: None}[level]
