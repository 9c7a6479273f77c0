"""Pure portfolio arithmetic: target allocations, an account snapshot and quotes in, an optimal
whole-share plan out.
"""

from broker_connector_base.models import AccountConfig, AllocationItem, Trade

from .allocations import Targets, validate_allocations
from .errors import AllocationError, PlanError, QuoteError, ReplacementError, SnapshotError
from .models import Plan, PlanLine, ReasonCode, TradeCalculationResult
from .planner import plan
from .policy import CommissionModel, PlanPolicy
from .quotes import validate_quotes

__version__ = "1.0.0"

__all__ = [
    "AccountConfig",
    "AllocationError",
    "AllocationItem",
    "CommissionModel",
    "Plan",
    "PlanError",
    "PlanLine",
    "PlanPolicy",
    "QuoteError",
    "ReasonCode",
    "ReplacementError",
    "SnapshotError",
    "Targets",
    "Trade",
    "TradeCalculationResult",
    "__version__",
    "plan",
    "validate_allocations",
    "validate_quotes",
]
