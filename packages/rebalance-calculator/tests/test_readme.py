from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_examples_print_what_the_readme_says() -> None:
    found = re.findall(r"```python\n(.*?)```.*?```\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(found) == 2
    names: dict[str, object] = {}
    for code, says in found:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(README), "exec"), names)
        assert printed.getvalue() == says
