"""What accounts are given to work with."""

from pathlib import Path

import pytest

from app.settings import load_settings
from app.trading.broker_factory import create_allocation_source
from rebalance_workflow import AllocationSourceError


async def test_accounts_outside_the_simulation_never_get_the_targets_of_the_demo(
    home: Path,
) -> None:
    (home / "demo" / "allocations").mkdir(parents=True)
    (home / "demo" / "allocations" / "alpha.json").write_text("{}")
    source = create_allocation_source(load_settings(home, {"TRADING_MODE": "paper"}))
    with pytest.raises(AllocationSourceError, match="ALLOCATIONS_BASE_URL is not set"):
        await source.fetch("alpha")
