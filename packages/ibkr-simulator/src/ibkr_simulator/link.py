"""The gateway's link to its broker, while it is lost.

Connections come in; while the link is lost nothing of the broker reaches them and they reach
nothing of it, though their sockets are open. Whether that waits or is gone is decided at the end.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .codec import Message
from .lane import Step
from .refusals import Refusal
from .subscriptions import Subscriptions

if TYPE_CHECKING:
    from .connection import Connection

#: what a gateway answers by itself
_LOCAL_REQUESTS = frozenset({"startApi", "reqIds", "reqManagedAccts", "reqCurrentTime"})
_LOCAL_REPLIES = frozenset({"nextValidId", "managedAccounts", "currentTime"})


class LostLink:
    """One outage, from its beginning to its end."""

    def __init__(self, connections: Iterable["Connection"], note: Refusal) -> None:
        self._note = note
        self._held: dict[Connection, tuple[Step, Step]] = {}
        for connection in connections:
            self.join(connection)

    def join(self, connection: "Connection") -> None:
        """Let a connection share the outage, and tell it."""
        _tell(connection, self._note)
        self._held[connection] = (
            connection.incoming.hold(except_for=_LOCAL_REQUESTS),
            connection.outgoing.hold(except_for=_LOCAL_REPLIES),
        )

    def restore(self, note: Refusal, data_lost: bool) -> None:
        """End it: what waited follows in its order, or is lost with all subscriptions."""
        for connection, releases in self._held.items():
            _tell(connection, note)
            if data_lost:
                connection.incoming.discard()
                connection.outgoing.discard()
                if connection.session is not None:
                    connection.session.subscriptions = Subscriptions()
            for release in releases:
                release()
        self._held.clear()


def _tell(connection: "Connection", note: Refusal) -> None:
    if connection.session is not None:
        connection.transmit(Message("errMsg", {"reqId": -1, "code": note.code, "text": note.text}))
