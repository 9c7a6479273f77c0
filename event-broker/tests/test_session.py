"""What a command refuses before anything is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import parse
from app.commands.outcome import CommandFailed, ExitCode
from app.commands.session import open_session, read_settings

Write = Callable[[str, str], Path]


def test_contradictions_are_refused_and_leave_no_trace(home: Path, write: Write) -> None:
    write("accounts.yaml", "accounts:\n  - {account_id: U300, type: paper, strategy_name: a}\n")
    settings = read_settings({"REBALANCER_HOME": str(home)})
    arguments = parse(["rebalance", "-account", "U300", "-exec", "rebalance"])
    with pytest.raises(CommandFailed) as caught, open_session(arguments, settings):
        pass
    assert caught.value.exit_code == ExitCode.BAD_INPUT
    assert str(caught.value) == (
        "U300 is not a paper account by its id but accounts.yaml says type: paper; correct the id "
        "or the type. Nothing was sent."
    )
    assert not (home / "data").exists()
