"""The three lists that the server keeps of orders: open, executed, completed.

Comes in: a session. Goes out: each list as asked for now, with the ledger brought up to date on the
way. It draws no conclusions.
"""

from __future__ import annotations

from ib_async import ExecutionFilter

from broker_connector_base import Fill

from .ledger import Ledger
from .messages import CompletedLine
from .session import Session
from .tracked_order import TrackedOrder
from .wire import COMPLETED_ORDERS, OPEN_ORDERS


class OrderLists:
    """One message a question."""

    def __init__(self, session: Session, ledger: Ledger) -> None:
        self._session = session
        self._ledger = ledger

    async def open(self) -> list[TrackedOrder]:
        """Open orders of all clients and accounts."""
        keys = await self._session.ask_alone(OPEN_ORDERS, lambda client: client.reqAllOpenOrders())
        return [self._ledger.get(key) for key in dict.fromkeys(keys)]

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
        return await self._session.ask_alone(
            COMPLETED_ORDERS, lambda client: client.reqCompletedOrders(False)
        )
