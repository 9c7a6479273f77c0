"""Contract details, market rules, symbol search and option chains."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ibkr_simulator.refusals import Refusal, no_such_contract
from ibkr_simulator.session import Session
from ibkr_simulator.translate.contracts import details_fields, market_rules, sample_fields
from simulated_exchange import Instrument

#: A symbol search shows at most so many (TWS API, "Stock Symbol Search").
_MAX_SAMPLES = 16


def contract_details(session: Session, request: Mapping[str, Any]) -> None:
    """Every contract that fits: an ambiguous description has several answers, not an error."""
    desk, request_id = session.desk, request["reqId"]
    found = desk.matches(request)
    if not found:
        raise no_such_contract()
    now = desk.exchange.clock.now()
    for instrument in found:
        fields = details_fields(instrument, now, desk.market_rule(instrument))
        session.send("contractDetails", fields, reqId=request_id)
    session.send("contractDetailsEnd", reqId=request_id)


def market_rule(session: Session, request: Mapping[str, Any]) -> None:
    wanted = request["marketRuleId"]
    for rule, number in market_rules(session.desk.exchange.find_instruments()).items():
        if number == wanted:
            steps = [{"lowEdge": edge, "increment": step} for edge, step in rule]
            session.send("marketRule", ruleId=number, increments=steps)
            return
    raise Refusal(10320, f"Market rule {wanted} is not available.")


def matching_symbols(session: Session, request: Mapping[str, Any]) -> None:
    """Instruments whose symbol begins with the pattern or whose name contains it."""
    pattern = request["pattern"].upper()
    samples = [
        sample_fields(instrument)
        for instrument in session.desk.exchange.find_instruments()
        if pattern
        and (instrument.symbol.startswith(pattern) or pattern in instrument.long_name.upper())
    ]
    session.send("symbolSamples", reqId=request["reqId"], samples=samples[:_MAX_SAMPLES])


def option_chain(session: Session, request: Mapping[str, Any]) -> None:
    """The listed options of an underlying: for each exchange and class its expiries and strikes."""
    chains: dict[tuple[str, str, Decimal], list[Instrument]] = {}
    for option in session.desk.exchange.find_instruments(
        symbol=request["underSymbol"], sec_type="OPT"
    ):
        for exchange in option.valid_exchanges:
            if request["futFopExchange"] in ("", exchange):
                key = exchange, option.trading_class or option.symbol, option.multiplier
                chains.setdefault(key, []).append(option)
    for (exchange, trading_class, multiplier), options in chains.items():
        session.send(
            "secDefOptParams",
            reqId=request["reqId"],
            exchange=exchange,
            underConId=request["underConId"],
            tradingClass=trading_class,
            multiplier=f"{multiplier:f}",
            expirations=sorted({option.last_trade_date for option in options}),
            strikes=sorted({option.strike for option in options}),
        )
    session.send("secDefOptParamsEnd", reqId=request["reqId"])


REQUESTS = {
    "reqSecDefOptParams": option_chain,
    "reqContractDetails": contract_details,
    "reqMarketRule": market_rule,
    "reqMatchingSymbols": matching_symbols,
}
