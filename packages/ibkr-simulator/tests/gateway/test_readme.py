"""What the README shows, done."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ibkr_simulator.faults import ACTIONS, read_file, rule_from_json

from .test_serve import Served

README = (Path(__file__).parents[2] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    served = Served("--control-port", "0")
    yield served
    served.end()
    with served.process:
        pass


def run(script: str, served: Served) -> str:
    """What a script prints, with the ports of this gateway for those that it names."""
    ports = {"4002": served.ready["port"], "4003": served.ready["control_port"]}
    assert "4002" in script
    for written, real in ports.items():
        script = script.replace(written, str(real))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_first_script_buys_ten_shares(served: Served) -> None:
    printed = run(blocks("python")[0], served)
    assert printed.startswith("Filled 617.86 ")
    assert "position=10.0" in printed


def test_the_second_script_has_its_orders_tampered_with(served: Served) -> None:
    assert run(blocks("python")[1], served) == blocks("text")[0]


def test_the_file_of_faults_has_the_rules_of_the_script(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(blocks("yaml")[0])
    swallow, partial = (rule_from_json(rule) for rule in read_file(file))
    assert (swallow.message, swallow.symbol, swallow.nth) == ("placeOrder", "SPY", 2)
    assert partial.action.sizes == (4,)


async def test_the_test_runs() -> None:
    names: dict[str, Any] = {}
    exec(blocks("python")[2], names)
    await names["test_my_strategy"]()


def test_every_fault_is_listed() -> None:
    table = README.split("| action | what happens | terms |")[1].split("\n\n")[0]
    listed = [
        name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])
    ]
    assert sorted(listed) == sorted(ACTIONS)


def test_the_adviser_of_the_scenario_can_log_in() -> None:
    served = Served("--scenario", "advisor")
    assert served.ready["accounts"] == ["DF100000", "DU100001", "DU100002", "DU100003"]
    assert served.end() == (0, "")
