"""The package's surface."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import ibkr_connector
from ibkr_connector.testing.world import World

_README = Path(__file__).parents[1] / "README.md"


def test_the_surface_is_sorted_and_complete() -> None:
    names = ibkr_connector.__all__
    assert sorted(names) == sorted(set(names))
    assert all(hasattr(ibkr_connector, name) for name in names)
    assert {"IBKRClient", "CachedPrice", "ContractCache", "__version__"} <= set(names)


async def test_the_example_in_the_readme_works(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = re.search(r"```python\n(.*?)```", _README.read_text(), re.DOTALL)
    assert found is not None
    example = found[1].replace("4002", str(world.tap.port)).replace("SPY", "AAA")
    example = example.replace("contracts.json", str(tmp_path / "contracts.json"))
    example = example.replace("asyncio.run(main())", "")
    names: dict[str, Any] = {}
    exec(example, names)
    await names["main"]()
    assert "103250.10 USD" in capsys.readouterr().out
    assert [order.request.order_ref for order in world.exchange.completed_orders()] == [
        "first-order"
    ]
