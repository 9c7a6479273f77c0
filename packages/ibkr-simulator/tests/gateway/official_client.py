"""A day of Interactive Brokers' own client: port in, one line of JSON out.

Runs as a process of its own, with the package `ibapi` on its path; see `test_official_client`. The
client calls back in its reading thread, and this one waits for what it was told.
"""

import json
import queue
import sys
import threading
from typing import Any

from ibapi.client import EClient  # type: ignore[import-not-found]
from ibapi.contract import Contract  # type: ignore[import-not-found]
from ibapi.execution import ExecutionFilter  # type: ignore[import-not-found]
from ibapi.order import Order  # type: ignore[import-not-found]
from ibapi.wrapper import EWrapper  # type: ignore[import-not-found]

ACCOUNT = "DU555555"
PATIENCE = 10.0
TOLD = (
    "managedAccounts nextValidId contractDetails contractDetailsEnd tickPrice tickSnapshotEnd "
    "openOrder orderStatus execDetails commissionReport position positionEnd accountSummary "
    "accountSummaryEnd historicalData historicalDataEnd openOrderEnd execDetailsEnd error pnl"
)


class Client(EWrapper, EClient):  # type: ignore[misc]
    """Puts every callback into a queue."""

    def __init__(self) -> None:
        EClient.__init__(self, wrapper=self)
        self.told: queue.SimpleQueue[tuple[str, tuple[Any, ...]]] = queue.SimpleQueue()
        for name in TOLD.split():
            setattr(self, name, lambda *values, name=name: self.told.put((name, values)))

    def until(self, name: str, *beginning: Any) -> tuple[Any, ...]:
        """The values of the next callback of this name that begin so; others are passed over."""
        while True:
            found, values = self.told.get(timeout=PATIENCE)
            if found == name and values[: len(beginning)] == beginning:
                return values


def order(action: str, kind: str, quantity: int, price: float = 0.0) -> Any:
    made = Order()
    made.action, made.orderType, made.totalQuantity = action, kind, quantity
    made.account, made.lmtPrice = ACCOUNT, price
    # What old clients say of themselves by default, and gateways do not take any more.
    made.eTradeOnly = made.firmQuoteOnly = False
    return made


def status_of(client: Client, order_id: int, wanted: str) -> float:
    """Wait until an order has this status; how much of it has filled."""
    while (values := client.until("orderStatus", order_id))[1] != wanted:
        pass
    return float(values[2])


def day(client: Client) -> dict[str, Any]:
    spy = Contract()
    spy.symbol, spy.secType, spy.exchange, spy.currency = "SPY", "STK", "SMART", "USD"
    first = client.until("nextValidId")[0]
    client.reqContractDetails(1, spy)
    details = client.until("contractDetails", 1)[1]
    client.until("contractDetailsEnd", 1)
    client.reqMktData(2, spy, "", True, False, [])
    bid = client.until("tickPrice", 2, 1)[2]
    client.until("tickSnapshotEnd", 2)
    client.reqHistoricalData(3, spy, "", "1 D", "1 hour", "TRADES", 1, 1, False, [])
    bars = client.until("historicalData", 3)[1].close
    client.placeOrder(first, spy, order("BUY", "MKT", 3))
    bought = client.until("execDetails", -1)[2].shares
    filled = status_of(client, first, "Filled")
    fee = client.until("commissionReport")[0].commission
    client.placeOrder(first + 1, spy, order("BUY", "LMT", 2, 500.0))
    status_of(client, first + 1, "Submitted")
    client.placeOrder(first + 1, spy, order("BUY", "LMT", 2, 501.0))
    changed = client.until("openOrder", first + 1)[2].lmtPrice
    client.cancelOrder(first + 1, *cancel_terms())
    status_of(client, first + 1, "Cancelled")
    client.reqExecutions(4, ExecutionFilter())
    again = client.until("execDetails", 4)[2].execId
    client.until("execDetailsEnd", 4)
    client.reqPositions()
    held = float(client.until("position", ACCOUNT)[2])
    client.until("positionEnd")
    client.reqAccountSummary(5, "All", "NetLiquidation")
    tag = client.until("accountSummary", 5, ACCOUNT)[2]
    return {
        "version": client.serverVersion(),
        "con_id": details.contract.conId,
        "bid": bid,
        "has_bars": bars > 0,
        "bought": float(bought),
        "filled": filled,
        "fee": fee,
        "changed": changed,
        "execution": bool(again),
        "held": held,
        "tag": tag,
    }


def cancel_terms() -> tuple[Any, ...]:
    """What `cancelOrder` takes beside the id: nothing in old clients."""
    try:
        from ibapi.order_cancel import OrderCancel  # type: ignore[import-not-found]
    except ImportError:
        return ()
    return (OrderCancel(),)


def main() -> None:
    client = Client()
    client.connect("127.0.0.1", int(sys.argv[1]), clientId=9)
    reader = threading.Thread(target=client.run, daemon=True)
    reader.start()
    try:
        print(json.dumps(day(client)))  # noqa: T201
    finally:
        client.disconnect()
        reader.join(PATIENCE)


if __name__ == "__main__":
    main()
