"""Instruments as contracts, in the several shapes that messages have for them.

An `Instrument` comes in, fields go out. Whether a contract may be traded is not known here.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from simulated_exchange import Instrument

from .texts import sessions

#: (low edge, increment) pairs, rising
Rule = tuple[tuple[Decimal, Decimal], ...]

#: a market rule that real gateways give to US stocks: one cent at every price
_CENTS: Rule = ((Decimal(0), Decimal("0.01")),)
_CENT_RULE = 26
#: other rules are numbered from here, in their order
_OTHER_RULES = 1000
#: shares a gateway suggests as a step for the size of a US stock order (as captured from one)
_SUGGESTED_SIZE = 100


@lru_cache(maxsize=4096)
def contract_fields(instrument: Instrument, exchange: str = "") -> Mapping[str, Any]:
    """The eleven fields by which most messages name a contract; those that are empty are left out,
    for that is what they are when they are not given."""
    named = {
        "conId": instrument.con_id,
        "symbol": instrument.symbol,
        "secType": instrument.sec_type,
        "lastTradeDate": instrument.last_trade_date,
        "strike": instrument.strike,
        "right": instrument.right,
        "multiplier": _multiplier(instrument),
        "exchange": exchange,
        "currency": instrument.currency,
        "localSymbol": _local_symbol(instrument),
        "tradingClass": _trading_class(instrument),
    }
    return {name: value for name, value in named.items() if value}


def portfolio_contract(instrument: Instrument) -> dict[str, Any]:
    """A portfolio line's contract: it has the primary exchange where others have the exchange."""
    return {
        **contract_fields(instrument),
        "primaryExchange": instrument.primary_exchange or instrument.exchange,
    }


def details_fields(instrument: Instrument, at: datetime, rule: int) -> dict[str, Any]:
    """What a contract-details reply says, without its request's id; hours are from `at` on."""
    exchanges = instrument.valid_exchanges
    return {
        **contract_fields(instrument, instrument.exchange),
        "marketName": _trading_class(instrument),
        "minTick": instrument.min_tick,
        "orderTypes": ",".join(instrument.order_types),
        "validExchanges": ",".join(exchanges),
        "longName": instrument.long_name,
        "primaryExchange": instrument.primary_exchange,
        "contractMonth": instrument.last_trade_date[:6],
        "timeZoneId": instrument.time_zone,
        "tradingHours": sessions(instrument.trading_hours, at),
        "liquidHours": sessions(instrument.liquid_hours, at),
        "secIdList": ({"tag": "ISIN", "value": instrument.isin},) if instrument.isin else (),
        "aggGroup": 1,
        "marketRuleIds": ",".join(str(rule) for _ in exchanges),
        "stockType": instrument.stock_type,
        "minSize": instrument.lot_size,
        "sizeIncrement": instrument.lot_size,
        "suggestedSizeIncrement": Decimal(_SUGGESTED_SIZE),
    }


def sample_fields(instrument: Instrument) -> dict[str, Any]:
    """One line of a symbol search."""
    return {
        "conId": instrument.con_id,
        "symbol": instrument.symbol,
        "secType": instrument.sec_type,
        "primaryExchange": instrument.primary_exchange,
        "currency": instrument.currency,
        "description": instrument.long_name,
    }


def price_rule(instrument: Instrument) -> Rule:
    """The steps of its prices, each with the price from which on it is in force."""
    steps = instrument.price_increments
    if not steps:
        return ((Decimal(0), instrument.min_tick),)
    return tuple((step.low_edge, step.increment) for step in steps)


def market_rules(instruments: list[Instrument]) -> dict[Rule, int]:
    """A number for each rule in use; the same instruments always get the same numbers."""
    rules = sorted({price_rule(instrument) for instrument in instruments})
    numbers = {rule: _OTHER_RULES + place for place, rule in enumerate(rules)}
    return {**numbers, _CENTS: _CENT_RULE}


def _multiplier(instrument: Instrument) -> str:
    return "" if instrument.multiplier == 1 else f"{instrument.multiplier:f}"


def _local_symbol(instrument: Instrument) -> str:
    return instrument.local_symbol or instrument.symbol


def _trading_class(instrument: Instrument) -> str:
    return instrument.trading_class or instrument.symbol
