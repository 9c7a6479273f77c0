"""Who is logged in at a scripted broker, and what befalls their calls and connections.

Comes in: sessions that log in, and what a test does to them. Goes out: events to one session or to
all. It knows nothing of orders.
"""

from __future__ import annotations

from typing import Protocol

from broker_connector_base.exceptions import BrokerConnectionError, ClientIdInUse
from broker_connector_base.models import Connectivity, ConnectivityChange, OrderEvent

from .behaviour import Fault


class Listener(Protocol):
    """A logged-in session, as the broker sees it."""

    @property
    def client_id(self) -> int: ...

    def hear(self, account_id: str | None, event: OrderEvent) -> None:
        """Take an event of one account, or of all when `account_id` is None."""

    def lose(self, reason: str) -> None:
        """The session is over."""


class Sessions:
    """At most one session per client id."""

    def __init__(self) -> None:
        #: Faults that still wait for their call; see `Fault`.
        self.faults: list[Fault] = []
        #: False: nobody can log in.
        self.reachable = True
        #: The broker's word that it has lost its exchanges, until it has them back.
        self.outage: ConnectivityChange | None = None
        self._open: dict[int, Listener] = {}

    def drop(self, client_id: int | None = None, reason: str = "the connection was lost") -> None:
        """Break one session, or all of them; orders stay."""
        for session in list(self._open.values()):
            if client_id in (None, session.client_id):
                session.lose(reason)

    def report_connectivity(self, state: Connectivity) -> None:
        """Tell every session, and those that subscribe later, about the link to the exchanges."""
        change = ConnectivityChange(state=state)
        self.outage = change if state is Connectivity.LOST else None
        for session in self._open.values():
            session.hear(None, change)

    def log_in(self, session: Listener) -> None:
        """Raises `BrokerConnectionError` when nobody answers and `ClientIdInUse`."""
        if not self.reachable:
            raise BrokerConnectionError("the broker cannot be reached; nothing was sent")
        if session.client_id in self._open:
            raise ClientIdInUse(f"client id {session.client_id} is in use by another session")
        self._open[session.client_id] = session

    def log_out(self, session: Listener) -> None:
        """Harmless for a session that is not logged in."""
        if self._open.get(session.client_id) is session:
            del self._open[session.client_id]

    def fault_at(self, method: str) -> Fault | None:
        """The fault that strikes this call, used up by it."""
        struck = [fault for fault in self.faults if fault.strikes(method)]
        for fault in struck:
            self.faults.remove(fault)
        return struck[0] if struck else None

    def send(self, client_id: int, account_id: str, event: OrderEvent) -> None:
        """Tell the session with this client id; nobody hears when it is not logged in."""
        if client_id in self._open:
            self._open[client_id].hear(account_id, event)
