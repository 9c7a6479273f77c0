"""When the cash of a cash account settles, as ib_async hears of it. It is Friday noon in New York.

DU3 has USD 1,000 and EUR 100 (1 EUR = 1.25 USD), 10 SPY and 10 SAP on Xetra; its sales take a
business day to settle. A commission is 1.00.
"""

from decimal import Decimal
from typing import Any

import pytest
from ib_async import IB, MarketOrder, Stock

from .conftest import SAP_XETRA, SPY

DAY = 24 * 3600
SAP = Stock("SAP", "SMART", "EUR", conId=SAP_XETRA)


def schedules(ib: IB) -> dict[tuple[str, str], str]:
    """What the stream of account values says, by tag and currency."""
    return {
        (line.tag, line.currency): line.value
        for line in ib.accountValues()
        if line.tag.startswith("SettledCashByDate")
    }


@pytest.fixture
async def ib(world: Any) -> IB:
    world.exchange.open_account(
        "DU3",
        cash={"USD": Decimal(1_000), "EUR": Decimal(100)},
        positions={SPY: (Decimal(10), Decimal(550)), SAP_XETRA: (Decimal(10), Decimal(150))},
        settlement_days=1,
    )
    await world.gateway(accounts=("DU3",))
    client: IB = await world.client()
    return client


async def test_what_has_settled_is_told_as_of_today(ib: IB) -> None:
    told = schedules(ib)
    assert told["SettledCashByDate", "USD"] == "20261120:1000.00"
    assert told["SettledCashByDate", "EUR"] == "20261120:100.00"
    # 1,000 and 100 x 1.25
    assert told["SettledCashByDate", "BASE"] == "20261120:1125.00"
    assert {told[f"SettledCashByDate{part}", "USD"] for part in ("", "-S")} == {"20261120:1000.00"}


async def test_the_money_of_a_sale_is_told_with_the_day_on_which_it_settles(
    world: Any, ib: IB, spy: Stock
) -> None:
    ib.placeOrder(spy, MarketOrder("SELL", 4))
    ib.placeOrder(SAP, MarketOrder("SELL", 1))
    await world.settle(ib)
    told = schedules(ib)
    # 4 x 600.00 - 1.00 and 200.00 - 1.00, both on Monday.
    assert told["SettledCashByDate", "USD"] == "20261120:1000.00;20261123:3399.00"
    assert told["SettledCashByDate", "EUR"] == "20261120:100.00;20261123:299.00"
    assert told["SettledCashByDate", "BASE"] == "20261120:1125.00;20261123:3772.75"
    # A purchase takes from what has settled, and so from every day.
    ib.placeOrder(spy, MarketOrder("BUY", 1))
    await world.settle(ib)
    assert schedules(ib)["SettledCashByDate", "USD"] == "20261120:398.98;20261123:2797.98"


async def test_sales_of_several_days_settle_on_several_days(world: Any, ib: IB, spy: Stock) -> None:
    ib.placeOrder(spy, MarketOrder("SELL", 4))
    world.clock.advance(2 * DAY)  # Sunday, and a market that never closes
    ib.placeOrder(spy, MarketOrder("SELL", 1))
    await world.settle(ib)
    assert schedules(ib)["SettledCashByDate", "USD"] == "20261122:1000.00;20261123:3998.00"
    world.clock.advance(DAY)
    ib.placeOrder(spy, MarketOrder("SELL", 1))
    await world.settle(ib)
    assert schedules(ib)["SettledCashByDate", "USD"] == "20261123:3998.00;20261124:4597.00"


async def test_neither_a_summary_nor_a_ledger_has_the_schedule(world: Any, ib: IB) -> None:
    wire = await world.wire(2)
    wire.send("reqAccountUpdatesMulti", reqId=1, account="DU3", ledgerAndNLV=True)
    ledger = await wire.receive_until("accountUpdateMultiEnd")
    assert not [line for line in ledger if "SettledCashByDate" in str(line.fields.get("key"))]
    tags = "SettledCash,SettledCashByDate,$LEDGER:ALL"
    wire.send("reqAccountSummary", reqId=2, group="All", tags=tags)
    summary = await wire.receive_until("accountSummaryEnd")
    told = {line.fields["tag"] for line in summary[:-1]}
    assert "SettledCash" in told
    assert "SettledCashByDate" not in told
