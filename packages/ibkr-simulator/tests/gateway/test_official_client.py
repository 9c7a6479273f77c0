"""A day of Interactive Brokers' own client, where it is at hand.

Its licence keeps it out of our environment: `pip install --no-deps --target FOLDER ibapi` fetches
it, and `IBAPI_PATH` names that folder, or several of different versions, separated by colons.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .test_serve import Served

FOLDERS = [folder for folder in os.environ.get("IBAPI_PATH", "").split(os.pathsep) if folder]


@pytest.mark.skipif(not FOLDERS, reason="IBAPI_PATH names no folder with the package ibapi")
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_official_client_trades_for_a_day(folder: str) -> None:
    served = Served()
    try:
        done = subprocess.run(
            [
                sys.executable,
                str(Path(__file__).with_name("official_client.py")),
                str(served.ready["port"]),
            ],
            env={**os.environ, "PYTHONPATH": folder},
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        ended = served.end()
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.pop("version") in (157, 178)
    assert told == {
        "con_id": 756733,
        "bid": 617.85,
        "has_bars": True,
        "bought": 3,
        "filled": 3,
        "fee": 1,
        "changed": 501,
        "execution": True,
        "held": 3,
        "tag": "NetLiquidation",
    }
    assert ended == (0, "")
