"""Pure portfolio arithmetic: target allocations, an account snapshot and quotes in, an optimal
whole-share plan out.
"""

from broker_connector_base.models import AccountConfig, AllocationItem, Trade

from .allocations import Targets, validate_allocations
from .batch import BatchInput, BatchPlan, BatchVerdict, plan_many
from .calculator import TradeCalculator
from .errors import AllocationError, PlanError, QuoteError, ReplacementError, SnapshotError
from .models import Plan, PlanLine, ReasonCode, TradeCalculationResult
from .planner import plan
from .policy import CommissionModel, PlanPolicy
from .quotes import validate_quotes
from .reconciliation import PositionCheck, Reconciliation, Verdict, reconcile
from .replacements import ReplacedAllocations, Replacement, ReplacementSet, apply_replacements

__version__ = "1.0.0"

__all__ = [
    "AccountConfig",
    "AllocationError",
    "AllocationItem",
    "BatchInput",
    "BatchPlan",
    "BatchVerdict",
    "CommissionModel",
    "Plan",
    "PlanError",
    "PlanLine",
    "PlanPolicy",
    "PositionCheck",
    "QuoteError",
    "ReasonCode",
    "Reconciliation",
    "ReplacedAllocations",
    "Replacement",
    "ReplacementError",
    "ReplacementSet",
    "SnapshotError",
    "Targets",
    "Trade",
    "TradeCalculationResult",
    "TradeCalculator",
    "Verdict",
    "__version__",
    "apply_replacements",
    "plan",
    "plan_many",
    "reconcile",
    "validate_allocations",
    "validate_quotes",
]
