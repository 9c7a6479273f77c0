"""Numbers and times as a gateway writes them into text fields.

Decimals and aware times come in, short texts go out, and a client's times come back in.
"""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ibkr_simulator.refusals import invalid
from simulated_exchange import Session, TradingHours

#: the zone a gateway names in its times; the US exchanges', under the name that IB uses
ZONE_NAME = "US/Eastern"
ZONE = ZoneInfo("America/New_York")

_CENT = Decimal("0.01")
#: digits after the point that a gateway shows of an average price (152.1166667 and the like)
_AVERAGE = Decimal("0.00000001")


def words(text: str) -> tuple[str, ...]:
    """Names written one after the other."""
    return tuple(text.split())


def money(amount: Decimal) -> str:
    """An amount with two decimals, as account values have it."""
    return f"{amount.quantize(_CENT, ROUND_HALF_EVEN):f}"


def average(price: Decimal | None) -> Decimal:
    """A price that came out of a division, cut to eight decimals; 0 when there is none."""
    if not price:
        return Decimal(0)
    short = price.quantize(_AVERAGE, ROUND_HALF_EVEN).normalize()
    return short if short else Decimal(0)


def stamp(at: datetime) -> str:
    """`20261120 23:27:24 US/Eastern`: without a zone, clients take a time for their local one."""
    return _stamp(at.replace(microsecond=0))


@lru_cache(maxsize=256)
def _stamp(second: datetime) -> str:
    return f"{second.astimezone(ZONE):%Y%m%d %H:%M:%S} {ZONE_NAME}"


def parse_time(text: str) -> datetime:
    """`yyyymmdd hh:mm:ss [zone]`, by default the gateway's zone, or `yyyymmdd-hh:mm:ss` in UTC.

    Raises `Refusal` for anything else.
    """
    day, _, rest = text.partition(" ")
    time, _, zone = rest.partition(" ")
    try:
        if "-" in day:
            return datetime.strptime(day, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
        known = ZoneInfo(zone) if zone else ZONE
        return datetime.strptime(f"{day} {time}", "%Y%m%d %H:%M:%S").replace(tzinfo=known)
    except (ValueError, ZoneInfoNotFoundError, OSError):
        # OSError: a zone called like a folder of zones, such as US.
        raise invalid("Invalid date, time or time-zone entered") from None


def day_start(at: datetime) -> datetime:
    """Midnight of the gateway's day: how far back executions and completed orders are shown."""
    return at.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def sessions(hours: TradingHours, at: datetime, days: int = 6) -> str:
    """`20250324:0930-20250324:1600;20250329:CLOSED`, the days from `at` on, in the hours' zone."""
    return ";".join(_session(day) for day in hours.sessions(at, days))


def _session(day: Session | date) -> str:
    if isinstance(day, Session):
        return f"{day.opens:%Y%m%d:%H%M}-{day.closes:%Y%m%d:%H%M}"
    return f"{day:%Y%m%d}:CLOSED"
