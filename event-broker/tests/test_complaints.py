"""What is wrong with a value, said without words of the program."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from app.settings import SettingsError, load_settings

#: Of Python, of pydantic, of our classes and of regular expressions.
_INTERNAL = re.compile(
    r"valid dictionary|instance of|tuple|Value error|match pattern|[a-z]Config|_Old"
)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (
            "accounts.yaml",
            "- nonsense\n",
            "accounts.yaml:1: [0]: should be keys with values (key: value), not 'nonsense'",
        ),
        (
            "config.yaml",
            "trading: fast\n",
            "config.yaml:1: trading: should be keys with values (key: value), not 'fast'",
        ),
        (
            "config.yaml",
            "scheduler:\n  market_open_time: '25:00'\n",
            'config.yaml:2: scheduler.market_open_time: should be a time such as "09:30", in '
            "quotes, not '25:00'",
        ),
        (
            "accounts.yaml",
            "accounts:\n  - account_id: DU1\n    type: paper\n    strategy_name: a\n"
            "    schedule: daily\n",
            "accounts.yaml:5: accounts[0].schedule: should be a list, not 'daily'",
        ),
        (
            ".env",
            "ALLOCATIONS_BASE_URL=example.com\n",
            ".env:1: ALLOCATIONS_BASE_URL: should be an address that begins with http:// or "
            "https://",
        ),
        (
            ".env",
            "\nDATABASE_URL=mysql://secret\n",
            ".env:2: DATABASE_URL: should begin with sqlite:/// or postgresql://",
        ),
    ],
)
def test_a_value_that_is_wrong_is_told_in_words_of_the_file(
    home: Path, write: Callable[[str, str], Path], name: str, text: str, problem: str
) -> None:
    write(name, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(home, {})
    assert caught.value.problems == (problem,)
    assert not _INTERNAL.search(problem)
