"""The orders that may trade now, instrument by instrument, in price-time order.

Comes in: tickets and quotes. Goes out: who is next, and at what price. Never: a fill; the exchange
books those. Orders meet the quote, not one another: no order here is another's counterparty.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from decimal import Decimal

from .accounts import Ledger
from .instruments import Instrument
from .orders import Order, OrderType, Side
from .quotes import Quote

ZERO = Decimal(0)


@dataclass(slots=True)
class Ticket:
    """A live order with what the exchange must remember about it beyond its public state."""

    order: Order
    instrument: Instrument
    ledger: Ledger
    #: fills so far
    fills: int = 0
    #: commission charged so far
    commission: Decimal = ZERO
    #: reserved from the ledger: money for a buy, units for a sell
    hold: Decimal = ZERO
    #: the next slice of a fill policy is on the agenda, quotes do not fill it before
    paced: bool = False
    #: agenda entries that end with the order
    timers: list[int] = field(default_factory=list)
    #: key under which the order stands in the book, None when it may not trade now
    key: tuple[int, Decimal, int] | None = None


@dataclass(slots=True)
class Lane:
    """One side of one instrument's book."""

    keys: list[tuple[int, Decimal, int]] = field(default_factory=list)
    tickets: dict[int, Ticket] = field(default_factory=dict)
    #: what the quote still offers to orders of this side
    liquidity: Decimal = ZERO

    def in_order(self) -> list[Ticket]:
        return [self.tickets[key[2]] for key in self.keys]


class Book:
    """Both lanes of every instrument."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[int, Side], Lane] = {}

    def lane(self, con_id: int, side: Side) -> Lane:
        lane = self._lanes.get((con_id, side))
        if lane is None:
            lane = self._lanes[con_id, side] = Lane()
        return lane

    def add(self, ticket: Ticket, sequence: int) -> None:
        """Let an order trade: market orders first, then the best price, then the earliest."""
        request = ticket.order.request
        price = request.limit_price
        if price is None:
            ticket.key = (0, ZERO, sequence)
        else:
            ticket.key = (1, -price if request.side is Side.BUY else price, sequence)
        lane = self.lane(request.con_id, request.side)
        insort(lane.keys, ticket.key)
        lane.tickets[sequence] = ticket

    def remove(self, ticket: Ticket) -> None:
        if ticket.key is None:
            return
        lane = self.lane(ticket.order.request.con_id, ticket.order.request.side)
        del lane.keys[bisect_left(lane.keys, ticket.key)]
        del lane.tickets[ticket.key[2]]
        ticket.key = None

    def refresh(self, con_id: int, quote: Quote) -> None:
        """A new quote offers its whole size again."""
        self.lane(con_id, Side.BUY).liquidity = quote.ask_size
        self.lane(con_id, Side.SELL).liquidity = quote.bid_size


def marketable_price(order: Order, quote: Quote) -> Decimal | None:
    """The price at which the order would trade against the quote, None when it would not."""
    if quote.halted:
        return None
    request = order.request
    price = quote.ask if request.side is Side.BUY else quote.bid
    # A market order needs two sides: with one missing nobody can say that the other is fair.
    if request.order_type is OrderType.MKT:
        return price if quote.bid is not None and quote.ask is not None else None
    limit = request.limit_price
    if price is None or limit is None:
        return None
    within = price <= limit if request.side is Side.BUY else price >= limit
    return price if within else None
