"""A home directory with working files, to be spoilt by each test in its own way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from broker_connector_base.testing import VirtualTimeLoop

#: Talk to a scripted broker only: waiting costs no time.
_VIRTUAL_TIME = {"test_interrupted_runs.py"}

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


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop of each test module."""
    if item.path.name in _VIRTUAL_TIME:
        return {"virtual-time": VirtualTimeLoop}
    return {"real-time": asyncio.SelectorEventLoop}


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
