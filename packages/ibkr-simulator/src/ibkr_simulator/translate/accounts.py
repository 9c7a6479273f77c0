"""An account as lines of (tag, value, currency), the way a gateway streams and summarises it.

An `Account` comes in, lines go out. Amounts have two decimals. Money of the whole account is in its
base currency; ledger lines exist per currency and once more, converted, under `BASE`.

Tags: TWS API account value keys, and the list that ib_async's account summary asks for.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from simulated_exchange import Account, Instrument, Position

from .contracts import portfolio_contract
from .schedule import settlement_texts
from .texts import average, money, words

_ZERO = Decimal(0)
_ONE = Decimal(1)
Figure = Callable[[Account], Decimal]


class Line(NamedTuple):
    """One value of an account; `currency` is "" for what is not money."""

    tag: str
    value: str
    currency: str


def _nothing(account: Account) -> Decimal:
    return _ZERO


def _settled(account: Account) -> Decimal:
    rates = account.exchange_rates
    return sum((cash * rates[name] for name, cash in account.settled_cash.items()), _ZERO)


def _equity_with_loan(account: Account) -> Decimal:
    # Settled cash in a cash account, else cash and securities (TWS guide, account window).
    return account.net_liquidation if account.margin else _settled(account)


#: Each figure that stands for itself and for the next, with the names it goes by.
_MONEY: dict[str, Figure] = {
    "AccruedCash": _nothing,
    "AccruedDividend": _nothing,
    "AvailableFunds": lambda account: account.available_funds,
    "Billable": _nothing,
    "BuyingPower": lambda account: account.buying_power,
    "EquityWithLoanValue": _equity_with_loan,
    "ExcessLiquidity": lambda account: account.excess_liquidity,
    "FullAvailableFunds": lambda account: account.available_funds,
    "FullExcessLiquidity": lambda account: account.excess_liquidity,
    "FullInitMarginReq": lambda account: account.initial_margin,
    "FullMaintMarginReq": lambda account: account.maintenance_margin,
    "GrossPositionValue": lambda account: account.gross_position_value,
    "Guarantee": _nothing,
    "IndianStockHaircut": _nothing,
    "InitMarginReq": lambda account: account.initial_margin,
    "LookAheadAvailableFunds": lambda account: account.available_funds,
    "LookAheadExcessLiquidity": lambda account: account.excess_liquidity,
    "LookAheadInitMarginReq": lambda account: account.initial_margin,
    "LookAheadMaintMarginReq": lambda account: account.maintenance_margin,
    "MaintMarginReq": lambda account: account.maintenance_margin,
    "NetLiquidation": lambda account: account.net_liquidation,
    "NetLiquidationUncertainty": _nothing,
    "PASharesValue": _nothing,
    "PhysicalCertificateValue": _nothing,
    "PostExpirationExcess": _nothing,
    "PostExpirationMargin": _nothing,
    # The exchange keeps no yesterday: what was there before today is what is there now.
    "PreviousDayEquityWithLoanValue": _equity_with_loan,
    "RegTEquity": _equity_with_loan,
    "RegTMargin": lambda account: account.initial_margin,
    "SMA": lambda account: account.excess_liquidity if account.margin else _ZERO,
    "SettledCash": _settled,
    "TotalCashValue": lambda account: account.total_cash,
    "TotalDebitCardPendingCharges": _nothing,
}

#: Money tags that a gateway repeats for the commodities (-C) and the securities (-S) segment.
_SEGMENTED = words(
    "AccruedCash AccruedDividend AvailableFunds Billable EquityWithLoanValue ExcessLiquidity "
    "FullAvailableFunds FullExcessLiquidity FullInitMarginReq FullMaintMarginReq Guarantee "
    "InitMarginReq LookAheadAvailableFunds LookAheadExcessLiquidity LookAheadInitMarginReq "
    "LookAheadMaintMarginReq MaintMarginReq NetLiquidation PASharesValue "
    "PhysicalCertificateValue PostExpirationExcess PostExpirationMargin "
    "TotalCashValue TotalDebitCardPendingCharges"
)
_SECURITIES_ONLY = words(
    "GrossPositionValue PreviousDayEquityWithLoanValue RegTEquity RegTMargin SMA"
)

#: Ledger tags that are always zero here: asset classes and accruals the exchange does not have.
_EMPTY_LEDGER = words(
    "AccruedCash CorporateBondValue Cryptocurrency FundValue FutureOptionValue FuturesPNL "
    "FxCashBalance IssuerOptionValue MoneyMarketFundValue MutualFundValue NetDividend "
    "TBillValue TBondValue WarrantValue"
)

_DAY_TRADES = ("", "T+1", "T+2", "T+3", "T+4")


class Statement:
    """An account as lines: worked out when somebody first asks, and once for all who hear of it."""

    def __init__(
        self,
        account_id: str,
        look_up: Callable[[str], Account],
        instruments: Mapping[int, Instrument],
        at: datetime,
    ) -> None:
        self.account_id = account_id
        self._look_up = look_up
        self._instruments = instruments
        self._at = at

    @cached_property
    def account(self) -> Account:
        return self._look_up(self.account_id)

    @cached_property
    def everything(self) -> list[Line]:
        """What an account-updates subscription shows, money per segment included."""
        return [*self._values, *self.ledger, *self._settlement]

    @cached_property
    def ledger(self) -> list[Line]:
        """Cash, holdings and results per currency, after a `BASE` block of all, converted."""
        account = self.account
        books = {currency: _Book(account, currency) for currency in account.cash}
        for position in account.positions.values():
            instrument = self._instruments[position.con_id]
            if instrument.currency not in books:
                books[instrument.currency] = _Book(account, instrument.currency)
            books[instrument.currency].add(position, instrument)
        lines = _ledger_block("BASE", _Total(account, list(books.values())), account)
        for currency, book in books.items():
            lines += _ledger_block(currency, book, account)
        return lines

    def summary(self, tags: Iterable[str]) -> list[Line]:
        """The lines of an account summary, in the order of `tags`; an unknown tag has none.

        `$LEDGER` means the base currency's ledger, `$LEDGER:EUR` another's, `$LEDGER:ALL` all.
        """
        known = {line.tag: line for line in self._values}
        found: list[Line] = []
        for tag in tags:
            if tag.startswith("$LEDGER"):
                wanted = tag.partition(":")[2] or self.account.base_currency
                found += [line for line in self.ledger if wanted in ("ALL", line.currency)]
            elif tag in known:
                found.append(known[tag])
        return found

    @cached_property
    def _settlement(self) -> list[Line]:
        texts = settlement_texts(self.account, self._at)
        return [Line(tag, text, currency) for (tag, currency), text in texts.items()]

    @cached_property
    def _values(self) -> list[Line]:
        return [*_plain_lines(self.account), *_money_lines(self.account)]


def portfolio_fields(
    account_id: str, position: Position | None, instrument: Instrument
) -> dict[str, Any]:
    """One portfolio line; None is a position that has been closed."""
    fields = {**portfolio_contract(instrument), "account": account_id}
    if position is None:
        return fields
    return {
        **fields,
        "position": position.quantity,
        "marketPrice": average(position.market_price),
        "marketValue": average(position.market_value),
        "averageCost": average(position.average_cost),
        "unrealizedPNL": average(position.unrealized_pnl),
        "realizedPNL": average(position.realized_pnl),
    }


class _Book:
    """One currency's part of an account."""

    def __init__(self, account: Account, currency: str) -> None:
        self.rate = account.exchange_rates[currency]
        self.cash = account.cash.get(currency, _ZERO)
        self.stocks = self.options = self.unrealized = self.realized = _ZERO

    def add(self, position: Position, instrument: Instrument) -> None:
        if instrument.sec_type == "OPT":
            self.options += position.market_value
        else:
            self.stocks += position.market_value
        self.unrealized += position.unrealized_pnl
        self.realized += position.realized_pnl


