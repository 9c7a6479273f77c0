"""A home directory with working files, to be spoilt by each test in its own way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

ACCOUNTS = """\
accounts:
  - account_id: DU100
    type: paper
    strategy_name: alpha
  - account_id: DU200
    type: paper
    enabled: false
    strategy_name: beta
  - account_id: U300
    type: live
    strategy_name: alpha
"""

Write = Callable[[str, str], Path]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
    return tmp_path


@pytest.fixture
def write(home: Path) -> Write:
    """Write a file of the home directory."""

    def write_file(name: str, text: str) -> Path:
        path = home / name
        path.write_text(dedent(text))
        return path

    return write_file
