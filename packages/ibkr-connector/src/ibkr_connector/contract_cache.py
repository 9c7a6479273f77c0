"""Qualified contracts, kept on disk so that a run need not ask for them again.

Comes in: listings that IB has confirmed. Goes out: the listing of a symbol and currency. The file
is JSON and may be deleted at any time; several processes may share it, each rewriting it whole. The
worst that a lost race or a full disk costs is one more question to IB.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import structlog
from ib_async import Contract
from pydantic import TypeAdapter, ValidationError

from broker_connector_base import Instrument
from broker_connector_base.values import Positive, UtcTime, Value

from . import convert

_log = structlog.get_logger(__name__)


class Listing(Value):
    """One stock as IB lists it; `con_id` is its permanent key."""

    symbol: str
    con_id: int
    currency: str
    primary_exchange: str
    name: str
    min_tick: Positive
    lot_size: Positive
    time_zone: str
    #: IB's own text, see `convert.sessions`.
    liquid_hours: str
    asked_at: UtcTime

    def contract(self) -> Contract:
        """What orders and quote requests name: the conId decides, SMART routes."""
        return stock_contract(self.con_id, self.symbol, self.currency)

    def instrument(self) -> Instrument:
        """The same for callers that know no broker."""
        return Instrument(
            symbol=self.symbol,
            instrument_id=str(self.con_id),
            currency=self.currency,
            exchange=self.primary_exchange or None,
            name=self.name or None,
            min_tick=self.min_tick,
            lot_size=self.lot_size,
            liquid_hours=convert.sessions(self.liquid_hours, self.time_zone),
        )


def stock_contract(con_id: int, symbol: str, currency: str) -> Contract:
    """A stock, routed by SMART; `con_id` 0 leaves it to IB to find it by symbol and currency."""
    return Contract(
        conId=con_id,
        symbol=convert.symbol_to_ib(symbol),
        secType="STK",
        exchange="SMART",
        currency=currency,
    )


_FILE = TypeAdapter(list[Listing])


class ContractCache:
    """Listings by symbol and currency; without a path they live as long as this object."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._listings: dict[tuple[str, str], Listing] = {}
        self._add(self._read())

    def get(self, symbol: str, currency: str) -> Listing | None:
        """The listing, however old."""
        return self._listings.get((symbol, currency))

    def put(self, listings: Iterable[Listing]) -> None:
        """Keep these, replacing what was known of their symbols; other processes' are kept too."""
        fresh = list(listings)
        self._add(self._read())
        self._add(fresh)
        if self._path is not None and fresh:
            self._write(self._path)

    def _add(self, listings: Iterable[Listing]) -> None:
        for listing in listings:
            self._listings[listing.symbol, listing.currency] = listing

    def _read(self) -> list[Listing]:
        if self._path is None or not self._path.exists():
            return []
        try:
            return _FILE.validate_json(self._path.read_bytes())
        except (OSError, ValidationError) as error:
            _log.warning("ibkr.contract_cache.ignored", path=str(self._path), error=str(error))
            return []

    def _write(self, path: Path) -> None:
        rows = [self._listings[key] for key in sorted(self._listings)]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, _FILE.dump_json(rows, indent=1))
        except OSError as error:
            _log.warning("ibkr.contract_cache.not_kept", path=str(path), error=str(error))


def _replace(path: Path, content: bytes) -> None:
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
