"""What one client wants to hear about.

Requests come in through the handlers, which also ask here what to send. Nothing is sent from here,
and nothing of it outlives the connection.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

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
    #: whether it ends as soon as its picture is complete
    snapshot: bool = False


class MarketDataLines:
    """The streams of one client: by its request ids, and by what they show."""

    def __init__(self) -> None:
        self._lines: dict[int, MarketDataLine] = {}
        self._shown: dict[int, dict[int, MarketDataLine]] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, request_id: int) -> bool:
        return request_id in self._lines

    @property
    def con_ids(self) -> Collection[int]:
        """The instruments that are shown."""
        return self._shown.keys()

    def get(self, request_id: int) -> MarketDataLine | None:
        return self._lines.get(request_id)

    def showing(self, con_id: int) -> Mapping[int, MarketDataLine]:
        """The streams of one instrument, by request id."""
        return self._shown.get(con_id, _NO_LINES)

    def add(self, request_id: int, line: MarketDataLine) -> None:
        self._lines[request_id] = line
        self._shown.setdefault(line.con_id, {})[request_id] = line

    def remove(self, request_id: int) -> bool:
        """End a stream; whether there was one."""
        line = self._lines.pop(request_id, None)
        if line is not None:
            shown = self._shown[line.con_id]
            del shown[request_id]
            if not shown:
                del self._shown[line.con_id]
        return line is not None


_NO_LINES: Mapping[int, MarketDataLine] = MappingProxyType({})


@dataclass(slots=True)
class Subscriptions:
    """Everything one client is subscribed to, by its own request ids where it gives them."""

    positions: bool = False
    position_requests: dict[int, AccountFeed] = field(default_factory=dict)
    account: AccountFeed | None = None
    account_requests: dict[int, AccountFeed] = field(default_factory=dict)
    summaries: dict[int, Summary] = field(default_factory=dict)
    market_data: MarketDataLines = field(default_factory=MarketDataLines)
    #: whether delayed data will do where there is no live data
    takes_delayed: bool = False
    pnl: dict[int, AccountFeed] = field(default_factory=dict)
    #: the account and the instrument
    pnl_single: dict[int, tuple[str, int]] = field(default_factory=dict)
