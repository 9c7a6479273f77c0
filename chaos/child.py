"""The account process under test: the product's own entry, on a fast loop, with its mischief.

Comes in: a job, its pipes, and what the process shall do to itself. It runs in a fork of the
product's fork server and ends as the product ends it. Nothing of the product is replaced unless
`sabotage` asks for a broken one.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from datetime import datetime, timedelta
from pathlib import Path

from app.account_process import entry
from app.account_process.messages import Job
from broker_connector_base.values import Value

from .pace import FastPolicy, Pace
from .sabotage import break_product


class Mischief(Value):
    """What an account process does to itself; a reading is a look at the time of day."""

    speed: float
    began: float
    #: Die at this reading.
    kill_at: int | None = None
    #: From this reading on the time is wrong by so many seconds.
    jump_at: int | None = None
    jump_seconds: float = 0.0
    #: No file can grow beyond this many bytes.
    file_limit: int | None = None
    #: Beside it a file appears for whatever was done.
    marker: Path
    sabotage: str | None = None


class MischievousClock:
    """The campaign's time of day, until it goes wrong."""

    def __init__(self, mischief: Mischief) -> None:
        self._mischief = mischief
        self._pace = Pace(speed=mischief.speed, began=mischief.began)
        self._readings = 0

    def now(self) -> datetime:
        """Aware UTC."""
        mischief, now = self._mischief, self._pace.now()
        self._readings += 1
        if self._readings == mischief.kill_at:
            self._mark("kill_at")
            os.kill(os.getpid(), signal.SIGKILL)
        if mischief.jump_at is not None and self._readings > mischief.jump_at:
            if self._readings == mischief.jump_at + 1:
                self._mark("jump_at")
            now += timedelta(seconds=mischief.jump_seconds)
        return now

    def _mark(self, what: str) -> None:
        marker = self._mischief.marker
        marker.with_name(f"{marker.name}.{what}").touch()


def main(mischief: Mischief, job: Job, line: entry.Line) -> None:
    """The target of the process."""
    if mischief.file_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (mischief.file_limit, mischief.file_limit))
    if mischief.sabotage is not None:
        break_product(mischief.sabotage)
    asyncio.set_event_loop_policy(FastPolicy(mischief.speed))
    entry.main(job, line, MischievousClock(mischief))
