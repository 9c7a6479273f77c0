"""Quotes, checked: every symbol that matters has two sane sides.

In: the broker's quotes and the symbols that need one.  Out: bid, ask and mid per symbol.
Never fills a gap with a last or closing price.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from broker_connector_base.models import ContractPrice, QuoteQuality

from .errors import QuoteError
from .policy import PlanPolicy
from .symbols import normal_symbol

Quotes = Mapping[str, ContractPrice] | Sequence[ContractPrice]


@dataclass(frozen=True, kw_only=True)
class Market:
    """Both sides of one symbol's market, per share."""

    bid: Decimal
    ask: Decimal
    mid: Decimal


def validate_quotes(quotes: Quotes, needed: Iterable[str], policy: PlanPolicy) -> dict[str, Market]:
    """The markets of the `needed` symbols; raises QuoteError that lists every bad one."""
    offered = quotes.values() if isinstance(quotes, Mapping) else quotes
    by_symbol: dict[str, ContractPrice] = {}
    problems: dict[str, str] = {}
    for quote in offered:
        symbol = normal_symbol(quote.symbol)
        if by_symbol.setdefault(symbol, quote) != quote:
            problems[symbol] = "has two different quotes"
    markets: dict[str, Market] = {}
    for symbol in sorted(needed):
        found = _market(by_symbol.get(symbol), policy)
        if isinstance(found, Market):
            markets[symbol] = found
        else:
            problems.setdefault(symbol, found)
    bad = {symbol: problem for symbol, problem in problems.items() if symbol in set(needed)}
    if bad:
        raise QuoteError(
            "no usable quote: " + "; ".join(f"{symbol} {bad[symbol]}" for symbol in sorted(bad)),
            symbols=tuple(sorted(bad)),
        )
    return markets


def _market(quote: ContractPrice | None, policy: PlanPolicy) -> Market | str:
    """The market, or what is wrong with the quote."""
    if quote is None or (quote.bid is None and quote.ask is None):
        return "has no quote"
    if quote.bid is None or quote.ask is None:
        return f"is one-sided (bid {quote.bid}, ask {quote.ask})"
    if quote.ask < quote.bid:
        return f"is crossed (bid {quote.bid}, ask {quote.ask})"
    if quote.halted:
        return "is halted"
    if policy.live_quotes_only and quote.quality is not QuoteQuality.LIVE:
        return f"is quoted {quote.quality.value}, not live"
    mid = (quote.bid + quote.ask) / 2
    spread = (quote.ask - quote.bid) / mid * 100
    if policy.max_spread_percent is not None and spread > policy.max_spread_percent:
        return f"has a spread of {spread:.2f} %, over {policy.max_spread_percent:f} %"
    return _far_from_close(quote, mid, policy) or Market(bid=quote.bid, ask=quote.ask, mid=mid)


def _far_from_close(quote: ContractPrice, mid: Decimal, policy: PlanPolicy) -> str | None:
    limit = policy.max_close_deviation_percent
    if limit is None or quote.close is None:
        return None
    deviation = abs(mid - quote.close) / quote.close * 100
    if deviation <= limit:
        return None
    return f"is {deviation:.2f} % from its close of {quote.close:f}, over {limit:f} %"
