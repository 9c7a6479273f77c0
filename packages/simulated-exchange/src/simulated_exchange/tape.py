"""Quotes from a file.

Comes in: CSV with the columns time, symbol, bid, ask, and if there are any last, bid_size, ask_size
and last_size. Goes out: rows to replay. Never: a price that passed through a float.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from .errors import StateError
from .instruments import Instrument
from .quotes import Quote

_PRICES = ("bid", "ask")
#: an empty cell, or no such column, leaves these as they are
_KEPT = ("last", "bid_size", "ask_size", "last_size")
_REQUIRED = {"time", "symbol", *_PRICES}


@dataclass(frozen=True, kw_only=True, slots=True)
class TapeRow:
    """What becomes of one instrument's quote at one instant; None keeps the last four."""

    due: datetime
    con_id: int
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None = None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    last_size: Decimal | None = None

    def apply(self, quote: Quote) -> Quote:
        """The quote after this row."""
        quote = replace(
            quote,
            bid=self.bid,
            ask=self.ask,
            at=self.due,
            bid_size=quote.bid_size if self.bid_size is None else self.bid_size,
            ask_size=quote.ask_size if self.ask_size is None else self.ask_size,
            last_size=quote.last_size if self.last_size is None else self.last_size,
        )
        if self.last is None:
            return quote
        high, low = quote.high or self.last, quote.low or self.last
        return replace(quote, last=self.last, high=max(high, self.last), low=min(low, self.last))


def read_tape(
    path: Path | str, instruments: Iterable[Instrument], start: datetime
) -> tuple[TapeRow, ...]:
    """The rows of a file by time; rows of the same instant keep their order.

    A time is an aware ISO instant, or seconds from `start`. An empty bid or ask means that there is
    none. Raises `StateError` that names the line that does not fit.
    """
    con_ids = {instrument.symbol: instrument.con_id for instrument in instruments}
    rows = []
    with Path(path).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        known = _REQUIRED | set(_KEPT)
        columns = set(reader.fieldnames or ())
        if not _REQUIRED <= columns <= known:
            raise StateError(
                f"{path}: the columns are {sorted(columns)}, known are {sorted(known)}"
            )
        for line in reader:
            try:
                rows.append(_row(line, con_ids, start))
            except (ValueError, ArithmeticError, KeyError) as error:
                raise StateError(f"{path}, line {reader.line_num}: {error!r}") from error
    return tuple(sorted(rows, key=lambda row: row.due))


def _row(line: Mapping[str, str], con_ids: Mapping[str, int], start: datetime) -> TapeRow:
    cells = {name: _number(line.get(name)) for name in (*_PRICES, *_KEPT)}
    return TapeRow(due=_instant(line["time"], start), con_id=con_ids[line["symbol"]], **cells)


def _number(cell: str | None) -> Decimal | None:
    if not cell:
        return None
    number = Decimal(cell)
    if not number.is_finite():
        raise ValueError(f"{cell} is not a finite number")
    return number


def _instant(cell: str, start: datetime) -> datetime:
    try:
        return start + timedelta(seconds=float(cell))
    except ValueError:
        instant = datetime.fromisoformat(cell)
    if instant.tzinfo is None:
        raise ValueError(f"{cell} has no time zone")
    return instant
