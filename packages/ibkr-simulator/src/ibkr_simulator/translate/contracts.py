"""Instruments as contracts, in the several shapes that messages have for them.

An `Instrument` comes in, fields go out. Whether a contract may be traded is not known here.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from simulated_exchange import Instrument

from .texts import sessions

#: a market rule that real gateways give to US stocks: one cent at every price
_CENT_RULE = 26
#: rules of other ticks are numbered from here by their tick
_OTHER_RULES = 1000
#: shares a gateway suggests as a step for the size of a US stock order (as captured from one)
_SUGGESTED_SIZE = 100


def contract_fields(instrument: Instrument, exchange: str = "") -> dict[str, Any]:
    """The eleven fields by which most messages name a contract."""
    return {
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


def portfolio_contract(instrument: Instrument) -> dict[str, Any]:
    """A portfolio line's contract: it has the primary exchange where others have the exchange."""
    named = contract_fields(instrument)
    del named["exchange"]
    return {**named, "primaryExchange": instrument.primary_exchange or instrument.exchange}


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


def market_rules(instruments: list[Instrument]) -> dict[Decimal, int]:
    """A rule number for each tick in use; the same instruments always get the same numbers."""
    ticks = sorted({instrument.min_tick for instrument in instruments})
    rules = {tick: _OTHER_RULES + place for place, tick in enumerate(ticks)}
    return {**rules, Decimal("0.01"): _CENT_RULE}


def _multiplier(instrument: Instrument) -> str:
    return "" if instrument.multiplier == 1 else f"{instrument.multiplier:f}"


def _local_symbol(instrument: Instrument) -> str:
    return instrument.local_symbol or instrument.symbol


def _trading_class(instrument: Instrument) -> str:
    return instrument.trading_class or instrument.symbol
