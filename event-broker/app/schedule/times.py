"""When cron-like times come, and which of them is due.

Pure: times, the clock and the time fired for last come in, a verdict goes out. A time fires once,
also when the clock is set back or an hour of it comes twice; of several that passed unnoticed the
latest fires, and none that is older than the grace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from app.settings.schedules import Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do about a schedule now."""

    #: Fire for this time.
    due: datetime | None = None
    #: This time has passed, too long ago to be made up for.
    missed: datetime | None = None


def times_after(times: Times, moment: datetime) -> Iterator[datetime]:
    """All times later than `moment`, in order; aware UTC."""
    local = moment.astimezone(ZoneInfo(times.time_zone))
    for found in CronSim(times.cron, local):
        utc = found.astimezone(UTC)
        # In the hour that comes twice, local times go back.
        if utc > moment:
            yield utc


def judge(times: Times, *, now: datetime, fired_at: datetime, grace: timedelta) -> Verdict:
    """What is due at `now`, when everything up to `fired_at` has been taken care of."""
    due = None
    for moment in times_after(times, max(fired_at, now - grace)):
        if moment > now:
            break
        due = moment
    if due is not None:
        return Verdict(due=due)
    first = next(times_after(times, fired_at))
    return Verdict(missed=first) if first <= now else Verdict()
