"""How symbols are compared: in capitals, without surrounding blanks, and with a dot for inner ones.

Interactive Brokers writes `BRK B` for what everybody else, and every connector, writes `BRK.B`.
Lists of targets come in either spelling; taken for two stocks, one would be bought and the other be
looked for in vain.
"""

from __future__ import annotations

#: The allocation line that means money.
CASH = "CASH"


def normal_symbol(symbol: str) -> str:
    return ".".join(symbol.split()).upper()
