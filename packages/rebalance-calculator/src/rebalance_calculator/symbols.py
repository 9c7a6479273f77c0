"""How symbols are compared: in capitals, without surrounding blanks, inner blanks as one."""

from __future__ import annotations

#: The allocation line that means money.
CASH = "CASH"


def normal_symbol(symbol: str) -> str:
    return " ".join(symbol.split()).upper()
