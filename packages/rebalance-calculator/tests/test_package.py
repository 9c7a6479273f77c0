import rebalance_calculator


def test_the_public_surface_is_exactly_this() -> None:
    assert rebalance_calculator.__all__ == [
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


def test_every_public_name_exists() -> None:
    for name in rebalance_calculator.__all__:
        assert hasattr(rebalance_calculator, name)
