"""The package's surface and its cost."""

import re
import subprocess
import sys
from pathlib import Path

import simulated_exchange

README = Path(__file__).parents[1] / "README.md"


def test_the_public_names_are_listed_in_order_and_exist() -> None:
    assert simulated_exchange.__all__ == sorted(simulated_exchange.__all__)
    assert all(hasattr(simulated_exchange, name) for name in simulated_exchange.__all__)


def test_importing_the_package_brings_in_neither_yaml_nor_asyncio() -> None:
    # Both cost more start-up time than the package itself.
    program = "import sys, simulated_exchange; print({'yaml', 'asyncio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"set()"


def test_the_example_in_the_readme_prints_what_it_says() -> None:
    example, output = re.findall(r"```(?:python|text)\n(.*?)```", README.read_text(), re.DOTALL)[:2]
    done = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, check=True, text=True
    )
    assert done.stdout == output
