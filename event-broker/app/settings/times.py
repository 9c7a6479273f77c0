"""Times of day and time zones as people write them in files and variables."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

_DAY_TIME = re.compile(r"(\d{1,2}):([0-5]\d)(?: ?([AP]M))?", re.IGNORECASE)


def _day_time(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _DAY_TIME.fullmatch(value.strip())
    half = match and match[3] and match[3].upper()
    hours = range(1, 13) if half else range(24)
    if match is None or int(match[1]) not in hours:
        raise ValueError('should be a time such as "11:59 PM"')
    hour = int(match[1]) % 12 + (12 if half == "PM" else 0) if half else int(match[1])
    return time(hour, int(match[2]))


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("should be a time zone such as America/New_York") from None
    return name


CLOCK_TIME = r"^([01]\d|2[0-3]):[0-5]\d$"

ClockTime = Annotated[str, Field(pattern=CLOCK_TIME)]
""" "HH:MM", quoted: YAML reads a bare 10:30 as the number 630."""

DayTime = Annotated[time, BeforeValidator(_day_time)]
"""A minute of the day, as "23:59" or as "11:59 PM"."""

TimeZone = Annotated[str, AfterValidator(_known_zone)]
"""The name of a time zone."""
