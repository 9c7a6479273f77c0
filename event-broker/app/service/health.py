"""How the service is: alive, ready, and what is not as it should be. Values and words only.

Ready means that it can do what its role is; degraded lists what somebody should know although the
service goes on. One account in trouble is no outage. A service that answers at all is alive.
"""

from __future__ import annotations

from collections.abc import Iterator
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

    ready: bool
    #: One line each, for people.
    degraded: tuple[str, ...]
    #: None while the store is away.
    statistics: Statistics | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the store says of the whole service."""

    statistics: Statistics
    #: Times for which messages may be lost, and nobody has looked.
    open_gaps: int
    #: Processes that work events; 0 means that nothing is traded.
    at_work: int


def is_ready(
    role: Role,
    *,
    stored: Stored | None,
    ably: AblyStatus | None,
    ending: bool,
    not_forked: str | None,
) -> bool:
    """Whether a process of this role can do its work now.

    Every role works on the store. Only one that does little but listen is of no use without Ably.
    `not_forked` says why no account process can be forked, where some are to be.
    """
    hears = role is not Role.INGEST or ably is None or ably.connected
    return stored is not None and hears and not ending and not_forked is None


def troubles(
    *,
    ending: bool,
    stored: Stored | None,
    store_error: str | None,
    ably: AblyStatus | None,
    settings_problems: tuple[str, ...],
    unreached_addresses: int,
    not_forked: str | None,
) -> tuple[str, ...]:
    """What is not as it should be."""
    found = ["the service is ending: it begins nothing new"] if ending else []
    found += [f"store: {store_error}"] if store_error else []
    found += [f"no account process can be started: {not_forked}"] if not_forked else []
    found += [f"configuration refused: {problem}" for problem in settings_problems]
    found += _of_ably(ably) if ably is not None else []
    found += _of_store(stored) if stored is not None else []
    if unreached_addresses:
        found.append(f"{unreached_addresses} addresses of notifications take none")
    return tuple(found)


def _of_ably(ably: AblyStatus) -> Iterator[str]:
    if not ably.healthy:
        yield f"ably: {ably.connection.value}{_because(ably.last_error)}"
    for feed in ably.feeds:
        if feed.problem:
            yield f"ably channel {feed.channel}{_because(feed.problem)}"
        if feed.history_permitted is False:
            yield (
                f"ably channel {feed.channel}: the key may not read its history, so what is missed "
                "or cannot be decoded is lost"
            )


def _of_store(stored: Stored) -> Iterator[str]:
    statistics = stored.statistics
    if not stored.at_work:
        yield "no process works events"
    if parked := statistics.by_state[EventState.NEEDS_ATTENTION]:
        yield f"{parked} events need attention"
    if statistics.events_with_retries:
        yield f"{statistics.events_with_retries} events are being retried"
    if stored.open_gaps:
        yield f"{stored.open_gaps} times for which messages may be lost"


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""
