"""Keeps the API key and the SDK's tracebacks out of the log, and hears when it drops a message.

The SDK logs the address that it connects to, key included, and so do the libraries under it. From
here on everything it says becomes one short line of ours without secrets.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import structlog

_log = structlog.get_logger("app.ably_service")
_CREDENTIAL = re.compile(r"\b(key|accessToken|access_token)=[^&\s'\"]+")
_SDK = "ably"
#: They log addresses, headers and frames; even when somebody debugs the rest.
_LOUD = ("websockets", "httpx", "httpcore", "hpack", "h2", "asyncio")
#: Where the SDK reports a frame that it could not handle: all messages in it are gone.
_FRAMES = ("ably.transport.websockettransport", "ably.realtime.channel")
#: Their functions that report something else: a connection that cannot be had, or that is silent,
#: and a token that is not renewed. What a later SDK reports elsewhere counts as a frame.
_NO_FRAMES = frozenset({"ws_connect", "on_idle_timer_expire", "on_protocol_message"})


class Redaction:
    """Strikes a key out of texts, in every form in which it appears."""

    def __init__(self, key: str) -> None:
        _, _, secret = key.partition(":")
        forms = {key, quote(key, safe=""), secret, quote(secret, safe="")}
        self._forms = sorted((form for form in forms if len(form) >= 4), key=len, reverse=True)

    def clean(self, text: str) -> str:
        """The text without secrets."""
        for form in self._forms:
            text = text.replace(form, "***")
        return _CREDENTIAL.sub(r"\1=***", text)


class SdkLogs(logging.Handler):
    """While installed, the only handler of the SDK's loggers."""

    def __init__(self, redaction: Redaction, on_dropped: Callable[[], None]) -> None:
        """`on_dropped` is called for every frame that the SDK could not handle, on any thread."""
        super().__init__(logging.WARNING)
        self._redaction = redaction
        self._on_dropped = on_dropped

    def install(self) -> None:
        """Take over the SDK's loggers, whatever level the rest of the program has."""
        for name in (_SDK, *_LOUD):
            logging.getLogger(name).setLevel(logging.WARNING)
        for name in tuple(logging.root.manager.loggerDict):
            if name.partition(".")[0] in (_SDK, *_LOUD) and "." in name:
                logging.getLogger(name).setLevel(logging.NOTSET)
        sdk = logging.getLogger(_SDK)
        sdk.propagate = False
        sdk.addHandler(self)

    def remove(self) -> None:
        """Stop listening; the loggers stay quiet, because a key in a log stays there for ever."""
        logging.getLogger(_SDK).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except (TypeError, ValueError):  # some of the SDK's calls have arguments too many
            text = str(record.msg)
        self._say(record.name, record.levelname, text)
        is_about_a_frame = record.name in _FRAMES and record.funcName not in _NO_FRAMES
        if record.levelno >= logging.ERROR and is_about_a_frame:
            self._on_dropped()

    def loop_failed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """For the event loop: what the SDK's own tasks fail with, and nobody waits for."""
        self._say("asyncio", "ERROR", f"{context.get('message')}: {context.get('exception')!r}")

    def _say(self, origin: str, severity: str, text: str) -> None:
        first_line = self._redaction.clean(text).partition("\n")[0]
        _log.info("ably_sdk", origin=origin, severity=severity, text=first_line)
