"""What one client wants to hear about.

Requests come in through the handlers, which also ask here what to send. Nothing is sent from here,
and nothing of it outlives the connection.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from simulated_exchange import Quote

from .translate.accounts import Line
from .translate.ticks import Feed


@dataclass(slots=True)
class LineFilter:
    """Lets through the lines that a client has not seen with this value."""

    _seen: dict[tuple[str, str], str] = field(default_factory=dict)

    def news(self, lines: Iterable[Line]) -> list[Line]:
        """The lines that are new or changed, and remembers them."""
        fresh = [line for line in lines if self._seen.get((line.tag, line.currency)) != line.value]
        self._seen.update({(line.tag, line.currency): line.value for line in fresh})
        return fresh


@dataclass(slots=True)
class AccountFeed:
    """A subscription to the values of one account."""

    account_id: str
    model: str = ""
    ledger_only: bool = False
    seen: LineFilter = field(default_factory=LineFilter)


@dataclass(slots=True)
class Summary:
    """A subscription to some values of some accounts."""

    tags: tuple[str, ...]
    #: account -> what was sent of it
    accounts: dict[str, LineFilter]


@dataclass(slots=True)
class MarketDataLine:
    """A stream of one instrument's ticks."""

    con_id: int
    feed: Feed
    sent: Quote


@dataclass(slots=True)
class Subscriptions:
    """Everything one client is subscribed to, by its own request ids where it gives them."""

    positions: bool = False
    position_requests: dict[int, AccountFeed] = field(default_factory=dict)
    account: AccountFeed | None = None
    account_requests: dict[int, AccountFeed] = field(default_factory=dict)
    summaries: dict[int, Summary] = field(default_factory=dict)
    market_data: dict[int, MarketDataLine] = field(default_factory=dict)
    pnl: dict[int, AccountFeed] = field(default_factory=dict)
    #: the account and the instrument
    pnl_single: dict[int, tuple[str, int]] = field(default_factory=dict)
