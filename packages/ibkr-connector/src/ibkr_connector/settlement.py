"""What IB says of a cash account's money: its schedule of settlement.

Comes in: the account value `SettledCashByDate`, such as `20261002:1234.56;20261005:2345.67`: the
cash that will have settled on each day, purchases counted at once. The first day is today, the last
amount is the cash of all trades done. The account-value stream carries it per currency; there is
not always a plain `SettledCash`. Goes out: how much is still to settle, and when; nothing when the
text is anything else.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from . import convert

_ZERO = Decimal(0)
_POINT = re.compile(r"(\d{8}):([^;]+)")


class Settlement(NamedTuple):
    """Money of sales on its way."""

    #: Never negative, in the currency of the schedule.
    pending: Decimal
    #: The day by which it has settled; None when nothing is pending.
    settles_on: date | None


def settlement(schedule: str | None, cash: Decimal) -> Settlement | None:
    """What of `cash` is pending by the schedule; None when there is none or it cannot be read.

    `cash` is the balance in the schedule's currency. The schedule may be older than the balance:
    what was sold since is pending, what was bought since is paid with settled money.
    """
    points = []
    for point in (schedule or "").split(";"):
        found = _POINT.fullmatch(point.strip())
        amount = convert.number(found[2]) if found else None
        if found is None or amount is None:
            return None
        points.append((date.fromisoformat(found[1]), amount))
    final_day, final = points[-1]
    # The lowest point: a schedule that falls tells of payments that are certain.
    settled = min(amount for _, amount in points) - max(_ZERO, final - cash)
    pending = max(_ZERO, cash - settled)
    return Settlement(pending, final_day if pending else None)
