"""The herald: carries what happens on the exchange to the clients that are to hear of it.

Events come in; the handlers' listeners are called for every session. Changes of an account are told
once for a burst of events. Never: a socket, a decision on what concerns a client.
"""

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from simulated_exchange import (
    AccountChanged,
    ChangeRefused,
    CommissionCharged,
    Event,
    Executed,
    OrderChanged,
    OrderRequest,
    PositionChanged,
    QuoteChanged,
)

from .desk import Desk
from .handlers import ACCOUNT_LISTENERS
from .handlers.executions import commission_charged, executed
from .handlers.market_data import quote_changed
from .handlers.order_reports import change_refused, order_changed
from .handlers.positions import position_changed
from .handlers.results import refresh
from .refresh import ACCOUNTS_AFTER, RESULTS_AFTER, Refresh
from .session import Session
from .translate.requests import owner_of


class Herald:
    """Stands between an exchange and the sessions of one gateway."""

    def __init__(self, desk: Desk, sessions: Mapping[int, Session]) -> None:
        self._desk = desk
        self._sessions = sessions
        #: what events since the last telling were about: account -> instruments
        self._touched: dict[str, dict[int, None]] = {}
        clock = desk.exchange.clock
        self._accounts = Refresh(clock, ACCOUNTS_AFTER, self._touch_all)
        self._results = Refresh(clock, RESULTS_AFTER, self._tell_results)
        self._takes: Mapping[type[Event], Callable[[Any], None]] = {
            OrderChanged: self._order_changed,
            ChangeRefused: self._change_refused,
            Executed: self._executed,
            CommissionCharged: self._commission_charged,
            PositionChanged: self._position_changed,
            AccountChanged: self._account_changed,
            QuoteChanged: self._quote_changed,
        }

    def hear(self, event: Event) -> None:
        """Take an event of the exchange."""
        self._takes[type(event)](event)

    def _order_changed(self, event: OrderChanged) -> None:
        self._desk.order_ids.note(event.order)
        for session in self._concerned(event.order.request):
            order_changed(session, event)

    def _change_refused(self, event: ChangeRefused) -> None:
        for session in self._concerned(event.order.request):
            change_refused(session, event)

    def _executed(self, event: Executed) -> None:
        for session in self._concerned(event.execution.request):
            executed(session, event)

    def _commission_charged(self, event: CommissionCharged) -> None:
        request = event.execution.request
        for session in self._concerned(request):
            commission_charged(session, event)
        self._touch(request.account_id)

    def _position_changed(self, event: PositionChanged) -> None:
        if not self._desk.accounts_are_frozen:
            for session in tuple(self._sessions.values()):
                position_changed(session, event)
        self._touch(event.account_id, event.con_id)

    def _account_changed(self, event: AccountChanged) -> None:
        self._touch(event.account_id)

    def _quote_changed(self, event: QuoteChanged) -> None:
        for session in tuple(self._sessions.values()):
            quote_changed(session, event)
        if self._sessions:
            self._accounts.note()
            self._results.note()

    def _concerned(self, request: OrderRequest) -> list[Session]:
        """Who hears of an order and its fills: the client that placed it, if one did, and the
        master."""
        client_id, order_id = owner_of(request)
        master = self._sessions.get(self._desk.master_client_id)
        owner = self._sessions.get(client_id) if order_id else None
        found = [session for session in (owner, master) if session is not None]
        return found[:1] if owner is master else found

    def freeze_accounts(self) -> None:
        """Tell of accounts and positions as they are now, until `thaw_accounts`."""
        self._desk.freeze_accounts()

    def thaw_accounts(self) -> None:
        """Tell of all that changed since, unless somebody else has them frozen still."""
        self._desk.thaw_accounts()
        if self._desk.accounts_are_frozen:
            return
        now = self._desk.exchange.clock.now()
        for account_id, con_ids in self._touched.items():
            positions = self._desk.account(account_id).positions
            for con_id in con_ids:
                held = positions.get(con_id)
                event = PositionChanged(
                    account_id=account_id,
                    con_id=con_id,
                    quantity=held.quantity if held else Decimal(0),
                    average_cost=held.average_cost if held else Decimal(0),
                    at=now,
                )
                for session in tuple(self._sessions.values()):
                    position_changed(session, event)
        self._tell_of_accounts()

    def _touch_all(self) -> None:
        for account_id in self._desk.account_ids if self._sessions else ():
            self._touch(account_id)
            for con_id in self._desk.account(account_id).positions:
                self._touch(account_id, con_id)

    def _touch(self, account_id: str, con_id: int | None = None) -> None:
        """Tell of an account when the burst of events is over: a fill changes it several times."""
        if not self._touched:
            asyncio.get_running_loop().call_soon(self._tell_of_accounts)
        con_ids = self._touched.setdefault(account_id, {})
        if con_id is not None:
            con_ids[con_id] = None

    def _tell_of_accounts(self) -> None:
        if self._desk.accounts_are_frozen:
            return
        touched, self._touched = self._touched, {}
        for account_id, con_ids in touched.items():
            if account_id not in self._desk.account_ids:
                continue
            statement = self._desk.statement(account_id)
            for session in tuple(self._sessions.values()):
                for tell in ACCOUNT_LISTENERS:
                    tell(session, statement, con_ids)

    def _tell_results(self) -> None:
        if not self._desk.accounts_are_frozen:
            for session in tuple(self._sessions.values()):
                refresh(session)
