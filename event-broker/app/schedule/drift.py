"""How far an account is from its targets, as a preview saw it.

Pure: the stored row of a preview comes in, percentage points of weight go out.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from pydantic import BaseModel

_HUNDRED = Decimal(100)


class _Holding(BaseModel):
    weight_before: Decimal | None
    target_weight: Decimal


class _Details(BaseModel):
    holdings: tuple[_Holding, ...]


class _Row(BaseModel):
    details: _Details


def drift_percent(preview: Mapping[str, object]) -> Decimal:
    """The largest distance of a weight from its target, in percentage points.

    Holdings without a price have no weight and are left out, as a rebalance leaves them alone.
    Raises ValueError for a row that is no preview's.
    """
    holdings = _Row.model_validate(preview).details.holdings
    distances = (
        abs(holding.weight_before - holding.target_weight)
        for holding in holdings
        if holding.weight_before is not None
    )
    return max(distances, default=Decimal(0)) * _HUNDRED
