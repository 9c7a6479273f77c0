"""Target allocations, checked: what comes out sums to exactly one.

In: the lines as a strategy publishes them.  Out: weights per symbol and the weight of cash.
Never guesses: a list that is not clearly a complete allocation in fractions is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from broker_connector_base.models import AllocationItem

from .errors import AllocationError
from .symbols import CASH, normal_symbol

#: How far the weights may be from 1 in total: published weights are rounded.
SUM_TOLERANCE = Decimal("0.001")


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Fractions of the invested value; `weights` and `cash` add up to one."""

    #: By normal symbol, in the order given; 0 means "sell it".
    weights: Mapping[str, Decimal]
    #: Weight of the explicit CASH line, 0 without one.
    cash: Decimal


def validate_allocations(allocations: Sequence[AllocationItem]) -> Targets:
    """Check the lines and scale them to exactly one.

    Raises AllocationError, naming the line, for an empty list, an empty or repeated symbol, a
    weight that is negative or not a number, weights in percent, or a sum off 1 by over 0.001.
    """
    if not allocations:
        raise AllocationError("the allocation list is empty; it would sell everything")
    weights: dict[str, Decimal] = {}
    for index, item in enumerate(allocations):
        symbol = normal_symbol(item.symbol)
        _check_line(index, symbol, item.allocation, weights)
        weights[symbol] = item.allocation
    total = sum(weights.values(), Decimal(0))
    if abs(total - 1) > SUM_TOLERANCE:
        raise AllocationError(_wrong_sum(total, len(weights)))
    scaled = {symbol: weight / total for symbol, weight in weights.items()}
    return Targets(cash=scaled.pop(CASH, Decimal(0)), weights=scaled)


def _check_line(index: int, symbol: str, weight: Decimal, seen: Mapping[str, Decimal]) -> None:
    line = f"allocation line {index + 1} ({symbol or 'no symbol'}: {weight})"
    problem = None
    if not symbol:
        problem = "has no symbol"
    elif symbol in seen:
        problem = f"repeats {symbol}, which already has {seen[symbol]}"
    elif not weight.is_finite():
        problem = "is not a number"
    elif weight < 0:
        problem = "is negative"
    if problem:
        raise AllocationError(f"{line} {problem}", index=index, symbol=symbol)


def _wrong_sum(total: Decimal, lines: int) -> str:
    message = f"the {lines} allocation lines sum to {total:f}, not to 1"
    if abs(total - 100) <= 100 * SUM_TOLERANCE:
        return f"{message}; these look like percent, fractions are wanted (0.6, not 60)"
    return message
