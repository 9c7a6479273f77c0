"""The three lists that the server keeps of orders: open, executed, completed.

Comes in: a session. Goes out: each list as asked for now, with the ledger brought up to date on the
way. It draws no conclusions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ib_async import Client, ExecutionFilter

from broker_connector_base import BrokerAPIError, Fill

from .errors import READ_ONLY
from .ledger import Ledger
from .messages import CompletedLine, OpenLine
from .session import Session
from .tracked_order import TrackedOrder
from .wire import COMPLETED_ORDERS, OPEN_ORDERS


class OrderLists:
    """One message a question."""

    def __init__(self, session: Session, ledger: Ledger) -> None:
        self._session = session
        self._ledger = ledger
        #: Why the gateway's API is for reading only, None as long as it lists orders.
        self.read_only: BrokerAPIError | None = None

    async def open(self) -> list[TrackedOrder]:
        """Open orders of all clients and accounts.

        Of an order that is listed and inactive the refusal is not the end: somebody may activate
        it. But news of one that is refused at this very moment come in the same words, between the
        lines of the list; so an inactive one that was not known as such is looked for twice.
        """
        lines = await self._open_lines()
        if refused := {line.key for line in lines if self._ledger.is_refused(line)}:
            lines = await self._open_lines()
            for line in lines:
                if line.key in refused and self._ledger.is_refused(line):
                    self._ledger.keep_inactive(line.key)
        return [self._ledger.get(key) for key in dict.fromkeys(line.key for line in lines)]

    async def _open_lines(self) -> list[OpenLine]:
        return await self._ask(OPEN_ORDERS, lambda client: client.reqAllOpenOrders())

    async def executions(self, *, account_id: str = "", own: bool = False) -> list[Fill]:
        """Executions of the day, of one account or all, of every client or only this one."""
        wanted = ExecutionFilter(acctCode=account_id)
        if own:
            wanted.clientId = self._session.client_id
        ids = await self._session.ask(
            lambda client, key: client.reqExecutions(key, wanted), what="today's executions"
        )
        return [self._ledger.executions.get(identity) for identity in dict.fromkeys(ids)]

    async def completed(self) -> list[CompletedLine]:
        """Orders that have ended today, of all clients and accounts."""
        return await self._ask(COMPLETED_ORDERS, lambda client: client.reqCompletedOrders(False))

    async def _ask(self, key: str, send: Callable[[Client], None]) -> list[Any]:
        try:
            lines = await self._session.ask_alone(key, send)
        except BrokerAPIError as error:
            if error.code == READ_ONLY:
                self.read_only = error
            raise
        self.read_only = None
        return lines
