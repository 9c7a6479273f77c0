"""How the service is: alive, ready, and what is not as it should be. Values and words only.

Ready means that it can do what its role is; degraded lists what somebody should know although the
service goes on. One account in trouble is no outage. A service that answers at all is alive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.events import EventState, Statistics

from .roles import Role

if TYPE_CHECKING:
    # It brings the SDK along, which only a service that listens needs.
    from app.ably_service import AblyStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The service at one moment."""

    worker: str
    role: str
    mode: str
    ready: bool
    #: One line each, for people.
    degraded: tuple[str, ...]
    #: None while the store is away.
    statistics: Statistics | None
    #: None when this role does not listen to Ably.
    ably: AblyStatus | None
    running: int
    accounts: int


def is_ready(
    role: Role, *, statistics: Statistics | None, ably: AblyStatus | None, ending: bool
) -> bool:
    """Whether a process of this role can do its work now.

    Every role works on the store. Only one that does little but listen is of no use without Ably.
    """
    hears = role is not Role.INGEST or ably is None or ably.connected
    return statistics is not None and hears and not ending


def troubles(
    *,
    ending: bool,
    statistics: Statistics | None,
    store_error: str | None,
    ably: AblyStatus | None,
    settings_problems: tuple[str, ...],
    undelivered_notifications: int,
) -> tuple[str, ...]:
    """What is not as it should be."""
    found = ["the service is ending: it begins nothing new"] if ending else []
    found += [f"store: {store_error}"] if store_error else []
    found += [f"configuration refused: {problem}" for problem in settings_problems]
    if ably is not None and not ably.healthy:
        found.append(f"ably: {ably.connection.value}{_because(ably.last_error)}")
        found += [f"ably channel {f.channel}{_because(f.problem)}" for f in ably.feeds if f.problem]
    if statistics is not None:
        if parked := statistics.by_state[EventState.NEEDS_ATTENTION]:
            found.append(f"{parked} events need attention")
        if statistics.events_with_retries:
            found.append(f"{statistics.events_with_retries} events are being retried")
    if undelivered_notifications:
        found.append(f"{undelivered_notifications} notifications could not be delivered")
    return tuple(found)


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""
