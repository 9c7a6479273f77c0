"""What a command refuses before anything is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import parse
from app.commands.outcome import CommandFailed, ExitCode
from app.commands.session import open_session, read_settings

Write = Callable[[str, str], Path]


def test_a_guard_that_is_not_enforced_refuses_live_rebalances(home: Path, write: Write) -> None:
    write(
        "accounts.yaml",
        "accounts:\n  - {account_id: U300, type: live, strategy_name: a, "
        "pdt_protection_enabled: true}\n",
    )
    settings = read_settings(
        {
            "REBALANCER_HOME": str(home),
            "TRADING_MODE": "live",
            "ALLOCATIONS_BASE_URL": "https://allocations.example.com",
        }
    )
    arguments = parse(["rebalance", "-account", "U300", "-exec", "rebalance"])
    with pytest.raises(CommandFailed) as caught, open_session(arguments, settings):
        pass
    assert caught.value.exit_code == ExitCode.BAD_INPUT
    assert str(caught.value) == (
        "U300 has pdt_protection_enabled: true, and this version cannot limit its live rebalances "
        "to one a session; preview and trade by hand, or set it to false in accounts.yaml. "
        "Nothing was sent."
    )
    assert not (home / "data").exists()
