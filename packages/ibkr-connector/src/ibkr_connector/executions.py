"""Executions and their commissions, each at its last correction.

Comes in: `execDetails` and `commissionReport` in any order and any number of times. Goes out: a
`Fill` whenever something new is known. It never counts an execution twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ib_async import CommissionReport, Contract, Execution
from ib_async.util import UNSET_INTEGER

from broker_connector_base import Fill

from . import convert
from .messages import OrderKey, order_key
from .tracked_order import TrackedOrder


def execution_identity(exec_id: str) -> tuple[str, int]:
    """What stays of an execution id under corrections, and the number of the correction.

    `0000e0d5.67fe667b.01.01` is corrected by `0000e0d5.67fe667b.01.02`.
    Source: https://interactivebrokers.github.io/tws-api/executions_commissions.html
    """
    stem, dot, last = exec_id.rpartition(".")
    if dot and stem.count(".") >= 2 and last.isdigit():
        return stem, int(last)
    return exec_id, 0


def execution_key(execution: Execution) -> OrderKey:
    """The order that was executed; a manual order's execution has an unset order id."""
    number = 0 if execution.orderId == UNSET_INTEGER else execution.orderId
    return order_key(execution.clientId, number, execution.permId)


def order_id_text(key: OrderKey, own_client_id: int) -> str:
    """Own orders go by their bare number; others' carry the client, so that the two never meet."""
    client_id, number = key
    return str(number) if client_id == own_client_id else f"{client_id}/{number}"


@dataclass(slots=True)
class _Latest:
    exec_id: str
    correction: int
    fill: Fill


class Executions:
    """The executions that this session has heard of."""

    def __init__(self, own_client_id: int) -> None:
        self._own_client_id = own_client_id
        self._latest: dict[str, _Latest] = {}
        self._commissions: dict[str, CommissionReport] = {}
        self._by_number: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, contract: Contract, execution: Execution) -> tuple[Fill, bool]:
        """The fill as it now stands, and whether that is news."""
        identity, correction = execution_identity(execution.execId)
        known = self._latest.get(identity)
        if known is not None and known.correction >= correction:
            return known.fill, False
        fill = self._with_commission(
            self._fill(identity, contract, execution), self._commissions.get(execution.execId)
        )
        self._latest[identity] = _Latest(execution.execId, correction, fill)
        self._by_number[fill.order_id].add(identity)
        return fill, True

    def add_commission(self, report: CommissionReport) -> Fill | None:
        """The fill with its commission, if the execution is known and the commission is news."""
        self._commissions[report.execId] = report
        known = self._latest.get(execution_identity(report.execId)[0])
        if known is None or known.exec_id != report.execId:
            return None
        fill = self._with_commission(known.fill, report)
        if fill == known.fill:
            return None
        known.fill = fill
        return fill

    def get(self, execution_id: str) -> Fill:
        """The fill by its id."""
        return self._latest[execution_id].fill

    def with_key(self, account_id: str, client_order_id: str) -> list[Fill]:
        """The fills of the order with this key."""
        wanted = (account_id, client_order_id)
        return [
            fill
            for fill in (latest.fill for latest in self._latest.values())
            if (fill.account_id, fill.client_order_id) == wanted
        ]

    def of_order(self, order: TrackedOrder) -> list[Fill]:
        """The fills of one order; another one may have had its number."""
        return [
            fill
            for fill in map(self.get, self._by_number[order.order_id])
            if order.is_meant_by(fill.permanent_id, fill.client_order_id)
        ]

    def _fill(self, identity: str, contract: Contract, execution: Execution) -> Fill:
        key = execution_key(execution)
        price, quantity = convert.price(execution.price), convert.number(execution.shares)
        if price is None:
            raise ValueError(f"execution {execution.execId} has no price: {execution.price}")
        if quantity is None:
            raise ValueError(f"execution {execution.execId} has no shares: {execution.shares}")
        return Fill(
            execution_id=identity,
            order_id=order_id_text(key, self._own_client_id),
            client_order_id=execution.orderRef or None,
            permanent_id=convert.permanent_id(execution.permId),
            account_id=execution.acctNumber,
            symbol=convert.contract_name(contract),
            quantity=quantity if execution.side == "BOT" else -quantity,
            price=price,
            at=convert.utc(execution.time),
        )

    @staticmethod
    def _with_commission(fill: Fill, report: CommissionReport | None) -> Fill:
        commission = None if report is None else convert.number(report.commission)
        if report is None or commission is None:
            return fill
        return fill.model_copy(
            update={"commission": commission, "commission_currency": report.currency or None}
        )


def shares(fills: Iterable[Fill]) -> Decimal:
    """Unsigned shares of the fills of one order."""
    return sum((abs(fill.quantity) for fill in fills), Decimal(0))


def average_price(fills: Sequence[Fill]) -> Decimal | None:
    """The price per share that the fills amount to; None without shares: a correction can take all
    of them back.
    """
    value = sum((abs(fill.quantity) * fill.price for fill in fills), Decimal(0))
    return value / shares(fills) if shares(fills) else None
