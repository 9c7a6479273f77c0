"""Log lines are JSON in one file a mode, without secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from app.logs import configure_logging
from app.settings import load_settings

Write = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(home: Path, mode: str = "simulation") -> list[dict[str, object]]:
    text = (home / "data" / "logs" / f"{mode}.log").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_events_of_ours_and_of_libraries_are_alike(home: Path) -> None:
    configure_logging(load_settings(home, {}), account_id="DU100")
    structlog.get_logger("ours").info("order_sent", quantity=3)
    logging.getLogger("theirs").warning("took %d seconds", 5)
    ours, theirs = lines(home)
    assert ours["event"] == "order_sent"
    assert ours["quantity"] == 3
    assert theirs["event"] == "took 5 seconds"
    assert theirs["logger"] == "theirs"
    for line in (ours, theirs):
        assert line["account_id"] == "DU100"
        assert line["mode"] == "simulation"
        assert str(line["timestamp"]).endswith("Z")


def test_secrets_are_struck_out_wherever_they_come_from(home: Path, write: Write) -> None:
    write(".env", "ALLOCATIONS_API_KEY=sesame-open\nIB_PASSWORD=hunter22\n")
    configure_logging(load_settings(home, {}))
    structlog.get_logger().info("asked", headers={"x-api-key": "sesame-open"})
    logging.getLogger("theirs").info("login with %s", "hunter22")
    text = (home / "data" / "logs" / "simulation.log").read_text()
    assert "sesame-open" not in text
    assert "hunter22" not in text
    assert text.count("***") == 2


def test_the_level_is_the_configured_one(home: Path) -> None:
    configure_logging(load_settings(home, {"LOG_LEVEL": "WARNING"}))
    structlog.get_logger().info("quiet")
    logging.getLogger("theirs").info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines(home)] == ["loud"]


def test_an_exception_is_part_of_its_line(home: Path) -> None:
    configure_logging(load_settings(home, {}))
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("theirs").exception("failed too")
    assert all("ValueError: broken" in str(line["exception"]) for line in lines(home))
