"""Batch planning: one model, many accounts, thousands a second.

`accounts` reads snapshots or arrays, `terms` works out once what holds for every account, `ledger`
values, fits and judges accounts as arrays, `result` holds them and makes whole plans when asked,
`planning` ties these together and gives plan() whatever needs it.
"""

from .accounts import BatchInput
from .planning import plan_many
from .result import BatchPlan, BatchVerdict

__all__ = ["BatchInput", "BatchPlan", "BatchVerdict", "plan_many"]
