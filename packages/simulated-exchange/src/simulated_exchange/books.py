"""The books: everything the exchange knows, in one place.

Comes in: what the floor and the desk write. Goes out: the truth, to whoever asks, saves or audits.
Never: behaviour; this is data, and to save the exchange is to save this.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from .accounts import Adjustment, Ledger
from .agenda import Schedule
from .errors import ExchangeError, Reason
from .events import CommissionReport, Execution
from .instruments import Instrument
from .orders import Order, OrderRequest, Side
from .policies import CommissionSchedule, FillPolicy, LatencyModel
from .quotes import Quote, QuoteKind, RandomWalk
from .slippage import Slippage
from .tape import TapeRow

_ZERO = Decimal(0)


@dataclass(slots=True)
class Ticket:
    """What must be remembered about a live order beyond its public state."""

    order_id: int
    #: number of fills so far
    fills: int = 0
    #: charged so far
    commission: Decimal = _ZERO
    #: tied up in the ledger: money for a buy, units for a sell
    hold: Decimal = _ZERO
    #: the next slice of a fill policy is on the agenda; nothing fills the order before
    paced: bool = False
    #: agenda entries that end with the order
    entries: list[int] = field(default_factory=list)
    #: time priority; None while the order may not trade
    sequence: int | None = None
    #: between the open and the close of a session that it takes part in
    in_session: bool = False
    #: its stop is compared with every quote
    watching: bool = False


@dataclass(slots=True)
class Walking:
    """A random walk, the number of its next step and that step's entry on the agenda."""

    walk: RandomWalk
    number: int = 0
    entry: int = 0


@dataclass(slots=True)
class Playing:
    """A tape and the next row to play."""

    rows: tuple[TapeRow, ...]
    next_row: int = 0


@dataclass(slots=True, kw_only=True)
class Books:
    """The whole state of an exchange."""

    seed: int
    commissions: CommissionSchedule
    latency: LatencyModel
    partial_fills: bool
    slippage: Slippage
    #: currency -> value of one unit in US dollars
    rates: dict[str, Decimal]
    instruments: dict[int, Instrument] = field(default_factory=dict)
    quotes: dict[int, Quote] = field(default_factory=dict)
    #: what the quote still offers to buyers and to sellers; used when fills are partial
    liquidity: dict[int, dict[Side, Decimal]] = field(default_factory=dict)
    quote_kind: QuoteKind = QuoteKind.LIVE
    quote_kinds: dict[int, QuoteKind] = field(default_factory=dict)
    walks: dict[int, Walking] = field(default_factory=dict)
    #: by number
    tapes: dict[int, Playing] = field(default_factory=dict)
    last_tape: int = 0
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    tickets: dict[int, Ticket] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)
    #: execution id -> the id of the one that corrects it
    corrections: dict[str, str] = field(default_factory=dict)
    #: con_ids that trade no more
    delisted: list[int] = field(default_factory=list)
    reports: dict[str, CommissionReport] = field(default_factory=dict)
    fill_policy: FillPolicy = field(default_factory=FillPolicy)
    #: by symbol
    fill_policies: dict[str, FillPolicy] = field(default_factory=dict)
    #: by the `repr` of an order's owner, for JSON has no tuples as keys
    owner_policies: dict[str, FillPolicy] = field(default_factory=dict)
    #: con_ids of which nobody lends shares
    hard_to_borrow: list[int] = field(default_factory=list)
    agenda: Schedule = field(default_factory=Schedule)
    last_order_id: int = 1_700_000_000
    last_sequence: int = 0
    #: middle group of an execution id; starts at a plausible time stamp, as the real ones do
    last_exec_number: int = 0x67FE667B
    requests: int = 0
    last_arrival: datetime | None = None
    #: JSON-able; whoever uses the exchange keeps here what must be saved with it
    extra: dict[str, Any] = field(default_factory=dict)

    def effective_executions(self, first: int = 0) -> Iterator[tuple[int, Execution]]:
        """Fills from number `first` on, in the order in which they happened, corrected, each with
        the number that it had when it happened."""
        if not self.corrections:
            yield from enumerate(self.executions[first:], first)
            return
        by_id = {fill.exec_id: fill for fill in self.executions}
        corrected = set(self.corrections.values())
        for number, fill in enumerate(self.executions[first:], first):
            if fill.exec_id not in corrected:
                latest = fill.exec_id
                while latest in self.corrections:
                    latest = self.corrections[latest]
                yield number, by_id[latest]

    def fill_policy_of(self, request: OrderRequest) -> FillPolicy:
        """How an order fills: as set for its owner, else for its symbol, else for all."""
        if self.owner_policies and (own := self.owner_policies.get(repr(request.owner))):
            return own
        if not self.fill_policies:
            return self.fill_policy
        symbol = self.instruments[request.con_id].symbol
        return self.fill_policies.get(symbol, self.fill_policy)

    def last_adjustments(self, account_id: str) -> Mapping[int, int]:
        """The number of fills before each position was last changed by something else; positions
        that never were are left out."""
        return {
            entry.con_id: entry.after
            for entry in self.adjustments
            if entry.account_id == account_id
        }

    def ledger(self, account_id: str) -> Ledger:
        found = self.ledgers.get(account_id)
        if found is None:
            raise ExchangeError(Reason.UNKNOWN_ACCOUNT, f"there is no account {account_id!r}")
        return found
