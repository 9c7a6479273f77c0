"""A process that waits for its job rehearses: nothing outside of it hears of that."""

from __future__ import annotations

import os
import subprocess
import sys

#: Ends at the first thing that reaches out of the process.
_REHEARSE = """
import sys
from app.account_process.rehearsal import rehearse

FORBIDDEN = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "open",
             "os.", "shutil.", "tempfile.", "subprocess.", "signal.")
def watch(event, arguments):
    if event.startswith(FORBIDDEN):
        raise RuntimeError(f"{event} {arguments}")

rehearse()
loaded = set(sys.modules)
sys.addaudithook(watch)
rehearse()
print(sorted(set(sys.modules) - loaded))
"""
#: Measuring coverage writes a file at the end, which is not the rehearsal's doing.
_UNMEASURED = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}


def test_it_reaches_nothing_outside_of_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", _REHEARSE],
        env=_UNMEASURED,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout == "[]\n"


def test_the_watch_of_this_test_sees_what_reaches_out() -> None:
    reaching = _REHEARSE.replace("\nrehearse()\nprint", "\nopen('/dev/null')\nprint")
    done = subprocess.run(
        [sys.executable, "-P", "-c", reaching],
        env=_UNMEASURED,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "RuntimeError: open" in done.stderr
