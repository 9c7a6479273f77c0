"""Logging of the service and its account processes: structured lines into one file a mode.

Libraries of ours log events with key-values through structlog, ib_async through the standard
library; both end up as JSON lines in `data/logs`. The configured secrets are struck out of every
line, wherever they come from. Standard output belongs to the commands and is never written to.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections.abc import Sequence
from contextlib import suppress

import structlog

from app.settings import Settings
from app.settings.secrets import spellings

#: Replacing shorter values would tear ordinary words apart.
_SHORTEST_SECRET = 4


def configure_logging(settings: Settings, *, to_terminal: bool = False, **context: str) -> None:
    """Send what this process logs to the mode's file; `context` is on each line.

    With `to_terminal` to standard error as well, which is where containers are listened to.
    """
    settings.log_directory.mkdir(parents=True, exist_ok=True)
    path = settings.log_directory / f"{settings.mode}.log"
    # Several processes write to it; it is rotated from outside, and opened again when it was.
    handlers: list[logging.Handler] = [LogFile(path, encoding="utf-8")]
    if to_terminal:
        handlers.append(logging.StreamHandler())
    for handler in handlers:
        handler.setFormatter(SecretFreeFormatter(settings.environment.secrets()))
    root = logging.getLogger()
    root.handlers = handlers
    root.setLevel(settings.environment.log_level)
    # It tells every step of a migration, and that once.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(mode=settings.mode.value, **context)


class LogFile(logging.handlers.WatchedFileHandler):
    """A file that cannot be written to stops nobody's work, and is no traceback for each line."""

    def emit(self, record: logging.LogRecord) -> None:
        # Opening it again, after it was rotated, is outside of what `handleError` covers.
        with suppress(OSError):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def _origin(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    record: logging.LogRecord = event["_record"]
    return {**event, "level": record.levelname.lower(), "logger": record.name}


class SecretFreeFormatter(structlog.stdlib.ProcessorFormatter):
    """JSON lines in which the given secrets read `***`."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__(
            foreign_pre_chain=[structlog.contextvars.merge_contextvars],
            processors=[
                _origin,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(default=str),
            ],
        )
        found = {spelling for secret in secrets for spelling in spellings(secret)}
        # The longest first: a part of one must not be struck out before the whole.
        by_length = sorted(found, key=len, reverse=True)
        self._secrets = [secret for secret in by_length if len(secret) >= _SHORTEST_SECRET]

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return line