class _Total:
    """All books in the base currency."""

    def __init__(self, account: Account, books: list[_Book]) -> None:
        self.rate = _ONE
        self.cash = account.total_cash
        self.stocks = sum((book.stocks * book.rate for book in books), _ZERO)
        self.options = sum((book.options * book.rate for book in books), _ZERO)
        self.unrealized = account.unrealized_pnl
        self.realized = account.realized_pnl


def _ledger_block(currency: str, book: _Book | _Total, account: Account) -> list[Line]:
    amounts = {
        "CashBalance": book.cash,
        "TotalCashBalance": book.cash,
        "StockMarketValue": book.stocks,
        "OptionMarketValue": book.options,
        "NetLiquidationByCurrency": book.cash + book.stocks + book.options,
        "UnrealizedPnL": book.unrealized,
        "RealizedPnL": book.realized,
    }
    lines = [Line(tag, money(amount), currency) for tag, amount in amounts.items()]
    lines += [Line(tag, "0.00", currency) for tag in _EMPTY_LEDGER]
    lines.append(Line("ExchangeRate", f"{book.rate:f}", currency))
    lines += [Line(tag, currency, currency) for tag in ("Currency", "RealCurrency")]
    lines.append(Line("AccountOrGroup", account.account_id, currency))
    return lines


def _plain_lines(account: Account) -> list[Line]:
    """What is not money."""
    net = account.net_liquidation
    cushion = account.excess_liquidity / net if net else _ZERO
    leverage = account.gross_position_value / net if net else _ZERO
    # -1 means without limit: pattern day trader rules do not count here.
    trades = {f"DayTradesRemaining{day}": "-1" for day in _DAY_TRADES}
    texts = {
        "AccountCode": account.account_id,
        "AccountReady": "true",
        "AccountType": account.account_type,
        "Cushion": f"{average(cushion):f}",
        **trades,
        "HighestSeverity": "0",
        "Leverage": money(leverage),
        "Leverage-S": money(leverage),
        "LookAheadNextChange": "0",
        "NLVAndMarginInReview": "false",
        "SegmentTitle-C": "US Commodities",
        "SegmentTitle-S": "US Securities",
        "TradingType-S": "STKMRGN" if account.margin else "STKCASH",
        "WhatIfPMEnabled": "true",
    }
    return [Line(tag, value, "") for tag, value in texts.items()]


def _money_lines(account: Account) -> list[Line]:
    base = account.base_currency
    lines = []
    for tag, figure in _MONEY.items():
        value = money(figure(account))
        lines.append(Line(tag, value, base))
        if tag in _SEGMENTED:
            lines.append(Line(f"{tag}-C", "0.00", base))
        if tag in _SEGMENTED or tag in _SECURITIES_ONLY:
            lines.append(Line(f"{tag}-S", value, base))
    return lines
