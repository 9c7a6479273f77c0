"""Log lines are JSON in one file a mode, without secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
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


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        ("DATABASE_URL=postgresql://me:p%40ssphrase@db/x", "password p@ssphrase"),
        ("DATABASE_URL=postgresql://me:p%40ssphrase@db/x", "password p%40ssphrase"),
        ("REALTIME_API_KEY=app.key:very-secret", "key very-secret"),
        ("REALTIME_API_KEY=app.key:very-secret", "?key=app.key%3Avery-secret"),
        (
            "NOTIFICATION_URLS=ntfy://topic-one tgram://token/chat",
            "cannot post to tgram://token/chat",
        ),
        ("MANAGEMENT_API_KEY=a+b/c=d", "?key=a%2Bb%2Fc%3Dd"),
    ],
)
def test_a_secret_is_struck_out_in_part_and_as_addresses_spell_it(
    home: Path, write: Write, setting: str, shown: str
) -> None:
    write(".env", f'{setting.replace("=", "=" + chr(34), 1)}"\n')
    configure_logging(load_settings(home, {}))
    structlog.get_logger().info("failed", why=shown)
    (line,) = lines(home)
    assert "***" in str(line["why"])
    assert not any(part in str(line["why"]) for part in ("ssphrase", "very-secret", "token", "%2F"))


def test_a_log_that_was_rotated_goes_on_in_a_new_file(home: Path) -> None:
    configure_logging(load_settings(home, {}))
    structlog.get_logger().info("before")
    log = home / "data" / "logs" / "simulation.log"
    log.rename(log.with_suffix(".1"))
    structlog.get_logger().info("after")
    assert [line["event"] for line in lines(home)] == ["after"]


def test_a_full_disk_under_the_log_stops_nothing_and_the_terminal_has_the_line_alone(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = home / "data" / "logs" / "simulation.log"
    log.parent.mkdir(parents=True)
    log.symlink_to("/dev/full")
    configure_logging(load_settings(home, {}), to_terminal=True)
    structlog.get_logger().info("said")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "said"
    with suppress(OSError):
        logging.getLogger().handlers[0].close()


def test_a_log_that_cannot_be_opened_again_stops_nothing(home: Path) -> None:
    configure_logging(load_settings(home, {}), to_terminal=True)
    folder = home / "data" / "logs"
    folder.rename(folder.with_name("moved"))
    folder.touch()
    structlog.get_logger().info("said")


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
