"""Ctrl-C before anything was sent: one clear end at any moment, never a traceback."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Shell

pytestmark = pytest.mark.acceptance

INTERRUPTED = "interrupted; nothing was sent"


@pytest.mark.parametrize(
    ("number", "loaded"),
    [
        (signal.SIGINT, "argparse"),
        (signal.SIGINT, "pydantic"),
        (signal.SIGHUP, "app.settings"),
        (signal.SIGTERM, "app.fork_server"),
        (signal.SIGINT, "app.commands.task"),
    ],
)
def test_a_signal_while_a_command_is_loading_ends_it_with_one_document(
    shell: Shell, number: signal.Signals, loaded: str
) -> None:
    # Python then names each module that is loaded on standard error.
    process = shell.start(
        "rebalance.sh", "-account", "DUM959247", "--json", PYTHONPROFILEIMPORTTIME="1"
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.split("|")[-1].strip() == loaded:
            break
    # As a terminal does it: to the command and all that it has started.
    os.killpg(process.pid, number)
    ended = shell.finish(process)
    assert ended.code == 1
    assert ended.document["command"] == "rebalance"
    assert ended.document["error"] == {"kind": "Interrupted", "message": INTERRUPTED}
    assert f"error: {INTERRUPTED}\n" in ended.errors
    assert "Traceback" not in ended.errors


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.6, 0.9, 1.2])
def test_ctrl_c_at_any_time_is_answered_with_what_was_sent(shell: Shell, seconds: float) -> None:
    process = shell.start("rebalance.sh", "-account", "DUM959247", "-exec", "rebalance")
    time.sleep(seconds)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    ended = shell.finish(process)
    starting = ("<frozen site>", "Could not import runpy module")
    if any(words in ended.errors for words in starting) or ended.code == -signal.SIGINT:
        return  # Python itself had not started yet.
    assert "Traceback" not in ended.errors
    assert ended.code in (0, 1)
    if ended.code:
        assert "sent" in ended.errors or "traded" in ended.errors
