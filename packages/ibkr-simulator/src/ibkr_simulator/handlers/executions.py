"""Executions and their commissions: as they happen, and again when asked for."""

from collections.abc import Mapping
from typing import Any

from ibkr_simulator.session import Session
from ibkr_simulator.translate.orders import (
    commission_fields,
    execution_fields,
    side_text,
)
from ibkr_simulator.translate.requests import owner_of
from ibkr_simulator.translate.texts import day_start, parse_time
from simulated_exchange import CommissionCharged, Executed, Execution

#: how a filter may write the side; executions themselves say BOT and SLD
_SIDES = {"BUY": "BOT", "SELL": "SLD"}


def executions(session: Session, request: Mapping[str, Any]) -> None:
    """Today's executions of all clients that pass the filter, each with its commission."""
    exchange, request_id = session.desk.exchange, request["reqId"]
    since = day_start(exchange.clock.now())
    if request["time"]:
        since = max(since, parse_time(request["time"]))
    for execution in exchange.executions(since=since):
        if _passes(session, execution, request):
            _send(session, execution, request_id)
            report = exchange.commission_report(execution.exec_id)
            session.send("commissionReport", commission_fields(report))
    session.send("execDetailsEnd", reqId=request_id)


def executed(session: Session, event: Executed) -> None:
    _send(session, event.execution)


def commission_charged(session: Session, event: CommissionCharged) -> None:
    session.send("commissionReport", commission_fields(event.report))


def _send(session: Session, execution: Execution, request_id: int = -1) -> None:
    instrument = session.desk.exchange.instrument(execution.request.con_id)
    number = session.desk.blocks.number(execution.order_id)
    fields = execution_fields(execution, instrument)
    session.send("execDetails", fields, reqId=request_id, permId=number)


def _passes(session: Session, execution: Execution, wanted: Mapping[str, Any]) -> bool:
    """An empty term, and client 0, let everything through."""
    request = execution.request
    instrument = session.desk.exchange.instrument(request.con_id)
    side = wanted["side"].upper()
    return (
        request.account_id in session.desk.account_ids
        and wanted["clientId"] in (0, owner_of(request)[0])
        and wanted["acctCode"] in ("", request.account_id)
        and wanted["symbol"] in ("", instrument.symbol)
        and wanted["secType"] in ("", instrument.sec_type)
        and wanted["exchange"] in ("", "SMART", instrument.exchange, instrument.primary_exchange)
        and _SIDES.get(side, side) in ("", side_text(request.side))
    )


REQUESTS = {"reqExecutions": executions}
