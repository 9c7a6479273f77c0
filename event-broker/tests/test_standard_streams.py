"""Standard streams that cannot be written to; closed and full ones are in the acceptance tests."""

from __future__ import annotations

import os
import subprocess
import sys

_FILL = """
import os, sys
from app import standard_streams

standard_streams.outlive_readers(float(sys.argv[1]))
os.set_blocking(1, False)
sys.stdout.write("x" * 500_000)
lost = standard_streams.output_lost()
sys.stderr.write(lost.strerror if lost else "all written")
"""


def test_a_reader_that_is_slower_than_a_non_blocking_pipe_gets_everything() -> None:
    with subprocess.Popen(
        [sys.executable, "-P", "-c", _FILL, "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as filling:
        read, told = filling.communicate(timeout=60)
    assert read == b"x" * 500_000
    assert told == b"all written"


def test_a_reader_that_is_too_slow_for_a_non_blocking_pipe_gets_the_beginning() -> None:
    reader, writer = os.pipe()
    ended = subprocess.run(
        [sys.executable, "-P", "-c", _FILL, "0.1"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writer)
    with open(reader, "rb") as pipe:
        read = pipe.read()
    assert (ended.returncode, ended.stderr) == (0, "Resource temporarily unavailable")
    assert 0 < len(read) < 500_000
    assert set(read) == {ord("x")}
