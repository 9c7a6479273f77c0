"""The exchange: one object to trade with, to read the truth from, and to save.

Comes in: requests, quotes, time. Goes out: orders, events, states. Never: a wire, a file, a thread.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from .books import Books
from .clock import Clock
from .codec import decode, encode
from .errors import StateError
from .events import Event
from .instruments import Instrument
from .office import Office
from .orders import Order
from .policies import CommissionSchedule, FillPolicy, LatencyModel
from .quotes import Quote, QuoteKind, RandomWalk
from .slippage import Slippage
from .tape import TapeRow

#: changes whenever `Books` changes shape
STATE_VERSION = 9


class Exchange(Office):
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
        slippage: Slippage | None = None,
    ) -> None:
        """`rates` says what one unit of each currency is worth in US dollars; `partial_fills`
        whether an order takes no more than the size quoted (else it fills whole)."""
        books = Books(
            seed=seed,
            commissions=commissions or CommissionSchedule(),
            latency=latency or LatencyModel(),
            partial_fills=partial_fills,
            slippage=slippage or Slippage(),
            rates={"USD": Decimal(1), **(rates or {})},
        )
        for instrument in instruments:
            if instrument.con_id in books.instruments:
                raise ValueError(f"con_id {instrument.con_id} is listed twice")
            if instrument.currency not in books.rates:
                raise ValueError(f"{instrument.symbol} needs a rate for {instrument.currency}")
            books.instruments[instrument.con_id] = instrument
        super().__init__(books, clock)

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
        Office.__init__(exchange, decode(Books, state.get("books"), "books"), clock)
        return exchange

    # --- instruments and quotes -----------------------------------------------------------

    def set_quote(self, con_id: int, quote: Quote) -> None:
        """Make this the market; orders that it reaches fill before the call returns."""
        self._market.instrument(con_id)
        self._floor.set_quote(con_id, quote)
        self._outbox.deliver()

    def halt(self, con_id: int, kind: int = 1) -> None:
        """Halt trading in an instrument (1 general, 2 volatility; 0 resumes). Orders wait, and can
        be cancelled and changed; they trade when the halt is over."""
        self._market.instrument(con_id)
        self._floor.set_quote(con_id, replace(self._market.quote(con_id), halted=kind, at=None))
        self._outbox.deliver()

    def set_shortable(self, con_id: int, shortable: bool) -> None:
        """Whether somebody lends shares of an instrument. While nobody does, short sales are held
        ("locate"); they go on, checked again, when somebody does."""
        self._market.instrument(con_id)
        listed = self._books.hard_to_borrow
        if not shortable and con_id not in listed:
            listed.append(con_id)
        if shortable and con_id in listed:
            listed.remove(con_id)
            self._floor.lend(con_id)
            self._outbox.deliver()

    def walk(self, con_id: int, walk: RandomWalk | None) -> None:
        """Let an instrument's quote walk from where it stands, a step per interval; None stops."""
        self._market.instrument(con_id)
        self._floor.feeds.walk(con_id, walk)

    def replay(self, rows: Iterable[TapeRow]) -> None:
        """Play quotes, each at its instant; see `tape.read_tape`. Several can play at once."""
        tape = tuple(sorted(rows, key=lambda row: row.due))
        for row in tape:
            self._market.instrument(row.con_id)
        self._floor.feeds.replay(tape)

    def set_quote_kind(self, kind: QuoteKind, con_id: int | None = None) -> None:
        """What clients may see of one instrument, or of all that have no setting of their own."""
        if con_id is None:
            self._books.quote_kind = kind
        else:
            self._books.quote_kinds[self._market.instrument(con_id).con_id] = kind

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

    def set_owner_policy(self, owner: Hashable, policy: FillPolicy | None) -> None:
        """How the orders of one owner fill, whatever their symbol; None takes the setting back.

        It may come before the orders. Owners that print alike are the same.
        """
        if policy is None:
            self._books.owner_policies.pop(repr(owner), None)
        else:
            self._books.owner_policies[repr(owner)] = policy
        self._floor.match_all()
        self._outbox.deliver()

    def fill(self, order_id: int) -> Order:
        """Fill the rest of a working order whatever quotes and policies say: at its limit, a
        market order at the quote. Raises `ExchangeError` if it does not work or has no price."""
        self._floor.fill_whole(order_id)
        self._outbox.deliver()
        return self._books.orders[order_id]

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call back with every event, in the order things happened; returns the way out.

        Events of one operation are delivered when its books are complete, before it returns. A
        market order that fills causes: OrderChanged (working), Executed, PositionChanged,
        AccountChanged, OrderChanged (filled), CommissionCharged.
        """
        return self._outbox.subscribe(callback)
