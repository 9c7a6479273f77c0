"""Which IB contract a symbol means: asked once, kept by conId.

Comes in: symbols in everybody's spelling (`BRK.B`). Goes out: a `Listing` for each, the one stock
in the configured currency that IB knows under it. It never picks among several: ambiguity is an
error that names the candidates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from ib_async import ContractDetails

from broker_connector_base import UnknownSymbol

from . import convert
from .contract_cache import ContractCache, Listing, stock_contract
from .session import Session

#: IB publishes about six days of hours. A listing whose hours are all over is asked for again, but
#: not twice within this time.
_REFRESH_AFTER = timedelta(hours=12)
_DEFAULT_TICK = Decimal("0.01")


class Contracts:
    """Symbols of one currency, looked up through one session."""

    def __init__(
        self,
        session: Session,
        cache: ContractCache,
        *,
        currency: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._cache = cache
        self._currency = currency
        self._clock = clock
        #: What callers were told. A cache that others share may change under them; an order must
        #: name the instrument that they know.
        self._told: dict[str, Listing] = {}

    def known(self, symbol: str) -> Listing | None:
        """The listing last told; else the cache's, however long ago it was asked for.

        Never one for IB's own spelling, by which no position or fill is told.
        """
        if " " in symbol:
            return None
        return self._told.get(symbol) or self._cache.get(symbol, self._currency)

    async def resolve(self, symbols: Sequence[str], *, fresh_hours: bool = False) -> list[Listing]:
        """One listing per symbol, in order; one message for each that is not known.

        With `fresh_hours` also for each whose known trading hours are over. Raises
        `UnknownSymbol` that names every symbol at fault.
        """
        distinct = list(dict.fromkeys(symbols))
        missing = [symbol for symbol in distinct if not self._usable(symbol, fresh_hours)]
        answers = await asyncio.gather(
            *(self._look_up(symbol) for symbol in missing), return_exceptions=True
        )
        fresh = {answer.symbol: answer for answer in answers if isinstance(answer, Listing)}
        self._cache.put(fresh.values())
        self._told.update(fresh)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, UnknownSymbol):
                raise answer
        faults = [answer for answer in answers if isinstance(answer, UnknownSymbol)]
        if faults:
            raise UnknownSymbol(" ".join(map(str, faults)), code=faults[0].code)
        found = {symbol: listing for symbol in distinct if (listing := self.known(symbol))}
        self._told.update(found)
        return [found[symbol] for symbol in symbols]

    def _usable(self, symbol: str, fresh_hours: bool) -> bool:
        listing = self.known(symbol)
        if listing is None:
            return False
        now = self._clock()
        if not fresh_hours or now - listing.asked_at < _REFRESH_AFTER:
            return True
        return any(session.closes > now for session in listing.instrument().liquid_hours)

    async def _look_up(self, symbol: str) -> Listing:
        if " " in symbol:
            raise UnknownSymbol(f"{symbol}: write {convert.symbol_from_ib(symbol)} for it.")
        wanted = stock_contract(0, symbol, self._currency)
        try:
            details = await self._session.ask(
                lambda client, key: client.reqContractDetails(key, wanted),
                what=f"the contract of {symbol}",
            )
        except UnknownSymbol as error:
            raise UnknownSymbol(
                f"{symbol}: IB knows no stock in {self._currency} by this symbol ({error}).",
                code=error.code,
            ) from error
        return self._only_one(symbol, details)

    def _only_one(self, symbol: str, details: list[ContractDetails]) -> Listing:
        stocks = {
            found.contract.conId: found
            for found in details
            if found.contract is not None
            and found.contract.secType == "STK"
            and found.contract.currency == self._currency
        }
        if len(stocks) == 1:
            return self._listing(symbol, *stocks.values())
        names = ", ".join(
            f"{found.longName or symbol} on {_home(found)} (conId {con_id})"
            for con_id, found in sorted(stocks.items())
        )
        reason = f"several stocks answer: {names}" if names else "no stock answers"
        raise UnknownSymbol(f"{symbol}: {reason} in {self._currency}.")

    def _listing(self, symbol: str, details: ContractDetails) -> Listing:
        assert details.contract is not None
        # IB's API takes no fractional stock orders, whatever increment it names.
        increment = convert.price(details.sizeIncrement) or Decimal(1)
        return Listing(
            symbol=symbol,
            con_id=details.contract.conId,
            currency=details.contract.currency,
            primary_exchange=_home(details),
            name=details.longName,
            min_tick=convert.price(details.minTick) or _DEFAULT_TICK,
            lot_size=max(increment, Decimal(1)),
            time_zone=details.timeZoneId,
            liquid_hours=details.liquidHours,
            asked_at=self._clock(),
        )


def _home(details: ContractDetails) -> str:
    contract = details.contract
    return "" if contract is None else contract.primaryExchange or contract.exchange
