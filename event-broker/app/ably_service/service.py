"""Events from Ably: everything that is published on the followed channels gets into the store.

Settings and channels come in; messages, gaps and alerts go out. The SDK lives on a thread and an
event loop of its own, because it blocks its loop at times, and because the rest of the service must
not wait for it. Nothing is executed here: that is decided by who reads the store.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from app.store import Store

from .feed import Feed
from .options import AblySettings, Access, Patience
from .recorder import Alert, Recorder
from .sdk_logs import Redaction, SdkLogs
from .server_time import ServerTime
from .session import KeyRefused, Session, Stopped
from .status import AblyStatus, AlertKind, Connection

_log = structlog.get_logger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class AblyService:
    """Ingests messages. Its methods may be called from any thread."""

    def __init__(
        self,
        settings: AblySettings,
        store: Store,
        channels: Iterable[str],
        alert: Alert,
        *,
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], datetime] = _utc_now,
        patience: Patience | None = None,
    ) -> None:
        """Follow these channels once started.

        `alert` is called with a kind and a text, and `changed` after every change of the status,
        both on the service's thread; they must not block.
        `clock` only stands in for the server's time in a message that has none.
        """
        access = Access.of(settings)
        self._access = access
        self._retention = timedelta(seconds=settings.ably_history_retention)
        self._patience = patience or Patience()
        self._store = store
        self._tell = alert
        self._on_change = changed
        self._clock = clock
        self._redaction = Redaction(access.key if access else "")
        self._logs = SdkLogs(self._redaction, self._on_dropped)
        self._time = ServerTime()
        self._wanted = frozenset(channels)
        self._feeds: dict[str, Feed] = {}
        self._session: Session | None = None
        self._connection = Connection.STOPPED
        self._key_refusal_told = False
        self._rebuilds = 0
        self._last_error: str | None = None
        self._thread = threading.Thread(target=self._live, name="ably", daemon=True)
        self._running = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin; returns at once. Without a key nothing is done but to say so in the status."""
        if self._access is None:
            self._connection = Connection.NO_KEY
            self._last_error = "REALTIME_API_KEY is not set: no events come from Ably"
            return
        self._logs.install()
        self._thread.start()
        self._running.wait()

    def close(self, timeout: float) -> bool:
        """End within `timeout` seconds; False when the SDK did not let go of its thread by then.

        What was recorded is durable in either case.
        """
        if self._main is not None:
            self._call(self._stop)
            self._thread.join(timeout)
            self._logs.remove()
        return not self._thread.is_alive()

    def update_channels(self, channels: Iterable[str]) -> None:
        """Follow these channels from now on, and no others."""
        self._wanted = frozenset(channels)
        self._call(self._follow_wanted)

    def status(self) -> AblyStatus:
        """What is known now."""
        clean = self._redaction.clean
        feeds = (feed.status for _, feed in sorted(self._feeds.items()))
        return AblyStatus(
            connection=self._connection,
            feeds=tuple(replace(f, problem=f.problem and clean(f.problem)) for f in feeds),
            rebuilds=self._rebuilds,
            last_error=self._last_error and clean(self._last_error),
        )

    # On the service's thread

    def _live(self) -> None:
        with suppress(asyncio.CancelledError), asyncio.Runner() as runner:
            runner.run(self._supervise())
        self._connection = Connection.STOPPED

    def _stop(self) -> None:
        """Cancelling is for what waits; but where the SDK waits for an answer, Python 3.11 forgets
        a cancellation that comes together with it (gh-86296), so the session is told as well. One
        that is already closing for another reason does not hear it: no other may follow."""
        assert self._main is not None
        self._stopping = True
        if self._session is not None:
            self._session.stop()
        self._main.cancel()

    async def _supervise(self) -> None:
        """One client after the other, until stopped."""
        assert self._access is not None
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._loop.set_exception_handler(self._logs.loop_failed)
        self._follow_wanted()
        self._running.set()
        failures = 0
        while True:
            self._session = session = Session(
                self._access,
                self._patience,
                self._time,
                self._alert,
                self._redaction.clean,
                self._show,
            )
            try:
                await session.run(tuple(self._feeds.values()))
            except Stopped:
                return
            except KeyRefused as refusal:
                self._refused(str(refusal))
                pause = self._patience.refused
            except Exception as error:
                # Besides `ClientDead`: whatever it is, the answer is a new client.
                failures = 1 if session.was_connected else failures + 1
                self._died(error)
                pause = self._patience.retry(failures)
            finally:
                self._session = None
            if self._stopping:
                return
            await asyncio.sleep(pause)

    def _show(self, connection: Connection) -> None:
        self._connection = connection
        if connection is Connection.CONNECTED:
            self._key_refusal_told = False
        self._changed()

    def _refused(self, reason: str) -> None:
        self._last_error = f"Ably refuses the key: {reason}"
        _log.error("key_refused", reason=self._redaction.clean(reason))
        if not self._key_refusal_told:
            self._key_refusal_told = True
            self._alert(
                AlertKind.KEY_REFUSED,
                f"Ably refuses the key ({reason}): no events arrive. Check REALTIME_API_KEY; the "
                f"same key is tried again every {self._patience.refused:g} s",
            )
        self._show(Connection.KEY_REFUSED)

    def _died(self, error: Exception) -> None:
        self._rebuilds += 1
        self._last_error = f"the connection to Ably was given up: {error}"
        self._show(Connection.DEAD)
        _log.warning("client_rebuilt", reason=self._redaction.clean(str(error)))

    def _follow_wanted(self) -> None:
        """Make the feeds those that are wanted."""
        wanted, feeds, session = self._wanted, self._feeds, self._session
        added = {channel: self._feed(channel) for channel in sorted(wanted - feeds.keys())}
        # Replaced as a whole, because other threads read it.
        self._feeds = {c: f for c, f in (feeds | added).items() if c in wanted}
        self._changed()
        if session is None:
            return
        for feed in added.values():
            session.add(feed)
        for channel in feeds.keys() - wanted:
            session.remove(channel)

    def _feed(self, channel: str) -> Feed:
        return Feed(
            Recorder(channel, self._store, self._clock, self._alert),
            self._store,
            retention=self._retention,
            patience=self._patience,
            alert=self._alert,
            changed=self._changed,
        )

    def _changed(self) -> None:
        try:
            self._on_change()
        except Exception as error:
            # Whoever watches must not keep messages from being recorded.
            _log.error("watcher_failed", error=str(error))

    def _alert(self, kind: AlertKind, text: str) -> None:
        try:
            self._tell(kind, self._redaction.clean(text))
        except Exception as error:
            # Whoever is told must not keep messages from being recorded.
            _log.error("alert_failed", kind=kind, error=str(error))

    def _on_dropped(self) -> None:
        for feed in self._feeds.values():
            self._call(feed.dropped)

    def _call(self, work: Callable[[], object]) -> None:
        """Do it on the service's event loop, if that is running."""
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(work)
