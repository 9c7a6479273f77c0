"""Times of day at which accounts are rebalanced: each must leave a rebalance time to begin.

Pure: the configuration comes in, problems go out. On a day that closes early such a time may be too
late all the same; that is seen to when the day comes.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from .yaml_file import Location, YamlDocument

if TYPE_CHECKING:
    from .config import Config

#: Regular hours of the New York Stock Exchange, in its own time (nyse.com, "Holidays & Trading
#: Hours": core trading session).
_OPENS = time(9, 30)
_CLOSES = time(16)


def late_times(config: Config, document: YamlDocument) -> list[str]:
    """One line for each time at which nothing could ever be begun."""
    times: dict[Location, str] = {
        ("pdt_protection", "next_execution_time"): config.pdt_protection.next_execution_time,
        ("scheduler", "market_open_time"): config.scheduler.market_open_time,
    }
    gates = config.gates
    delay = timedelta(seconds=gates.delay_after_open_seconds)
    end = _on_a_day(_CLOSES) - timedelta(seconds=gates.stop_before_close_seconds)
    # To the full minute, as they are written.
    bound = end - delay + timedelta(seconds=59)
    return [
        document.problem(
            location,
            f"should be before {bound:%H:%M}, not {text!r}: "
            f"gates.delay_after_open_seconds ({gates.delay_after_open_seconds:g}) are added, and "
            "nothing is begun in the last gates.stop_before_close_seconds "
            f"({gates.stop_before_close_seconds:g}) before the close at {_CLOSES:%H:%M}",
        )
        for location, text in times.items()
        if max(_on_a_day(time.fromisoformat(text)), _on_a_day(_OPENS)) + delay >= end
    ]


def _on_a_day(clock_time: time) -> datetime:
    """Times of one day can be added to, and compared."""
    return datetime.combine(date.min, clock_time)
