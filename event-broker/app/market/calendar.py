"""The exchange's calendar, kept on disk: the time comes in, a table that reaches far beyond it goes
out.

The table is computed by a short-lived process, once for some months, and again when the library
that knows the holidays has changed, when the file cannot be read, and well before the table ends.
What cannot be computed is an error: no session is ever guessed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import TypeGuard

import structlog
from pydantic import ValidationError

from broker_connector_base.values import Value

from .errors import CalendarError
from .sessions import EXCHANGE_TIME, XNYS, Sessions

_log = structlog.get_logger(__name__)

#: Far enough back for the last session, far enough ahead to compute rarely. Holidays are known for
#: years; unplanned closings come with a new version of the library.
_BEHIND = timedelta(days=40)
_AHEAD = timedelta(days=400)
#: Computed again when less is left; used up to the second when that fails.
_REFRESH_BELOW = timedelta(days=60)
_NEEDED = timedelta(days=14)
#: One second on an idle machine.
_COMPUTE_SECONDS = 60.0

Compute = Callable[[str, date, date], bytes]


class _File(Value):
    library: str
    calendar: Sessions


class MarketCalendar:
    """The sessions of one exchange; safe to ask from any thread, which may wait for a process."""

    def __init__(
        self, directory: Path, *, exchange: str = XNYS, compute: Compute | None = None
    ) -> None:
        self._path = directory / f"{exchange}.json"
        self._exchange = exchange
        self._compute = compute or _compute_in_a_process
        self._library = f"exchange_calendars {version('exchange_calendars')}"
        self._lock = Lock()
        self._known: Sessions | None = None

    def sessions(self, now: datetime) -> Sessions:
        """Sessions from some weeks before `now` to some weeks after it; raises `CalendarError`."""
        today = now.astimezone(EXCHANGE_TIME).date()
        with self._lock:
            known = self._known or self._read()
            if not _reaches(known, today, _REFRESH_BELOW):
                known = self._renew(known, today)
            self._known = known
        return known

    def _renew(self, known: Sessions | None, today: date) -> Sessions:
        try:
            output = self._compute(self._exchange, today - _BEHIND, today + _AHEAD)
            fresh = Sessions.model_validate_json(output)
        except (CalendarError, ValidationError) as error:
            if _reaches(known, today, _NEEDED):
                _log.warning("market.calendar.not_renewed", ends=str(known.ends), error=str(error))
                return known
            raise CalendarError(
                f"the sessions of {self._exchange} cannot be computed: {error}. Nothing is traded "
                "without them; see the installation of exchange_calendars."
            ) from error
        self._write(fresh)
        return fresh

    def _read(self) -> Sessions | None:
        try:
            file = _File.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            _log.warning("market.calendar.ignored", path=str(self._path), error=str(error))
            return None
        usable = file.library == self._library and file.calendar.exchange == self._exchange
        return file.calendar if usable else None

    def _write(self, calendar: Sessions) -> None:
        content = _File(library=self._library, calendar=calendar).model_dump_json()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, draft = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
            os.replace(draft, self._path)
        except OSError as error:
            # It is computed again next time.
            _log.warning("market.calendar.not_kept", path=str(self._path), error=str(error))


def _reaches(known: Sessions | None, today: date, ahead: timedelta) -> TypeGuard[Sessions]:
    return known is not None and known.begins <= today and today + ahead <= known.ends


def _compute_in_a_process(exchange: str, begins: date, ends: date) -> bytes:
    command = [sys.executable, "-m", "app.market.compute", exchange, str(begins), str(ends)]
    try:
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            timeout=_COMPUTE_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        raise CalendarError(lines[-1] if lines else f"exit code {error.returncode}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CalendarError(str(error)) from error
    return done.stdout
