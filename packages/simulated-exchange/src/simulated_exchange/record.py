"""The public record: what any user of the exchange may look up.

Comes in: ids and filters. Goes out: immutable views of the books as they stand. Never: a change.
"""

from collections.abc import Hashable, Mapping
from datetime import datetime
from types import MappingProxyType

from .accounts import Account
from .audit import audit
from .books import Books
from .clock import Clock
from .errors import ExchangeError, Reason
from .events import CommissionReport, Execution
from .hours import TradingHours
from .instruments import Instrument
from .market import Market
from .orders import Order, OrderRequest, Side
from .pnl import PnL, account_pnl, position_pnl
from .quotes import Quote, QuoteKind
from .valuation import value_account


class Record:
    """The reading half of an `Exchange`."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self.clock = clock
        self._books = books
        self._market = Market(books)

    @property
    def instruments(self) -> Mapping[int, Instrument]:
        """Everything that is, or was, listed, by con_id."""
        return MappingProxyType(self._books.instruments)

    def instrument(self, con_id: int) -> Instrument:
        """What is listed under an id. Raises `ExchangeError` if nothing is."""
        return self._market.instrument(con_id)

    def find_instruments(
        self,
        *,
        symbol: str = "",
        sec_type: str = "",
        currency: str = "",
        exchange: str = "",
        primary_exchange: str = "",
        con_id: int | None = None,
    ) -> list[Instrument]:
        """Instruments that match every term given: none, one, or an ambiguous many."""
        return self._market.find(
            symbol=symbol,
            sec_type=sec_type,
            currency=currency,
            exchange=exchange,
            primary_exchange=primary_exchange,
            con_id=con_id,
        )

    def quote(self, con_id: int) -> Quote:
        """The market as it stands; a quote without prices if none was ever set."""
        self._market.instrument(con_id)
        return self._market.quote(con_id)

    def quote_kind(self, con_id: int) -> QuoteKind:
        return self._market.kind(con_id)

    def hours(self, request: OrderRequest) -> TradingHours:
        """The hours in which an order may trade: regular ones, or all if it asks for them."""
        return self._market.hours(request)

    def account_ids(self) -> list[str]:
        return list(self._books.ledgers)

    def account_type(self, account_id: str) -> str:
        """What kind of account it is. Raises `ExchangeError` if there is none of that id."""
        return self._books.ledger(account_id).account_type

    def account(self, account_id: str) -> Account:
        """The account as it stands now. Raises `ExchangeError` if there is none of that id."""
        return value_account(self._books.ledger(account_id), self._market, self.clock.now())

    def pnl(self, account_id: str, con_id: int | None = None) -> PnL:
        """The day's profit and loss of an account, or of one of its positions."""
        ledger, now = self._books.ledger(account_id), self.clock.now()
        if con_id is None:
            return account_pnl(self._books, self._market, ledger, now)
        return position_pnl(self._books, self._market, ledger, con_id, now)

    def order(self, order_id: int) -> Order:
        """An order, live or done. Raises `ExchangeError` if there is none of that id."""
        found = self._books.orders.get(order_id)
        if found is None:
            raise ExchangeError(Reason.UNKNOWN_ORDER, f"there is no order {order_id}")
        return found

    def open_orders(self, account_id: str | None = None) -> list[Order]:
        """Live orders, oldest first."""
        live = (self._books.orders[order_id] for order_id in self._books.tickets)
        return [order for order in live if account_id in (None, order.request.account_id)]

    def completed_orders(self, account_id: str | None = None) -> list[Order]:
        """Orders that have ended, oldest first."""
        return [
            order
            for order in self._books.orders.values()
            if order.is_done and account_id in (None, order.request.account_id)
        ]

    def executions(
        self,
        *,
        account_id: str | None = None,
        owner: Hashable = None,
        symbol: str | None = None,
        side: Side | None = None,
        since: datetime | None = None,
    ) -> list[Execution]:
        """Fills that match every term given, oldest first, corrections included as they came."""
        return [
            fill
            for fill in self._books.executions
            if account_id in (None, fill.request.account_id)
            and owner in (None, fill.request.owner)
            and side in (None, fill.request.side)
            and (since is None or fill.at >= since)
            and symbol in (None, self._books.instruments[fill.request.con_id].symbol)
        ]

    def commission_report(self, exec_id: str) -> CommissionReport:
        """What a fill cost. Raises KeyError for an id that is not a fill's."""
        return self._books.reports[exec_id]

    def audit(self) -> list[str]:
        """Every way in which the books contradict themselves; empty when they are sound."""
        return audit(self._books)
