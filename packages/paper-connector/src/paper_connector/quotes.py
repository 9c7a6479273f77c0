"""Where the prices of a paper market come from: functions of time, the same for every process.

Comes in: an exchange and a stretch of time. Goes out: the quotes that fall into it. Because nothing
but the time decides, two processes see the same prices at the same instant, nothing has to be kept
between commands, and nothing has to be caught up with after a night. Never: an order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, Protocol

from simulated_exchange import Exchange, Instrument, Quote, StateError
from simulated_exchange.chance import fraction
from simulated_exchange.tape import TapeRow, read_tape

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Move(NamedTuple):
    """What becomes of one instrument's quote at one instant."""

    due: datetime
    con_id: int
    quote: Quote


class Quotes(Protocol):
    """A source of quotes; it plays on an exchange that is at rest between two of its moves."""

    def start(self, exchange: Exchange, opened: datetime) -> None:
        """Get ready for this exchange, whose books were opened at that instant."""

    def moves(self, exchange: Exchange, since: datetime, until: datetime) -> Iterator[Move]:
        """What happens after `since` and not after `until`, in the order of time."""

    def next_due(self, now: datetime) -> datetime | None:
        """When the next move comes; None for never."""


class StandingQuotes:
    """The scenario's quotes, unmoved: a run can be repeated to the cent."""

    def start(self, exchange: Exchange, opened: datetime) -> None:
        """Nothing to get ready."""

    def moves(self, exchange: Exchange, since: datetime, until: datetime) -> Iterator[Move]:
        return iter(())

    def next_due(self, now: datetime) -> datetime | None:
        return None


@dataclass(frozen=True, kw_only=True)
class MovingQuotes:
    """Every price swings around its previous close, by `swing` of it at most, spread unchanged.

    A step every `interval_seconds`; a long swing of about a day carries shorter ones of about an
    hour and of a few minutes. Steps that nobody saw are left out: a resting order is looked at when
    somebody is logged in.
    """

    interval_seconds: int = 5
    swing: Decimal = Decimal("0.01")
    seed: int = 0

    def __post_init__(self) -> None:
        if self.interval_seconds < 1 or not 0 < self.swing < 1:
            raise ValueError("moving quotes need an interval of 1 s or more and a swing within 1")

    def start(self, exchange: Exchange, opened: datetime) -> None:
        """Nothing to get ready."""

    def moves(self, exchange: Exchange, since: datetime, until: datetime) -> Iterator[Move]:
        step = self._step(until)
        due = self._instant(step)
        if due > since:
            for instrument in exchange.find_instruments():
                quote = exchange.quote(instrument.con_id)
                yield Move(due, instrument.con_id, self._moved(quote, instrument, step))

    def next_due(self, now: datetime) -> datetime | None:
        return self._instant(self._step(now) + 1)

    def _step(self, at: datetime) -> int:
        return (at - _EPOCH) // timedelta(seconds=self.interval_seconds)

    def _instant(self, step: int) -> datetime:
        return _EPOCH + timedelta(seconds=self.interval_seconds) * step

    def _moved(self, quote: Quote, instrument: Instrument, step: int) -> Quote:
        if quote.close is None or quote.bid is None or quote.ask is None:
            return quote
        tick = instrument.tick_at(quote.close)
        reach = int(quote.close * self.swing / tick)
        # The float ends here, as a whole number of ticks.
        ticks = round(reach * self._wave(instrument.symbol, step * self.interval_seconds))
        bid = max(tick, quote.close - quote.close % tick + ticks * tick)
        return replace(quote, bid=bid, ask=bid + (quote.ask - quote.bid), last=bid, at=None)

    def _wave(self, symbol: str, second: int) -> float:
        """Between -1 and 1."""
        name = f"{self.seed}/{symbol}"
        return sum(
            weight * _between_nodes(f"{name}/{period}", second, period)
            for weight, period in ((0.6, 86_400), (0.3, 3_600), (0.1, 300))
        )


class QuoteTape:
    """Quotes from a CSV file, each at its instant; see `simulated_exchange.tape.read_tape`.

    Seconds count from the opening of the account's books. After the last row prices stand still.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._rows: tuple[TapeRow, ...] = ()
        self._dues: list[datetime] = []

    def start(self, exchange: Exchange, opened: datetime) -> None:
        """Read the file. Raises `StateError` that names it, and the line that does not fit."""
        try:
            self._rows = read_tape(self.path, exchange.find_instruments(), opened)
        except OSError as error:
            raise StateError(f"the tape cannot be read: {error}") from error
        self._dues = [row.due for row in self._rows]

    def moves(self, exchange: Exchange, since: datetime, until: datetime) -> Iterator[Move]:
        for row in self._rows[bisect_right(self._dues, since) : bisect_right(self._dues, until)]:
            yield Move(row.due, row.con_id, row.apply(exchange.quote(row.con_id)))

    def next_due(self, now: datetime) -> datetime | None:
        coming = bisect_right(self._dues, now)
        return self._dues[coming] if coming < len(self._dues) else None


def _between_nodes(name: str, second: int, period: int) -> float:
    """A smooth path through random points, one each `period` seconds, between -1 and 1."""
    node, passed = divmod(second, period)
    part = passed / period
    eased = part * part * (3 - 2 * part)
    here, there = fraction(name, node), fraction(name, node + 1)
    return 2 * (here + (there - here) * eased) - 1
