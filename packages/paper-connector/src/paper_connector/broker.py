"""The broker's side of a paper account: an exchange whose books are a file.

Comes in: requests of sessions, and time. Goes out: answers, once what they rest on is on the disk.
Every request is one step: take the file's lock, read what others wrote, let everything happen that
fell due, do what was asked, write, let go. So processes may share the books, and one that is killed
leaves either the state before its step or the state after it. Never: an answer that a crash could
take back, a wait that only a poll would end.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

from broker_connector_base import BrokerAPIError, BrokerConnectionError, BrokerError
from simulated_exchange import (
    Event,
    Exchange,
    ExchangeError,
    QuoteChanged,
    Scenario,
    StateError,
    StateFile,
    VirtualClock,
)

from . import lock
from .quotes import MovingQuotes, Quotes

T = TypeVar("T")

#: Far longer than a step takes; only a process that was stopped in the middle of one holds it so.
LOCK_TIMEOUT_SECONDS = 10.0
#: Code of a refusal that lasts until somebody mends or deletes the books.
UNUSABLE = "BOOKS_UNUSABLE"
_BEFORE_TIME = datetime(1, 1, 1, tzinfo=UTC)


class Session(Protocol):
    """Somebody who is logged in."""

    def look(self, exchange: Exchange) -> None:
        """The books are complete and on the disk: see what is new in them."""

    def lose(self, reason: str) -> None:
        """The session is over."""


class PaperBroker:
    """The books of one directory, shared with whatever other process works on them.

    - `opening`: the market and the accounts that new books begin with.
    - `terms`: what the books were opened with, in words; they are never used under other terms.
    - `now`: aware UTC. A clock that is set back does not stop the market: it goes on from where it
      was.
    """

    def __init__(
        self,
        directory: Path | str,
        opening: Callable[[], Scenario],
        *,
        terms: Mapping[str, str] | None = None,
        quotes: Quotes | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
    ) -> None:
        self.directory = Path(directory)
        self._file = StateFile(self.directory / "state.json")
        self._lock_file = self.directory / "state.json.lock"
        self._opening = opening
        self._terms = dict(terms or {})
        self._quotes = quotes or MovingQuotes()
        self._now = now
        self._lock_timeout = lock_timeout_seconds
        self._turn = asyncio.Lock()
        self._clock = VirtualClock(_BEFORE_TIME)
        self._exchange: Exchange | None = None
        #: What identifies the file that `_exchange` was read from or written to.
        self._version: tuple[int, int, int] | None = None
        self._changed = False
        #: How far the market's time is ahead of a clock that was set back.
        self._ahead = _BEFORE_TIME - _BEFORE_TIME
        self._sessions: list[Session] = []
        self._timer: asyncio.TimerHandle | None = None
        self._waking: asyncio.Task[None] | None = None

    # --- sessions ------------------------------------------------------------------------------

    async def enter(self, session: Session) -> None:
        """Let a session in: from here on it is told to look. Opens the books if there are none.

        Raises what `ask` raises.
        """
        async with self._books():
            exchange = self._load() or self._open_books()
            self._catch_up(exchange)
            self._sessions.append(session)
            self._finish(exchange, write=self._version is None)

    def leave(self, session: Session) -> None:
        """Let a session go; harmless when it has gone. The last one switches off the light."""
        if session in self._sessions:
            self._sessions.remove(session)
        if not self._sessions:
            self._set_timer(None)
            self._exchange = None

    def drop(self, reason: str) -> None:
        """Break every session without a goodbye; the books stay."""
        for session in tuple(self._sessions):
            session.lose(reason)

    # --- requests ------------------------------------------------------------------------------

    async def ask(self, question: Callable[[Exchange], T]) -> T:
        """The answer of a question that changes nothing.

        Raises `BrokerConnectionError` when the books are locked too long, or cannot be read or
        written, which ends every session; and `BrokerAPIError` with the code `UNUSABLE` when they
        are damaged or were opened under other terms.
        """
        return await self._step(question, write=False)

    async def request(self, action: Callable[[Exchange], T]) -> T:
        """The answer of a request that changes the books; it is on the disk when this returns.

        Raises what `ask` raises, in which case nothing was done, and the `ExchangeError` of a
        request that is refused. Requests are done in the order in which they were made.
        """
        return await self._step(action, write=True)

    async def _step(self, act: Callable[[Exchange], T], *, write: bool) -> T:
        async with self._books():
            exchange = self._load()
            if exchange is None:
                reason = f"{self._file.path} is gone: the account was reset; nothing was sent"
                self.drop(reason)
                raise BrokerConnectionError(reason)
            self._catch_up(exchange)
            try:
                answer = act(exchange)
            except (ExchangeError, BrokerError):
                # It left no trace, but what had fallen due has happened.
                self._finish(exchange, write=False)
                raise
            self._finish(exchange, write=write)
            return answer

    @asynccontextmanager
    async def _books(self) -> AsyncIterator[None]:
        """The lock on the file. Whatever goes wrong inside, memory follows the disk."""
        try:
            async with self._turn, lock.held(self._lock_file, self._lock_timeout):
                try:
                    yield
                except (ExchangeError, BrokerError):
                    raise
                except BaseException:
                    self._exchange = None
                    raise
        except TimeoutError:
            raise BrokerConnectionError(
                f"another process has held {self._lock_file} for {self._lock_timeout:g} s, which "
                "it only does when it is stopped: end it and try again; nothing was sent"
            ) from None
        except OSError as error:
            reason = f"the books of the paper account: {error}; nothing was sent"
            self.drop(reason)
            raise BrokerConnectionError(reason) from error

    # --- the books, under the lock --------------------------------------------------------------

    def _load(self) -> Exchange | None:
        """The exchange as the file has it; None when there is no file."""
        version = self._version_on_disk()
        if self._exchange is None or version != self._version:
            self._exchange, self._version = self._read(), version
        return self._exchange

    def _version_on_disk(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._file.path)
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self) -> Exchange | None:
        try:
            state = self._file.read()
            if state is None:
                return None
            self._clock = VirtualClock(_saved_at(state))
            exchange = Exchange.restore(state, clock=self._clock)
            self._begin(exchange)
        except StateError as error:
            raise BrokerAPIError(f"{error}. Nothing was sent.", code=UNUSABLE) from error
        return exchange

    def _open_books(self) -> Exchange:
        try:
            self._clock = VirtualClock(self._now())
            exchange = self._opening().build(self._clock)
            exchange.extra["opened"] = self._clock.now().isoformat()
            exchange.extra["terms"] = self._terms
            self._begin(exchange)
        except StateError as error:
            raise BrokerAPIError(f"{error}. Nothing was sent.", code=UNUSABLE) from error
        self._play(exchange, _BEFORE_TIME, self._clock.now())
        self._exchange = exchange
        return exchange

    def _begin(self, exchange: Exchange) -> None:
        terms = exchange.extra.get("terms")
        if terms != self._terms:
            raise BrokerAPIError(
                f"{self._file.path} was opened under other terms: "
                f"{_differences(terms, self._terms)}. Books keep their terms: put the settings "
                f"back, or delete {self.directory} to open the account anew. Nothing was sent.",
                code=UNUSABLE,
            )
        self._quotes.start(exchange, datetime.fromisoformat(exchange.extra["opened"]))
        exchange.subscribe(self._note)

    def _note(self, event: Event) -> None:
        if not isinstance(event, QuoteChanged):
            self._changed = True

    def _catch_up(self, exchange: Exchange) -> None:
        """Let everything happen that has fallen due, each at its own instant."""
        self._changed = False
        since, wall = self._clock.now(), self._now()
        self._ahead = max(self._ahead, since - wall)
        self._play(exchange, since, wall + self._ahead)

    def _play(self, exchange: Exchange, since: datetime, until: datetime) -> None:
        for move in self._quotes.moves(exchange, since, until):
            self._advance(move.due)
            exchange.set_quote(move.con_id, move.quote)
        self._advance(until)

    def _advance(self, until: datetime) -> None:
        self._clock.advance(max(0.0, (until - self._clock.now()).total_seconds()))

    def _finish(self, exchange: Exchange, *, write: bool) -> None:
        """Write if there is something to write, and only then let everybody look."""
        if write or self._changed:
            self._file.write(exchange.save())
            self._version = self._version_on_disk()
        for session in tuple(self._sessions):
            session.look(exchange)
        self._set_timer(self._next_due())

    # --- time ----------------------------------------------------------------------------------

    def _next_due(self) -> datetime | None:
        dues = (self._clock.due, self._quotes.next_due(self._clock.now()))
        return min((due for due in dues if due is not None), default=None)

    def _set_timer(self, due: datetime | None) -> None:
        """Come back when something falls due, as long as anybody is logged in."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None and self._sessions:
            seconds = max(0.0, (due - self._now() - self._ahead).total_seconds())
            self._timer = asyncio.get_running_loop().call_later(seconds, self._wake)

    def _wake(self) -> None:
        self._waking = asyncio.get_running_loop().create_task(self._pass_time())

    async def _pass_time(self) -> None:
        try:
            await self.ask(lambda _: None)
        except BrokerError as error:
            # Nobody asked, so nobody can be told but by the end of the session.
            self.drop(str(error))


def _saved_at(state: Mapping[str, object]) -> datetime:
    try:
        return datetime.fromisoformat(str(state.get("saved_at")))
    except ValueError as error:
        raise StateError(f"the state does not say when it was saved: {error}") from error


def _differences(then: object, now: Mapping[str, str]) -> str:
    before = then if isinstance(then, dict) else {}
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return ", ".join(f"{name} was {before.get(name)} and is {now.get(name)}" for name in changed)
