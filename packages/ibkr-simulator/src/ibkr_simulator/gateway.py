"""The gateway: it listens, knows who is logged in, and carries the exchange's events to them.

Clients and events of the exchange come in; sessions hear of what concerns them. There is no trading
here and no meaning of messages: the exchange has the one, the handlers have the other.
"""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Self

from simulated_exchange import Exchange

from .connection import Connection
from .desk import Desk
from .faults import Faults
from .frames import MAX_VERSION
from .handlers.system import welcome
from .herald import Herald
from .limits import Limits
from .link import LostLink
from .pacing import HistoryPace
from .refusals import Refusal
from .session import Session
from .transcript import Recorder

_LOG = logging.getLogger(__name__)
#: Bytes that may wait for a client that does not read: minutes of quotes, or a day's orders.
_WRITE_LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Statistics:
    """What all clients together have done since the gateway opened."""

    #: connections that got as far as a TCP connection
    connections: int
    #: messages received, without the hello
    messages: int
    #: the most that one client sent within any one second
    max_messages_per_second: int


class SimulatedGateway:
    """The server side of the TWS API over an exchange; an async context that listens.

    `accounts` are the login's accounts (all of the exchange's when None). `server_max` is the
    newest version offered, 157 to 178. `read_only` refuses orders as a gateway with a read-only API
    does. `pacing` answers error 100 above 50 messages a second and disconnects at the third, and
    162 when bars are asked for too often; without it messages are only counted. `limits` bounds
    what there may be at a time; None is without bounds. `master_client_id` hears of every client's
    orders. A `recorder` is shown every frame.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        accounts: tuple[str, ...] | None = None,
        master_client_id: int = 0,
        server_max: int = MAX_VERSION,
        read_only: bool = False,
        pacing: bool = False,
        limits: Limits | None = None,
        write_limit: int = _WRITE_LIMIT,
        recorder: Recorder | None = None,
    ) -> None:
        self.host = host
        self.server_max = server_max
        self.pacing = pacing
        self.write_limit = write_limit
        self.recorder = recorder
        self.desk = Desk(
            exchange,
            accounts=accounts,
            master_client_id=master_client_id,
            read_only=read_only,
            limits=limits,
            history_pace=HistoryPace(exchange.clock) if pacing else None,
        )
        #: messages that nothing answered, by name, or by `#number` if even the name is unknown
        self.unknown_messages: Counter[str] = Counter()
        #: what is to go wrong
        self.faults = Faults(self)
        self._port = port
        self._server: asyncio.Server | None = None
        #: holds the port while nothing listens there
        self._shut: socket.socket | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._lost_links: list[LostLink] = []
        self._connections: set[Connection] = set()
        self._sessions: dict[int, Session] = {}
        self._herald = Herald(self.desk, self._sessions)
        self._opened = self._messages = self._busiest = 0

    # --- life -------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Begin to listen. Raises `OSError` if the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), self.host, self._port)
        self._unsubscribe = self.desk.exchange.subscribe(self._herald.hear)

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._server is None and self._shut is None:
            return
        self._unsubscribe()
        if self._reopening is not None:
            await self._reopening
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self._close_connections("the gateway stops")
        if server is not None:
            await server.wait_closed()
        if self._shut is not None:
            self._shut.close()
            self._shut = None

    @property
    def port(self) -> int:
        """The port it listens on. Raises `RuntimeError` when it was not started."""
        if self._server is None and self._shut is None:
            raise RuntimeError("the gateway does not listen; use `async with` or start()")
        found = self._server.sockets[0] if self._server is not None else self._shut
        assert found is not None
        port: int = found.getsockname()[1]
        return port

    def shut(self) -> None:
        """Close every connection and refuse new ones until `reopen`; the port stays taken."""
        if self._server is None:
            return
        port = self.port
        self._server.close()
        self._server = None
        self._shut = socket.socket()
        self._shut.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._shut.bind((self.host, port))
        self._close_connections("the gateway restarts")

    def reopen(self) -> None:
        """Listen again where it was shut; harmless when it was not, or has stopped since."""
        if self._shut is not None and self._reopening is None:
            listen = self._listen_again(self._shut)
            self._reopening = asyncio.get_running_loop().create_task(listen)

    async def _listen_again(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), sock=listener)
        self._shut = self._reopening = None

    def _close_connections(self, why: str) -> None:
        for connection in tuple(self._connections):
            connection.close(why, logging.INFO)

    @property
    def sessions(self) -> Mapping[int, Session]:
        """Who is logged in, by client id."""
        return MappingProxyType(self._sessions)

    @property
    def statistics(self) -> Statistics:
        paces = [connection.pace for connection in self._connections]
        return Statistics(
            connections=self._opened,
            messages=self._messages + sum(pace.total for pace in paces),
            max_messages_per_second=max([self._busiest, *(pace.busiest for pace in paces)]),
        )

    # --- for connections --------------------------------------------------------------------

    def opened(self, connection: Connection) -> None:
        self._connections.add(connection)
        self._opened += 1
        connection.number = self._opened

    def closed(self, connection: Connection, session: Session | None) -> None:
        self._connections.discard(connection)
        self._messages += connection.pace.total
        self._busiest = max(self._busiest, connection.pace.busiest)
        if session is not None and self._sessions.get(session.client_id) is session:
            del self._sessions[session.client_id]

    def log_in(self, connection: Connection, client_id: int) -> Session | None:
        """A session under this client id; None, and an error to the client, when it is taken."""
        session = Session(
            desk=self.desk,
            client_id=client_id,
            send=connection.send,
            everybody=self._sessions,
        )
        if client_id in self._sessions:
            session.error(
                326,
                "Unable to connect as the client id is already in use."
                " Retry with a unique client id.",
            )
            connection.close(f"client id {client_id} is in use")
            return None
        limits = self.desk.limits
        if limits is not None and len(self._sessions) >= limits.clients:
            # A gateway gives no reason for this; the client sees its connection end.
            connection.close(f"{limits.clients} clients are logged in")
            return None
        self._sessions[client_id] = connection.session = session
        welcome(session)
        for lost in self._lost_links:
            lost.join(connection)
        _LOG.info("client logged in client_id=%s", client_id)
        return session

    def not_answered(self, name: str) -> None:
        self.unknown_messages[name] += 1
        _LOG.warning("message not answered name=%s", name)

    # --- for faults -------------------------------------------------------------------------

    def announce(self, note: Refusal) -> None:
        """Tell every client something that is about none of its requests."""
        for session in tuple(self._sessions.values()):
            session.refuse(note)

    def lose_link(self, note: Refusal) -> Callable[[Refusal, bool], None]:
        """Lose the link to the broker; the function returned restores it, with a note and
        whether all that waited meanwhile is lost."""
        logged_in = [connection for connection in self._connections if connection.session]
        lost = LostLink(logged_in, note)
        self._lost_links.append(lost)

        def restore(restored: Refusal, data_lost: bool) -> None:
            self._lost_links.remove(lost)
            lost.restore(restored, data_lost)

        return restore

    def freeze_accounts(self) -> Callable[[], None]:
        """Tell of accounts and positions as they are now, until the function returned is called."""
        self._herald.freeze_accounts()
        return self._herald.thaw_accounts
