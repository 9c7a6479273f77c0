"""Brings orders back to the state that the server's lists give them, after any doubt.

Comes in: a suspicion. Goes out: a corrected ledger, whose listeners hear of it. It sends questions
only, and at most one round of them at a time.
"""

from __future__ import annotations

import asyncio

import structlog

from broker_connector_base import BrokerError, OrderStatus

from . import convert
from .ledger import REASON_SECONDS, Ledger
from .order_lists import OrderLists
from .status import order_status

_log = structlog.get_logger(__name__)


class Reconciler:
    """Reconciles own orders now, soon, or in the background."""

    def __init__(self, lists: OrderLists, ledger: Ledger) -> None:
        self._lists = lists
        self._ledger = ledger
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    async def reconcile(self) -> None:
        """Two messages, a third when an order that was thought live is not listed as open."""
        suspects = [order for order in self._ledger.own_live() if order.answered.is_set()]
        working, _ = await asyncio.gather(self._lists.open(), self._lists.executions(own=True))
        listed = {order.key for order in working}
        missing = [o for o in suspects if o.key not in listed and o.status.is_live]
        if not missing:
            return
        ended = {
            convert.permanent_id(line.order.permId): order_status(line.status)
            for line in await self._lists.completed()
        }
        for order in missing:
            if order.status.is_live:
                known = ended.get(order.permanent_id, OrderStatus.UNKNOWN)
                self._ledger.settle_missing(order, known)

    def check_soon(self) -> None:
        """An error cast doubt on an order: reconcile unless the server settles it at once."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(REASON_SECONDS, self._check)

    def check_now(self) -> None:
        """Reconcile in the background."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._reconcile_quietly())

    def stop(self) -> None:
        """The session is over: nothing can be checked any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        self._timer = None
        if self._ledger.doubtful():
            self.check_now()

    async def _reconcile_quietly(self) -> None:
        try:
            await self.reconcile()
        except BrokerError as error:
            _log.warning("ibkr.reconcile.failed", error=str(error))
