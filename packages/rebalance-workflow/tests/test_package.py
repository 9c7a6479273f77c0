"""The public surface of the package, and the example that its README shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import rebalance_workflow

README = Path(__file__).parents[1] / "README.md"


def test_the_public_names_are_listed_sorted_and_exist() -> None:
    names = rebalance_workflow.__all__
    assert names == sorted(names)
    assert all(hasattr(rebalance_workflow, name) for name in names)


async def test_the_example_of_the_readme_works(capsys: Any, tmp_path: Path) -> None:
    [example] = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    names: dict[str, Any] = {"state": tmp_path}
    exec(compile(example, str(README), "exec"), names)
    await names["main"]()
    assert capsys.readouterr().out == "buy 98 AAA: 0.0 % now, 99.0 % wanted: buy 98\ndone\n"
