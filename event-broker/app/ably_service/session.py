"""The life of one client: its channels, its pings, and why it came to an end.

The SDK has states in which it says `connected`, hears nothing and never will. A client that does
not answer is thrown away; a new one attaches afresh, and history fills what was missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import structlog
from ably.util.exceptions import AblyException

from .attachment import Attachment
from .clients import Sockets, realtime_client, rest_client
from .feed import Feed, Sources
from .history import History
from .options import Access, Patience
from .recorder import Alert
from .server_time import ServerTime
from .status import Connection

_log = structlog.get_logger(__name__)

#: Malformed key, no or wrong secret, revoked, unknown (github.com/ably/ably-common, errors.json).
_KEY_ERRORS = frozenset({40005, 40100, 40101, 40131, 40400})
_MISSED_PINGS = 2


class KeyRefused(Exception):
    """The server does not accept the key; trying again soon would change nothing."""


class Stopped(Exception):
    """The service ends."""


class ClientDead(Exception):
    """The client has failed or does not answer: build a new one."""


class Session:
    """A realtime client and a REST client, with the feeds that they serve."""

    def __init__(
        self,
        access: Access,
        patience: Patience,
        time: ServerTime,
        alert: Alert,
        clean: Callable[[str], str],
        show: Callable[[Connection], None],
    ) -> None:
        """`show` is told where the connection is, and `clean` strikes secrets out of a text.

        Call it on the event loop to live on.
        """
        self._access = access
        self._patience = patience
        self._time = time
        self._alert = alert
        self._clean = clean
        self._show = show
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._given_up: asyncio.TimerHandle | None = None
        self._attachments: dict[str, Attachment] = {}
        self._feeds: dict[str, Feed] = {}
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._realtime: Any = None
        self._sockets: Sockets | None = None
        self._rest: Any = None
        self._closing = False
        #: Whether it was connected at any time.
        self.was_connected = False

    async def run(self, feeds: Iterable[Feed]) -> None:
        """Serve the feeds. Raises `KeyRefused`, `ClientDead`, and `Stopped` after `stop`."""
        try:
            self._build()
            for feed in feeds:
                self.add(feed)
            await self._watch()
        finally:
            await self._close()

    def add(self, feed: Feed) -> None:
        """Serve one more feed; a client that is being closed serves none."""
        if self._closing:
            return
        attachment = Attachment(self._realtime, feed, self._patience, self._alert, self._clean)
        sources = Sources(
            history=History(self._rest, self._patience.request),
            server_now=lambda: self._time.ask(self._rest, self._patience.request),
            rewind=attachment.rewind,
        )
        self._feeds[feed.channel] = feed
        self._attachments[feed.channel] = attachment
        self._runs[feed.channel] = asyncio.create_task(feed.run(sources))
        leaving = self._leaving.get(feed.channel)
        if leaving is None:
            attachment.start()
        else:  # or it would find itself attached, and be detached a moment later
            leaving.add_done_callback(lambda _: self._start(feed.channel, attachment))

    def stop(self) -> None:
        """Make `run` end."""
        self._end(Stopped())

    def remove(self, channel: str) -> None:
        """Serve this feed no longer."""
        if self._closing:
            return
        self._feeds.pop(channel)
        self._runs.pop(channel).cancel()
        leaving = asyncio.create_task(self._attachments.pop(channel).leave())
        self._leaving[channel] = leaving
        leaving.add_done_callback(lambda _: self._left(channel, leaving))

    def _left(self, channel: str, leaving: asyncio.Task[None]) -> None:
        if self._leaving.get(channel) is leaving:
            del self._leaving[channel]

    def _start(self, channel: str, attachment: Attachment) -> None:
        """Start it, unless it was removed in the meantime."""
        if self._attachments.get(channel) is attachment and not self._closing:
            attachment.start()

    def _build(self) -> None:
        self._show(Connection.CONNECTING)
        try:
            self._rest = rest_client(self._access)
            self._realtime = realtime_client(self._access, dict(self._patience.sdk))
        except AblyException as error:
            raise KeyRefused(str(error)) from None
        self._count_down()
        self._sockets = Sockets(self._realtime)
        self._realtime.connection.on(self._on_connection)

    def _on_connection(self, change: Any) -> None:
        state = str(change.current.value)
        reason = self._clean(str(change.reason))
        _log.info("connection", state=state, reason=reason if change.reason else None)
        if self._closing:
            return
        if state == "connected":
            self.was_connected = True
            if self._given_up is not None:
                self._given_up.cancel()
                self._given_up = None
            self._show(Connection.CONNECTED)
        elif state == "failed":
            # The SDK forgets this state after ten seconds and tries the same key again.
            refused = getattr(change.reason, "code", None) in _KEY_ERRORS
            self._end(KeyRefused(reason) if refused else ClientDead(f"it failed: {reason}"))
        else:
            for feed in self._feeds.values():
                feed.detached()
            self._show(Connection.CONNECTING)
            self._count_down()

    def _count_down(self) -> None:
        if self._given_up is None:
            seconds = self._patience.disconnected
            death = ClientDead(f"it was not connected for {seconds:g} s")
            self._given_up = asyncio.get_running_loop().call_later(seconds, self._end, death)

    def _end(self, why: Exception) -> None:
        if not self._over.done():
            self._over.set_exception(why)
            # `run` raises it, unless it is cancelled before: then nobody misses it.
            self._over.exception()

    async def _watch(self) -> None:
        """Ping while connected, until the end comes. Raises its reason."""
        missed = 0
        while True:
            await asyncio.wait({self._over}, timeout=self._patience.ping_every)
            if self._over.done():
                self._over.result()
            if self._realtime.connection.state != "connected":
                missed = 0
                continue
            missed = 0 if await self._ping() else missed + 1
            if missed >= _MISSED_PINGS:
                raise ClientDead("it says connected and does not answer")

    async def _ping(self) -> bool:
        sent_at = self._time.now()
        try:
            async with asyncio.timeout(self._patience.ping):
                await self._realtime.connection.ping()
        except Exception as error:
            # The SDK raises its own errors, those of websockets, and bare ones.
            _log.warning("no_answer_to_ping", error=self._clean(repr(error)))
            return False
        if sent_at is not None:
            for feed in tuple(self._feeds.values()):
                await feed.confirm(sent_at)
        return True

    async def _close(self) -> None:
        """End all that this client does, within the time that closing may take."""
        self._closing = True
        if self._given_up is not None:
            self._given_up.cancel()
        for run in self._runs.values():
            run.cancel()
        for attachment in self._attachments.values():
            attachment.end()
        # Each step is taken even if a cancellation comes in the one before: the service may be
        # stopped while a dead client is still being closed.
        try:
            await self._let_go(self._realtime)
        finally:
            if self._sockets is not None:
                self._sockets.abort()
            await self._let_go(self._rest)

    async def _let_go(self, client: Any) -> None:
        if client is not None:
            with suppress(TimeoutError, AblyException):
                # `wait_for` may lose a cancellation that comes while the client is closing.
                async with asyncio.timeout(self._patience.close):
                    await client.close()
