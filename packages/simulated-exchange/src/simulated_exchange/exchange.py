"""The exchange: one object to trade with, to read the truth from, and to save.

Comes in: requests, quotes, time. Goes out: orders, views, events. Never: a wire, a file, a thread.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from .accounts import Account, Holding, Ledger
from .book import Ticket
from .clock import Clock
from .desk import Desk, check_terms
from .errors import ExchangeError, Reason
from .events import CommissionReport, Event, Execution
from .floor import Floor
from .instruments import Instrument
from .market import Market
from .orders import Order, OrderRequest, OrderState, Side
from .outbox import Outbox
from .policies import CommissionSchedule, FillPolicy, LatencyModel
from .quotes import Quote, QuoteKind, RandomWalk


class Exchange:
    """A deterministic exchange. Not thread-safe: one thread, or one event loop, owns it."""

    def __init__(
        self,
        *,
        clock: Clock,
        instruments: Iterable[Instrument] = (),
        rates: Mapping[str, Decimal] | None = None,
        seed: int = 0,
        commissions: CommissionSchedule | None = None,
        latency: LatencyModel | None = None,
        partial_fills: bool = False,
    ) -> None:
        self.clock = clock
        self.seed = seed
        self.latency = latency or LatencyModel()
        #: anything JSON-able that a user of the exchange wants saved with it
        self.extra: dict[str, Any] = {}
        self._market = Market(instruments, dict(rates or {}))
        self._ledgers: dict[str, Ledger] = {}
        self._outbox = Outbox()
        self._desk = Desk(self._market, self._ledgers, commissions or CommissionSchedule())
        self._floor = Floor(
            clock, self._market, self._desk, self._outbox, partial_fills=partial_fills
        )
        self._next_order_id = 1_700_000_001
        self._requests = 0
        self._last_arrival: datetime | None = None

    # --- instruments and quotes -----------------------------------------------------------

    def instrument(self, con_id: int) -> Instrument:
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
        self._market.instrument(con_id)
        return self._market.quote(con_id)

    def set_quote(self, con_id: int, quote: Quote) -> None:
        """Make this the market; orders that it reaches fill before the call returns."""
        self._market.instrument(con_id)
        self._floor.set_quote(con_id, quote)
        self._outbox.deliver()

    def walk(self, con_id: int, walk: RandomWalk) -> None:
        """Let an instrument's quote walk from where it stands, one step per interval."""
        self._market.instrument(con_id)
        started = con_id in self._floor.walks
        self._floor.walks[con_id] = (walk, 0)
        if not started:
            self._floor.schedule_step(con_id)

    def quote_kind(self, con_id: int) -> QuoteKind:
        return self._market.kind(con_id)

    def set_quote_kind(self, kind: QuoteKind, con_id: int | None = None) -> None:
        """What clients may see of one instrument, or of all that have no setting of their own."""
        if con_id is None:
            self._market.default_kind = kind
        else:
            self._market.kinds[self._market.instrument(con_id).con_id] = kind

    # --- accounts -------------------------------------------------------------------------

    def open_account(
        self,
        account_id: str,
        *,
        cash: Mapping[str, Decimal],
        positions: Mapping[int, tuple[Decimal, Decimal]] | None = None,
        base_currency: str = "USD",
        account_type: str = "INDIVIDUAL",
        margin: bool = False,
        allow_short: bool = False,
        settlement_days: int = 0,
    ) -> None:
        """Open an account with cash per currency and positions: con_id -> (quantity, avg cost)."""
        if account_id in self._ledgers:
            raise ValueError(f"account {account_id} is open already")
        holdings = {}
        for con_id, (quantity, average_cost) in (positions or {}).items():
            self._market.instrument(con_id)
            holdings[con_id] = Holding(quantity=quantity, cost=quantity * average_cost)
        self._ledgers[account_id] = Ledger(
            account_id=account_id,
            account_type=account_type,
            base_currency=base_currency,
            margin=margin,
            allow_short=allow_short,
            settlement_days=settlement_days,
            cash={base_currency: Decimal(0), **cash},
            holdings=holdings,
        )

    def account_ids(self) -> list[str]:
        return list(self._ledgers)

    def account(self, account_id: str) -> Account:
        """The account as it stands now."""
        market = self._market
        return self._desk.ledger(account_id).view(
            self.clock.now(), market.mark, market.rate, market.multiplier
        )

    # --- orders ---------------------------------------------------------------------------

    def submit(self, request: OrderRequest) -> Order:
        """Take an order. Raises `ExchangeError` if it is refused; a refused order leaves no trace.

        Without latency the order has already met the market when this returns, and may be done.
        """
        instrument, ledger = self._desk.admit(request)
        now = self.clock.now()
        order = Order(
            order_id=self._next_order_id,
            request=request,
            status=OrderState.PENDING,
            submitted_at=now,
            updated_at=now,
        )
        self._next_order_id += 1
        ticket = Ticket(order=order, instrument=instrument, ledger=ledger)
        self._floor.orders[order.order_id] = order
        self._floor.tickets[order.order_id] = ticket
        self._desk.hold(ticket, request.quantity)
        self._send("arrive", ticket)
        return self._floor.orders[order.order_id]

    def modify(
        self,
        order_id: int,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
    ) -> Order:
        """Change a live order's total quantity or limit; what is not given stays.

        Raises `ExchangeError` if the order is done or about to be cancelled, or the terms are
        wrong. A modification that arrives after the order has ended or outgrown it is dropped.
        """
        from dataclasses import replace

        ticket = self._live(order_id, Reason.NOT_MODIFIABLE)
        order = ticket.order
        if order.status is OrderState.PENDING_CANCEL:
            raise ExchangeError(Reason.NOT_MODIFIABLE, f"order {order_id} is being cancelled")
        request = replace(
            order.request,
            quantity=order.request.quantity if quantity is None else quantity,
            limit_price=order.request.limit_price if limit_price is None else limit_price,
        )
        check_terms(request, ticket.instrument)
        if request.quantity <= order.filled:
            raise ExchangeError(
                Reason.BAD_QUANTITY,
                f"order {order_id} has filled {order.filled}, its quantity cannot become "
                f"{request.quantity}; cancel it instead",
            )
        remaining = request.quantity - order.filled
        self._desk.check_means(request, remaining, ticket.instrument, ticket.ledger, ticket.hold)
        self._send("modify", ticket, request.quantity, request.limit_price)
        return self._floor.orders[order_id]

    def cancel(self, order_id: int) -> Order:
        """Ask for the end of a live order; until the request arrives the order can fill.

        Raises `ExchangeError` if the order is unknown or done. Asking twice is harmless.
        """
        ticket = self._live(order_id, Reason.NOT_CANCELLABLE)
        if ticket.order.status is not OrderState.PENDING_CANCEL:
            if self.latency.high:
                self._floor.ask_to_cancel(ticket)
            self._send("cancel", ticket)
        return self._floor.orders[order_id]

    def order(self, order_id: int) -> Order:
        found = self._floor.orders.get(order_id)
        if found is None:
            raise ExchangeError(Reason.UNKNOWN_ORDER, f"there is no order {order_id}")
        return found

    def open_orders(self, account_id: str | None = None) -> list[Order]:
        """Live orders, oldest first."""
        return [
            ticket.order
            for ticket in self._floor.tickets.values()
            if account_id in (None, ticket.order.request.account_id)
        ]

    def completed_orders(self, account_id: str | None = None) -> list[Order]:
        """Orders that have ended, oldest first."""
        return [
            order
            for order in self._floor.orders.values()
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
        """Fills that match every term given, oldest first."""
        return [
            fill
            for fill in self._floor.executions
            if account_id in (None, fill.request.account_id)
            and owner in (None, fill.request.owner)
            and side in (None, fill.request.side)
            and (since is None or fill.at >= since)
            and symbol in (None, self._market.instruments[fill.request.con_id].symbol)
        ]

    def commission_report(self, exec_id: str) -> CommissionReport:
        """What a fill cost. Raises KeyError for an id that is not a fill's."""
        return self._floor.reports[exec_id]

    # --- policy, events -------------------------------------------------------------------

    @property
    def fill_policy(self) -> FillPolicy:
        """How orders fill, unless `set_fill_policy` says otherwise for a symbol."""
        return self._floor.policy

    @fill_policy.setter
    def fill_policy(self, policy: FillPolicy) -> None:
        self._floor.policy = policy
        self._floor.match_all()
        self._outbox.deliver()

    def set_fill_policy(self, symbol: str, policy: FillPolicy | None) -> None:
        """How orders of one symbol fill; None takes the setting back."""
        if policy is None:
            self._floor.policies.pop(symbol, None)
        else:
            self._floor.policies[symbol] = policy
        self._floor.match_all()
        self._outbox.deliver()

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call back with every event, in the order things happened; returns the way out.

        Events of one operation are delivered when its books are complete, before it returns. A
        market order that fills causes: OrderChanged (working), Executed, PositionChanged,
        AccountChanged, OrderChanged (filled), CommissionCharged.
        """
        return self._outbox.subscribe(callback)

    # --- inside ---------------------------------------------------------------------------

    def _live(self, order_id: int, done: Reason) -> Ticket:
        order = self.order(order_id)
        if order.is_done:
            raise ExchangeError(done, f"order {order_id} is {order.status}")
        return self._floor.tickets[order_id]

    def _send(self, action: str, ticket: Ticket, *arguments: object) -> None:
        """Let a request travel to the floor; requests arrive in the order they were sent."""
        delay = self.latency.delay(self.seed, self._requests)
        self._requests += 1
        if not delay:
            self._floor.act(action, ticket, *arguments)
            self._outbox.deliver()
            return
        arrival = self.clock.now() + timedelta(seconds=delay)
        if self._last_arrival is not None:
            arrival = max(arrival, self._last_arrival)
        self._last_arrival = arrival
        self._floor.agenda.at(arrival, action, ticket.order.order_id, *arguments)
        self._outbox.deliver()
