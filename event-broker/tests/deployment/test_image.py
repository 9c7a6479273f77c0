"""The Dockerfile and its context, as far as they can be checked without an engine."""

from __future__ import annotations

import re
import shlex
from fnmatch import fnmatch
from pathlib import Path
from typing import cast

import pytest

from app.api import Backend, create_api

ROOT = Path(__file__).parents[3]
LINES = [
    line
    for line in re.sub(r"\\\n\s*", "", (ROOT / "event-broker/Dockerfile").read_text()).splitlines()
    if line and not line.startswith("#")
]
FINAL_STAGE = LINES[max(i for i, line in enumerate(LINES) if line.startswith("FROM ")) :]
IGNORED = [
    line
    for line in (ROOT / ".dockerignore").read_text().splitlines()
    if line and not line.startswith("#")
]


def sources(lines: list[str]) -> list[str]:
    """What is copied from the context."""
    copied = [shlex.split(line)[1:-1] for line in lines if line.startswith("COPY ")]
    return [source for words in copied if not words[0].startswith("--from") for source in words]


def is_ignored(path: str) -> bool:
    verdict = False
    for rule in IGNORED:
        pattern = rule.removeprefix("!").removeprefix("**/")
        parts = path.split("/") if rule.startswith("**/") else [path.split("/")[0], path]
        if any(fnmatch(part, pattern) for part in parts):
            verdict = not rule.startswith("!")
    return verdict


@pytest.mark.parametrize("source", sources(LINES))
def test_everything_that_is_copied_exists_and_is_sent(source: str) -> None:
    assert (ROOT / source).exists()
    assert not is_ignored(source.rstrip("/"))


@pytest.mark.parametrize(
    "path", [".env", ".env.local", "data/paper/events.db", ".git/config", "event-broker/tests/x.py"]
)
def test_secrets_state_and_tests_are_never_sent(path: str) -> None:
    assert is_ignored(path)


@pytest.mark.parametrize("path", ["packages/ibkr-connector/pyproject.toml", "CLAUDE.md"])
def test_packages_and_the_guide_are_sent(path: str) -> None:
    assert not is_ignored(path)


def test_dependencies_come_from_the_hashed_lock_as_wheels() -> None:
    (install,) = [line for line in LINES if "requirements/runtime.txt" in line and "RUN" in line]
    assert "--require-hashes" in install
    assert "--only-binary :all:" in install


def test_the_final_image_installs_nothing() -> None:
    assert not [line for line in FINAL_STAGE if re.search(r"\b(apt|apt-get|pip|gcc)\b", line)]


def test_the_service_is_nobody_s_root() -> None:
    (user,) = [line.split()[1] for line in FINAL_STAGE if line.startswith("USER ")]
    assert int(user) > 0


def test_health_is_asked_of_the_running_process() -> None:
    (check,) = [line for line in FINAL_STAGE if line.startswith("HEALTHCHECK ")]
    assert "http://127.0.0.1:" in check
    assert "import app" not in check


def test_health_is_asked_where_every_role_answers() -> None:
    (check,) = [line for line in FINAL_STAGE if line.startswith("HEALTHCHECK ")]
    (path,) = re.findall(r"\{os\.environ\[\\\"API_PORT\\\"\]\}(/\w+)'", check)
    # The schema is left out where nobody manages; the paths are told all the same.
    assert path in create_api(cast(Backend, None), probes_only=True).openapi()["paths"]
    assert [line for line in FINAL_STAGE if line.startswith("ENV ") and " API_PORT=8000" in line]
