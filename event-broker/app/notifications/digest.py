"""The daily messages: what happened since yesterday, and that the service is alive.

Pure: rows that the caller read from the store come in, a notification goes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from .notification import Kind, Notification


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What the digest tells about."""

    since: datetime
    until: datetime
    #: Runs by how they ended ("done", "nothing to do", ...).
    runs: Mapping[str, int]
    #: Filled orders of those runs.
    trades: int
    #: Events that wait now.
    waiting: int
    #: One line for each event that a person must look at.
    needs_attention: Sequence[str]


def digest(day: Day, zone: ZoneInfo) -> Notification:
    """The summary of a day; it never hides what waits for a person."""
    runs = [f"  {count} {status}" for status, count in sorted(day.runs.items())]
    lines = [
        f"From {_time(day.since, zone)} to {_time(day.until, zone)}",
        "",
        "Rebalances:",
        *(runs or ["  none"]),
        f"Orders filled: {day.trades}",
        f"Events waiting: {day.waiting}",
    ]
    if day.needs_attention:
        lines += ["", "ACTION REQUIRED:", *(f"  {line}" for line in day.needs_attention)]
    return Notification(kind=Kind.DIGEST, title=_title(day), body="\n".join(lines))


def _title(day: Day) -> str:
    waiting = len(day.needs_attention)
    if waiting:
        return f"Daily digest: {waiting} need{'s' * (waiting == 1)} attention"
    return f"Daily digest: {sum(day.runs.values())} rebalances, {day.trades} orders filled"


def alive(*, now: datetime, accounts: int, at_work: int, mode: str, zone: ZoneInfo) -> Notification:
    """The service runs; hearing nothing means that it does not.

    `at_work` processes work events. Without any the schedules go on and nothing is traded, which is
    no sign of life.
    """
    what = f"{_time(now, zone)}: {accounts} account{'s' * (accounts != 1)}, trading mode {mode}"
    if not at_work:
        return Notification(
            kind=Kind.ALERT,
            title="ACTION REQUIRED: no process works events",
            body=f"{what}. Events wait, and nothing is traded: start a process of the role worker "
            "or all.",
        )
    working = f"{at_work} process{'es' * (at_work != 1)} at work"
    return Notification(
        kind=Kind.ALIVE, title="The rebalancer is running", body=f"{what}, {working}."
    )


def _time(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"
