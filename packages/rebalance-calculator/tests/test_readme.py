from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_example_prints_what_the_readme_says() -> None:
    found = re.search(r"```python\n(.*?)```.*?```\n(.*?)```", README.read_text(), re.DOTALL)
    assert found
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(found[1], str(README), "exec"), {})
    assert printed.getvalue() == found[2]
