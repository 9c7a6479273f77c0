"""What account processes find in memory when they begin."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LOOK = """
import sys
from app import fork_server

if __name__ == "__main__":
    fork_server.start(sys.argv[1])
    known = "__import__('rebalance_workflow').trusted_authorities.cache_info().currsize"
    with fork_server.context().Pool(1) as pool:
        print(pool.apply(eval, [known]))
        # Its SIGTERM, at the end of the block, is blocked in what the fork server forks.
        pool.close()
        pool.join()
"""


@pytest.mark.parametrize(("url", "known"), [("https://targets.test", "1"), ("http://a.test", "0")])
def test_the_authorities_are_read_once_and_only_for_allocations_over_tls(
    url: str, known: str
) -> None:
    command = [sys.executable, "-P", "-c", _LOOK, url]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == known
