"""The herald: carries what happens on the exchange to the clients that are to hear of it.

Events come in; the handlers' listeners are called for every session. Changes of an account are told
once for a burst of events. Never: a socket, a decision on what concerns a client.
"""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from simulated_exchange import (
    AccountChanged,
    CommissionCharged,
    Event,
    Executed,
    OrderChanged,
    PositionChanged,
    QuoteChanged,
)

from .desk import Desk
from .handlers import ACCOUNT_LISTENERS, EVENTS, Listener
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

    def hear(self, event: Event) -> None:
        """Take an event of the exchange."""
        if isinstance(event, OrderChanged):
            self._desk.order_ids.note(event.order)
        listener = EVENTS.get(type(event))
        withheld = self._desk.accounts_are_frozen and isinstance(event, PositionChanged)
        if listener is not None and not withheld:
            self._tell(listener, event)
        match event:
            case QuoteChanged() if self._sessions:
                self._accounts.note()
                self._results.note()
            case PositionChanged():
                self._touch(event.account_id, event.con_id)
            case AccountChanged():
                self._touch(event.account_id)
            case CommissionCharged():
                self._touch(event.execution.request.account_id)

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
                self._tell(position_changed, event)
        self._tell_of_accounts()

    def _tell(self, listener: Listener, event: Event) -> None:
        for session in self._audience(event):
            listener(session, event)

    def _audience(self, event: Event) -> tuple[Session, ...]:
        """Who may care: of orders and fills only their client and the master, else everybody."""
        match event:
            case OrderChanged():
                request = event.order.request
            case Executed() | CommissionCharged():
                request = event.execution.request
            case _:
                return tuple(self._sessions.values())
        client_ids = {owner_of(request)[0], self._desk.master_client_id}
        return tuple(self._sessions[name] for name in client_ids if name in self._sessions)

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
            if account_id in self._desk.account_ids:
                for session in tuple(self._sessions.values()):
                    for tell in ACCOUNT_LISTENERS:
                        tell(session, account_id, con_ids)

    def _tell_results(self) -> None:
        if not self._desk.accounts_are_frozen:
            for session in tuple(self._sessions.values()):
                refresh(session)
