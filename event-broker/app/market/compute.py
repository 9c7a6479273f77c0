"""`python -m app.market.compute XNYS 2026-01-01 2027-01-31`: an exchange's sessions as JSON.

A process of its own, because the library brings pandas along: half a second and 80 MB that neither
the service nor a command shall carry. Two dates come in, the `Sessions` between them go out.
"""

from __future__ import annotations

import sys
from datetime import date

from .sessions import Sessions, TradingSession


def compute(exchange: str, begins: date, ends: date) -> Sessions:
    """The sessions as `exchange_calendars` knows them, with holidays and early closes."""
    import exchange_calendars

    calendar = exchange_calendars.get_calendar(
        exchange, start=begins.isoformat(), end=ends.isoformat()
    )
    half_days = {label.date() for label in calendar.early_closes}
    return Sessions(
        exchange=exchange,
        begins=begins,
        ends=ends,
        sessions=tuple(
            TradingSession(
                date=label.date(),
                opens=row.open.to_pydatetime(),
                closes=row.close.to_pydatetime(),
                half_day=label.date() in half_days,
            )
            for label, row in calendar.schedule.iterrows()
        ),
    )


if __name__ == "__main__":
    name, first, last = sys.argv[1:]
    sessions = compute(name, date.fromisoformat(first), date.fromisoformat(last))
    sys.stdout.write(sessions.model_dump_json())
