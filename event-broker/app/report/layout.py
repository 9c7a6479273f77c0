"""How numbers, tables and headings look, everywhere alike.

Figures are right-aligned with thousands separators; what is not known is a dash; signs are shown
where a sign is the message. Without a terminal the output is 100 columns of plain text. Where it is
narrow, whole columns are left out, those that matter least first; nothing else is ever cut.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 100
_WIDEST = 120
_UNLIMITED = 10_000
UNKNOWN = "-"


def console() -> Console:
    """Standard output; colours and the terminal's own width only where there is a terminal."""
    if not sys.stdout.isatty():
        return Console(width=_PLAIN_WIDTH, highlight=False)
    # Both, or rich takes a terminal that calls itself dumb for one of 80 columns.
    columns, lines = shutil.get_terminal_size()
    return Console(width=min(columns, _WIDEST), height=lines, highlight=False)


def heading(account_id: str, *facts: str) -> Text:
    """The account in bold, then what there is to know about it in one line."""
    line = Text(account_id, style="bold")
    for fact in facts:
        line.append(f"  ·  {fact}", style="not bold")
    return line


class Column(NamedTuple):
    """One column; with a `rank` it may be left out, the lowest rank first."""

    title: str
    is_figure: bool = False
    wraps: bool = False
    rank: int | None = None


def name(title: str, *, rank: int | None = None) -> Column:
    """Short text that is shown whole."""
    return Column(title, rank=rank)


def figure(title: str, *, rank: int | None = None) -> Column:
    """Right-aligned, and shown whole."""
    return Column(title, is_figure=True, rank=rank)


def words(title: str, *, rank: int | None = None) -> Column:
    """Text that may take several lines."""
    return Column(title, wraps=True, rank=rank)


class Grid:
    """A table that fits the width it is printed in."""

    def __init__(self, *columns: Column) -> None:
        self._columns = columns
        self._rows: list[tuple[tuple[Text, ...], str | None]] = []
        self._sections: set[int] = set()

    def add_row(self, *cells: str | Text, style: str | None = None) -> None:
        """A row; cells that are not given are empty."""
        missing = [""] * (len(self._columns) - len(cells))
        texts = (Text(cell) if isinstance(cell, str) else cell for cell in (*cells, *missing))
        self._rows.append((tuple(texts), style))

    def add_section(self) -> None:
        """A line below the rows so far."""
        self._sections.add(len(self._rows) - 1)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = list(range(len(self._columns)))
        ranks = {i: c.rank for i, c in enumerate(self._columns) if c.rank is not None}
        table = self._table(shown)
        # A measurement never exceeds the room there is.
        unlimited = options.update(max_width=_UNLIMITED)
        for index in sorted(ranks, key=lambda index: ranks[index]):
            if Measurement.get(console, unlimited, table).minimum <= options.max_width:
                break
            shown.remove(index)
            table = self._table(shown)
        yield table

    def _table(self, shown: list[int]) -> Table:
        table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="dim")
        for index in shown:
            column = self._columns[index]
            lines = [line for cells, _ in self._rows for line in cells[index].split()]
            lines += [Text(line) for line in column.title.splitlines()]
            table.add_column(
                column.title,
                justify="right" if column.is_figure else "left",
                no_wrap=not column.wraps,
                min_width=None if column.wraps else max(line.cell_len for line in lines),
            )
        for number, (cells, style) in enumerate(self._rows):
            table.add_row(
                *(cells[index] for index in shown),
                style=style,
                end_section=number in self._sections,
            )
        return table


def money(amount: Decimal | None, *, signed: bool = False) -> str:
    """Two decimals: 1,234.50; a signed zero has no sign."""
    if amount is None:
        return UNKNOWN
    cents = round(amount, 2)
    return f"{cents:{'+' if signed and cents else ''},.2f}".replace("-0.00", "0.00")


def price(amount: Decimal | None) -> str:
    """As many decimals as the price has, at least two and at most four."""
    if amount is None:
        return UNKNOWN
    exponent = amount.normalize().as_tuple().exponent
    decimals = max(2, min(4, -exponent)) if isinstance(exponent, int) else 2
    return f"{amount:,.{decimals}f}"


def shares(quantity: Decimal, *, signed: bool = False) -> str:
    """Without needless decimals: 10, 0.5, +1,200."""
    text = f"{quantity:{'+' if signed else ''},f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(fraction: Decimal | None) -> str:
    """A weight with one decimal: 12.3 %."""
    return UNKNOWN if fraction is None else f"{fraction * 100:,.1f} %"


def side(quantity: Decimal) -> Text:
    """Buy or sell, by the sign."""
    return Text("buy", style="green") if quantity > 0 else Text("sell", style="red")


def warnings_block(warnings: Iterable[str]) -> Text:
    """One line a warning."""
    return Text("\n").join(Text.assemble(("! ", "yellow"), warning) for warning in warnings)
