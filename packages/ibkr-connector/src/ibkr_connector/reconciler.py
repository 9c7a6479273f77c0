"""Brings orders back to the state that the server's lists give them, after any doubt.

Comes in: a suspicion. Goes out: a corrected ledger, whose listeners hear of it. It sends questions
only, and at most one round of them at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from broker_connector_base import BrokerError

from . import convert
from .ledger import REASON_SECONDS, Ledger
from .messages import CompletedLine
from .order_lists import OrderLists
from .status import order_status
from .tracked_order import TrackedOrder

#: A gateway that has just found IB again may list everything a few seconds later only.
_FIRST_LOOK_SECONDS, _LAST_LOOK_SECONDS = 5.0, 60.0

_log = structlog.get_logger(__name__)


class Reconciler:
    """Reconciles own orders now, soon, or in the background."""

    def __init__(self, lists: OrderLists, ledger: Ledger) -> None:
        self._lists = lists
        self._ledger = ledger
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_wanted = False
        self._patience = _FIRST_LOOK_SECONDS

    async def reconcile(self) -> None:
        """Two messages, a third when an order that was thought live is not listed as open."""
        suspects = [order for order in self._ledger.own_live() if order.answered.is_set()]
        working, _ = await asyncio.gather(self._lists.open(), self._lists.executions(own=True))
        listed = {order.key for order in working}
        missing = [o for o in suspects if o.key not in listed and o.status.is_live]
        if not missing:
            self._look_again()
            return
        completed = await self._lists.completed()
        for order in missing:
            if not order.status.is_live:
                continue
            last = _last_line(order, completed)
            if last is None:
                self._ledger.miss(order)
            else:
                filled = convert.price(last.order.filledQuantity)
                self._ledger.settle(order, order_status(last.status), filled)
        self._look_again()

    def check_soon(self) -> None:
        """An error cast doubt on an order: reconcile unless the server settles it at once."""
        self._check_in(REASON_SECONDS)

    def check_now(self) -> None:
        """Reconcile in the background; once more if that is going on already."""
        self._is_wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._reconcile_quietly())

    def stop(self) -> None:
        """The session is over: nothing can be checked any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._patience = _FIRST_LOOK_SECONDS

    def _look_again(self) -> None:
        """What is on no list now may be on the next, after a while that grows."""
        if not self._ledger.doubtful():
            self._patience = _FIRST_LOOK_SECONDS
            return
        self._check_in(self._patience)
        self._patience = min(2 * self._patience, _LAST_LOOK_SECONDS)

    def _check_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._check)

    def _check(self) -> None:
        self._timer = None
        if self._ledger.doubtful():
            self.check_now()

    async def _reconcile_quietly(self) -> None:
        while self._is_wanted:
            self._is_wanted = False
            try:
                await self.reconcile()
            except BrokerError as error:
                _log.warning("ibkr.reconcile.failed", error=str(error))


def _last_line(order: TrackedOrder, completed: Iterable[CompletedLine]) -> CompletedLine | None:
    """How the server says that the order ended; None if it does not say.

    An order that was never acknowledged has no permanent id yet and is known by its key.
    """
    for line in completed:
        by_id = order.permanent_id is not None and order.permanent_id == convert.permanent_id(
            line.order.permId
        )
        by_key = (line.order.account, line.order.orderRef or None) == (
            order.account_id,
            order.client_order_id or "",
        )
        if by_id or by_key:
            return line
    return None
