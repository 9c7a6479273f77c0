"""The package's surface."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import paper_connector
from paper_connector.testing import PaperHarness

_README = Path(__file__).parents[1] / "README.md"

PUBLIC = """
MovingQuotes PaperBroker PaperClient PaperRebalancer PaperSettings QuoteTape Quotes SlippageModel
StandingQuotes __version__ paper_broker paper_policy
"""


def test_the_public_names_are_these() -> None:
    assert paper_connector.__all__ == PUBLIC.split()
    assert all(hasattr(paper_connector, name) for name in paper_connector.__all__)
    assert PaperHarness.symbols


def test_the_example_of_the_readme_prints_what_it_says_each_time_and_buys_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _README.read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (printed,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    example = example.replace("my-paper-account", str(tmp_path / "books"))
    for _ in ("buys", "finds it bought"):
        exec(compile(example, str(_README), "exec"), {"__name__": "readme"})
        assert capsys.readouterr().out == printed
