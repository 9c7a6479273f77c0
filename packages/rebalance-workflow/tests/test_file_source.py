"""Allocations from files in the API's own format."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from rebalance_workflow import AllocationSourceError, FileAllocationSource, SourceFault

TEXT = """{"status": "success", "data": {"as_of": "2025-06-24",
"allocations": [{"symbol": "QQQ", "allocation": 0.6}, {"ticker": "BTAL", "allocation": 0.4}]}}"""


async def test_a_strategy_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "blend.json").write_text(TEXT)
    target = await FileAllocationSource(tmp_path).fetch("blend")
    assert {item.symbol: item.allocation for item in target.items} == {
        "QQQ": Decimal("0.6"),
        "BTAL": Decimal("0.4"),
    }
    assert target.as_of == "2025-06-24"
    assert target.source == str(tmp_path / "blend.json")


async def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AllocationSourceError, match=r"blend\.json") as missing:
        await FileAllocationSource(tmp_path).fetch("blend")
    assert (missing.value.fault, missing.value.retryable) == (SourceFault.NOT_FOUND, False)


async def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "blend.json").mkdir()
    with pytest.raises(AllocationSourceError, match="cannot be read") as failed:
        await FileAllocationSource(tmp_path).fetch("blend")
    assert failed.value.fault is SourceFault.UNAVAILABLE


async def test_a_name_cannot_leave_the_directory(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text(TEXT)
    with pytest.raises(AllocationSourceError) as refused:
        await FileAllocationSource(tmp_path / "inside").fetch("../secret")
    assert refused.value.fault is SourceFault.BAD_NAME
