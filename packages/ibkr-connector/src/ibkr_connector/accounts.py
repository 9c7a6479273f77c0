"""The picture of one account: positions, cash and net liquidation, asked for afresh.

Comes in: an account id. Goes out: an `AccountSnapshot`. Only per-account requests are used: the
portfolio subscription serves one account at a time for a whole gateway. It never takes a value of
another currency for the base currency's, and never fills a gap with zero.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from ib_async import Contract

from broker_connector_base import (
    AccountDataError,
    AccountPosition,
    AccountSnapshot,
    ContractPrice,
)

from . import convert
from .contract_cache import stock_contract
from .messages import AccountLine, PositionLine
from .quote_line import mark
from .quotes import Quotes
from .session import Session
from .settlement import settlement

_BASE = "BASE"


class Accounts:
    """Snapshots of the accounts of one login."""

    def __init__(
        self,
        session: Session,
        quotes: Quotes,
        *,
        base_currency: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._quotes = quotes
        self._base_currency = base_currency
        self._clock = clock

    async def snapshot(self, account_id: str, *, use_cached_prices: bool) -> AccountSnapshot:
        """See `BrokerClient.get_account_snapshot`; one message for values, one for positions, one
        for each, to end them, and one per stock that has no market data line yet.
        """
        self._session.require_account(account_id)
        lines, held = await asyncio.gather(self._values(account_id), self._positions(account_id))
        values = AccountValues(account_id, lines, preferred_currency=self._base_currency)
        positions = await self._priced(held, use_cached_prices)
        cash = values.required("TotalCashValue")
        by_currency = values.by_currency("CashBalance")
        own_cash = by_currency.get(values.base_currency, cash)
        pending = settlement(values.text("SettledCashByDate"), own_cash)
        return AccountSnapshot(
            account_id=account_id,
            total_value=values.net_liquidation(),
            cash_balance=cash,
            settled_cash=cash - pending.pending if pending else values.get("SettledCash"),
            settles_on=pending.settles_on if pending else None,
            cash_account=values.is_cash_account(),
            available_funds=values.get("AvailableFunds"),
            positions=tuple(positions),
            currency=values.base_currency,
            cash_by_currency=by_currency,
            as_of=self._clock(),
        )

    async def _values(self, account_id: str) -> list[AccountLine]:
        return await self._session.ask(
            lambda client, key: client.reqAccountUpdatesMulti(key, account_id, "", False),
            cancel=lambda client, key: client.cancelAccountUpdatesMulti(key),
            what=f"the values of {account_id}",
        )

    async def _positions(self, account_id: str) -> list[PositionLine]:
        lines: list[PositionLine] = await self._session.ask(
            lambda client, key: client.reqPositionsMulti(key, account_id, ""),
            cancel=lambda client, key: client.cancelPositionsMulti(key),
            what=f"the positions of {account_id}",
        )
        # By conId: two listings of one symbol are two positions, a repeated line is one.
        held = {line.contract.conId: line for line in lines}
        for line in held.values():
            if convert.number(line.quantity) is None:
                raise AccountDataError(
                    f"IB gave {line.quantity} as the number of shares of "
                    f"{convert.contract_name(line.contract)} in account {account_id}. Nothing was "
                    "sent on the strength of it. Look at the account in TWS, and run again."
                )
        return [line for line in held.values() if line.quantity]

    async def _priced(
        self, held: Sequence[PositionLine], use_cached_prices: bool
    ) -> list[AccountPosition]:
        stocks = [
            (symbol, stock_contract(contract.conId, symbol, contract.currency))
            for line in held
            if (contract := line.contract).secType == "STK"
            and (symbol := convert.symbol_from_ib(contract.symbol))
        ]
        quotes = await self._quotes.of(stocks, use_cache=use_cached_prices)
        return [
            _position(line, quote if isinstance(quote, ContractPrice) else None)
            for line in held
            for quote in (quotes.get(line.contract.conId),)
        ]


def _position(line: PositionLine, quote: ContractPrice | None) -> AccountPosition:
    contract: Contract = line.contract
    shares = convert.quantity(line.quantity)
    price = None if quote is None else mark(quote)
    return AccountPosition(
        symbol=convert.symbol_from_ib(contract.symbol),
        quantity=shares,
        market_price=price,
        market_value=None if price is None else price * shares,
        average_cost=convert.price(line.average_cost),
        security_type=contract.secType,
        currency=contract.currency,
        instrument_id=str(contract.conId),
    )


class AccountValues:
    """The account's values by tag and currency, read in its base currency only."""

    def __init__(
        self, account_id: str, lines: Sequence[AccountLine], *, preferred_currency: str
    ) -> None:
        self._account_id = account_id
        self._values = {(line.tag, line.currency): line.value for line in lines}
        if self._values.get(("AccountReady", "")) == "false":
            raise AccountDataError(
                f"IB says that account {account_id} is not ready; its values cannot be trusted yet."
            )
        self.base_currency = self._find_base_currency(preferred_currency)

    def _find_base_currency(self, preferred: str) -> str:
        """The currency of net liquidation; of several the one with exchange rate 1."""
        currencies = {
            currency
            for tag, currency in self._values
            if tag == "NetLiquidation" and currency not in ("", _BASE)
        }
        if len(currencies) == 1:
            return currencies.pop()
        at_par = {
            currency
            for (tag, currency), value in self._values.items()
            if tag == "ExchangeRate" and currency != _BASE and convert.number(value) == 1
        }
        candidates = currencies & at_par if currencies else at_par
        if len(candidates) == 1:
            return candidates.pop()
        if preferred in candidates:
            return preferred
        raise AccountDataError(
            f"IB did not say in which currency account {self._account_id} is kept: net liquidation "
            f"came in {sorted(currencies) or 'none'}."
        )

    def is_cash_account(self) -> bool:
        """Whether the securities segment is traded in cash; other words are kinds of margin."""
        return self._values.get(("TradingType-S", "")) == "STKCASH"

    def text(self, tag: str) -> str | None:
        """A value in the base currency, or in none, as IB writes it."""
        return self._values.get((tag, self.base_currency)) or self._values.get((tag, ""))

    def get(self, tag: str) -> Decimal | None:
        """A value in the base currency, None when IB gave none."""
        for currency in (self.base_currency, _BASE):
            value = convert.number(self._values.get((tag, currency)))
            if value is not None:
                return value
        return None

    def required(self, tag: str) -> Decimal:
        """A value that no snapshot can do without."""
        value = self.get(tag)
        if value is None:
            raise AccountDataError(
                f"IB gave no {tag} in {self.base_currency} for account {self._account_id}."
            )
        return value

    def net_liquidation(self) -> Decimal:
        """Net liquidation in the base currency, positive."""
        value = self.required("NetLiquidation")
        if value <= 0:
            raise AccountDataError(
                f"IB says that account {self._account_id} is worth {value} {self.base_currency}."
            )
        return value

    def by_currency(self, tag: str) -> dict[str, Decimal]:
        """A value per currency, the sum in base currency left out."""
        return {
            currency: value
            for (name, currency), text in sorted(self._values.items())
            if name == tag
            and currency not in ("", _BASE)
            and (value := convert.number(text)) is not None
        }
