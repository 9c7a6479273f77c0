"""What is raised when the exchange's hours are not known."""

from __future__ import annotations


class CalendarError(Exception):
    """The sessions of the exchange are not known for the time in question; nothing was sent.

    Trying again may help: the calendar is computed anew every time it is missing.
    """
