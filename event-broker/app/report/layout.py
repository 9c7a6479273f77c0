"""How numbers, tables and headings look, everywhere alike.

Figures are right-aligned with thousands separators; what is not known is a dash; signs are shown
where a sign is the message. Without a terminal the output is 100 columns of plain text.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 100
_WIDEST = 120
UNKNOWN = "-"


def console() -> Console:
    """Standard output; colours and the terminal's own width only where there is a terminal."""
    if not sys.stdout.isatty():
        return Console(width=_PLAIN_WIDTH, highlight=False)
    screen = Console(highlight=False)
    screen.width = min(screen.width, _WIDEST)
    return screen


def heading(account_id: str, *facts: str) -> Text:
    """The account in bold, then what there is to know about it in one line."""
    line = Text(account_id, style="bold")
    for fact in facts:
        line.append(f"  ·  {fact}", style="not bold")
    return line


def table(*columns: str) -> Table:
    """An empty table; a column whose title begins with `<` is text, the others are figures."""
    grid = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for title in columns:
        text = title.startswith("<")
        grid.add_column(
            title.removeprefix("<"), justify="left" if text else "right", no_wrap=not text
        )
    return grid


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
