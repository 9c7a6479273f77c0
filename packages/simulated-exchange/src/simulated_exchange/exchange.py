"""The exchange: one object to trade with, to read the truth from, and to save.

Comes in: requests, quotes, time. Goes out: orders, events, states. Never: a wire, a file, a thread.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from .accounts import Holding, Ledger
from .agenda import Action, Entry
from .books import Books, Walking
from .clock import Clock
from .codec import decode, encode
from .desk import Desk
from .errors import ExchangeError, Reason, StateError
from .events import Event
from .floor import Floor
from .instruments import Instrument
from .orders import Order, OrderRequest, OrderState
from .outbox import Outbox
from .policies import CommissionSchedule, FillPolicy, LatencyModel
from .quotes import Quote, QuoteKind, RandomWalk
from .record import Record

#: changes whenever `Books` changes shape
STATE_VERSION = 2


class Exchange(Record):
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
        """`rates` says what one unit of each currency is worth in US dollars; `partial_fills`
        whether an order takes no more than the size quoted (else it fills whole)."""
        books = Books(
            seed=seed,
            commissions=commissions or CommissionSchedule(),
            latency=latency or LatencyModel(),
            partial_fills=partial_fills,
            rates={"USD": Decimal(1), **(rates or {})},
        )
        for instrument in instruments:
            if instrument.con_id in books.instruments:
                raise ValueError(f"con_id {instrument.con_id} is listed twice")
            if instrument.currency not in books.rates:
                raise ValueError(f"{instrument.symbol} needs a rate for {instrument.currency}")
            books.instruments[instrument.con_id] = instrument
        self._run(books, clock)

    def _run(self, books: Books, clock: Clock) -> None:
        super().__init__(books, clock)
        self._outbox = Outbox()
        self._desk = Desk(books, self._market)
        self._floor = Floor(books, clock, self._market, self._desk, self._outbox)

    # --- state ----------------------------------------------------------------------------

    @property
    def extra(self) -> dict[str, Any]:
        """A JSON-able place for what a user of the exchange wants saved with it."""
        return self._books.extra

    def save(self) -> dict[str, Any]:
        """The whole state as JSON-able values, decimals as strings.

        Subscribers and the clock are not part of it. Tags of owners must be strings, integers,
        None or tuples of these, else TypeError.
        """
        saved_at = self.clock.now().isoformat()
        return {"version": STATE_VERSION, "saved_at": saved_at, "books": encode(self._books)}

    @classmethod
    def restore(cls, state: Mapping[str, Any], *, clock: Clock) -> "Exchange":
        """An exchange with the saved one's books and future; what fell due meanwhile happens as
        soon as the clock moves. Raises `StateError` if the state is not one of this version."""
        if state.get("version") != STATE_VERSION:
            raise StateError(
                f"the state has version {state.get('version')!r}, this program reads version "
                f"{STATE_VERSION}; nothing was loaded, start with a new state"
            )
        exchange = cls.__new__(cls)
        exchange._run(decode(Books, state.get("books"), "books"), clock)
        return exchange

    # --- instruments and quotes -----------------------------------------------------------

    def set_quote(self, con_id: int, quote: Quote) -> None:
        """Make this the market; orders that it reaches fill before the call returns."""
        self._market.instrument(con_id)
        self._floor.set_quote(con_id, quote)
        self._outbox.deliver()

    def walk(self, con_id: int, walk: RandomWalk | None) -> None:
        """Let an instrument's quote walk from where it stands, a step per interval; None stops."""
        self._market.instrument(con_id)
        walking = self._books.walks.pop(con_id, None)
        if walking is not None:
            self._floor.agenda.cancel(walking.entry)
        if walk is not None:
            self._books.walks[con_id] = Walking(walk)
            self._floor.plan_step(con_id)

    def set_quote_kind(self, kind: QuoteKind, con_id: int | None = None) -> None:
        """What clients may see of one instrument, or of all that have no setting of their own."""
        if con_id is None:
            self._books.quote_kind = kind
        else:
            self._books.quote_kinds[self._market.instrument(con_id).con_id] = kind

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
        if account_id in self._books.ledgers:
            raise ValueError(f"account {account_id} is open already")
        holdings = {
            self._market.instrument(con_id).con_id: Holding(quantity, quantity * average_cost)
            for con_id, (quantity, average_cost) in (positions or {}).items()
        }
        balances = {base_currency: Decimal(0), **cash}
        if unknown := balances.keys() - self._books.rates.keys():
            raise ValueError(f"account {account_id} needs a rate for {', '.join(sorted(unknown))}")
        self._books.ledgers[account_id] = Ledger(
            account_id=account_id,
            account_type=account_type,
            base_currency=base_currency,
            margin=margin,
            allow_short=allow_short,
            settlement_days=settlement_days,
            cash=balances,
            holdings=holdings,
            opening_cash=dict(balances),
            opening_quantities={con_id: held.quantity for con_id, held in holdings.items()},
        )

    # --- orders ---------------------------------------------------------------------------

    def submit(self, request: OrderRequest) -> Order:
        """Take an order. Raises `ExchangeError` if it is refused; a refused order leaves no trace.

        Without latency the order has already met the market when this returns, and may be done.
        """
        self._desk.check(request)
        now = self.clock.now()
        self._books.last_order_id += 1
        order = Order(
            order_id=self._books.last_order_id,
            request=request,
            status=OrderState.PENDING,
            submitted_at=now,
            updated_at=now,
            stop_price=request.stop_price,
        )
        self._floor.accept(order)
        self._send(Action.ARRIVE, order.order_id)
        return self._books.orders[order.order_id]

    def modify(
        self,
        order_id: int,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        trail_amount: Decimal | None = None,
        trail_percent: Decimal | None = None,
        limit_offset: Decimal | None = None,
    ) -> Order:
        """Change a live order's total quantity or prices; what is not given stays.

        Raises `ExchangeError` if the order is done or about to be cancelled, or the terms are
        wrong. A modification that no longer fits when it arrives, because the order has ended or
        filled or other orders took the means, is dropped.
        """
        order = self._live(order_id, Reason.NOT_MODIFIABLE)
        if order.status is OrderState.PENDING_CANCEL:
            raise ExchangeError(Reason.NOT_MODIFIABLE, f"order {order_id} is being cancelled")
        terms: dict[str, Decimal | None] = {
            "quantity": quantity,
            "limit_price": limit_price,
            "stop_price": stop_price,
            "trail_amount": trail_amount,
            "trail_percent": trail_percent,
            "limit_offset": limit_offset,
        }
        given: dict[str, Any] = {name: term for name, term in terms.items() if term is not None}
        request = replace(order.request, **given)
        self._desk.check(request, order.filled, self._books.tickets[order_id].hold)
        self._send(Action.MODIFY, order_id, request)
        return self._books.orders[order_id]

    def cancel(self, order_id: int) -> Order:
        """Ask for the end of a live order; until the request arrives the order can fill.

        Raises `ExchangeError` if the order is unknown or done. Asking twice is harmless.
        """
        order = self._live(order_id, Reason.NOT_CANCELLABLE)
        if order.status is not OrderState.PENDING_CANCEL:
            if self._books.latency.high:
                self._floor.announce_cancel(order_id)
            self._send(Action.CANCEL, order_id)
        return self._books.orders[order_id]

    # --- policy, events -------------------------------------------------------------------

    @property
    def fill_policy(self) -> FillPolicy:
        """How orders fill, unless `set_fill_policy` says otherwise for a symbol."""
        return self._books.fill_policy

    @fill_policy.setter
    def fill_policy(self, policy: FillPolicy) -> None:
        self._books.fill_policy = policy
        self._floor.match_all()
        self._outbox.deliver()

    def set_fill_policy(self, symbol: str, policy: FillPolicy | None) -> None:
        """How orders of one symbol fill; None takes the setting back."""
        if policy is None:
            self._books.fill_policies.pop(symbol, None)
        else:
            self._books.fill_policies[symbol] = policy
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

    def _live(self, order_id: int, done: Reason) -> Order:
        order = self.order(order_id)
        if order.is_done:
            raise ExchangeError(done, f"order {order_id} is {order.status}")
        return order

    def _send(self, action: Action, order_id: int, terms: OrderRequest | None = None) -> None:
        """Let a request travel to the floor; requests arrive in the order they were sent."""
        books = self._books
        sent = self.clock.now()
        arrival = sent + timedelta(seconds=books.latency.delay(books.seed, books.requests))
        books.requests += 1
        if books.last_arrival is not None:
            arrival = max(arrival, books.last_arrival)
        books.last_arrival = arrival
        entry = Entry(due=arrival, action=action, subject=order_id, terms=terms)
        if arrival > sent:
            self._floor.agenda.add(entry)
        else:
            self._floor.act(entry)
        self._outbox.deliver()
