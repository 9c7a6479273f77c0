"""An adviser's login, driven by ib_async: DF1 manages DU1, DU2 and DU3.

DU1 is worth USD 58,500.41 (10 SPY among it), DU2 3,000 and DU3 29,250. AAPL stands at 199.99 to
200.00, SPY at 600.00 to 600.02; commissions are USD 1.00 an order.
"""

from decimal import Decimal
from typing import Any

import pytest
from ib_async import LimitOrder, MarketOrder, Order, Stock

from simulated_exchange import FillPolicy

ACCOUNTS = ("DF1", "DU1", "DU2", "DU3")


def groups(**methods: str) -> str:
    """A group of all managed accounts for each name, with its method."""
    listed = "".join(f"<String>{account}</String>" for account in ACCOUNTS[1:])
    members = f'<ListOfAccts varName="list">{listed}</ListOfAccts>'
    return "".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?><ListOfGroups>',
            *(
                f"<Group><name>{name}</name>{members}<defaultMethod>{method}</defaultMethod></Group>"
                for name, method in methods.items()
            ),
            "</ListOfGroups>",
        ]
    )


AMOUNTS = """<ListOfGroups><Group><name>mine</name><defaultMethod>Ratio</defaultMethod>
<ListOfAccts varName="list"><Account><acct>DU1</acct><amount>2.0</amount></Account>
<Account><acct>DU3</acct><amount>1.0</amount></Account></ListOfAccts></Group></ListOfGroups>"""


@pytest.fixture
async def adviser(world: Any) -> Any:
    """A client of the adviser's login, and the errors it has heard."""
    world.exchange.open_account("DF1", cash={"USD": Decimal(0)}, account_type="ADVISOR")
    world.exchange.open_account("DU3", cash={"USD": Decimal(29_250)})
    await world.gateway(accounts=ACCOUNTS)
    ib = await world.client()
    ib.codes = []
    ib.errorEvent += lambda request, code, text, contract: ib.codes.append(code)
    return ib


def shares(world: Any, con_id: int) -> dict[str, int]:
    """What each account holds on the exchange."""
    accounts = {name: world.exchange.account(name) for name in ACCOUNTS}
    return {
        name: int(account.positions[con_id].quantity)
        for name, account in accounts.items()
        if con_id in account.positions
    }


def for_group(order: Order, group: str, method: str = "", percentage: str = "") -> Order:
    order.faGroup, order.faMethod, order.faPercentage = group, method, percentage
    return order


async def test_the_login_has_all_accounts_and_their_values(world: Any, adviser: Any) -> None:
    assert adviser.managedAccounts() == list(ACCOUNTS)
    values = {
        value.account: value.value
        for value in adviser.accountValues()
        if (value.tag, value.currency) == ("NetLiquidation", "USD")
    }
    assert values == {"DF1": "0.00", "DU1": "58500.41", "DU2": "3000.00", "DU3": "29250.00"}
    types = {v.account: v.value for v in adviser.accountValues() if v.tag == "AccountType"}
    assert (types["DF1"], types["DU1"]) == ("ADVISOR", "INDIVIDUAL")


async def test_groups_are_replaced_and_read_back(world: Any, adviser: Any) -> None:
    assert await adviser.requestFAAsync(1) == "<ListOfGroups></ListOfGroups>"
    adviser.replaceFA(1, groups(all="EqualQuantity"))
    assert await adviser.requestFAAsync(1) == groups(all="EqualQuantity")
    aliases = (
        "<ListOfAccountAliases><AccountAlias><account>DU1</account><alias>Ann</alias>"
        "</AccountAlias></ListOfAccountAliases>"
    )
    adviser.replaceFA(3, aliases)
    assert await adviser.requestFAAsync(3) == aliases
    await world.gateways[-1].stop()
    world.gateways.append(await world.restart(accounts=ACCOUNTS))
    again = await world.client(2)
    assert await again.requestFAAsync(1) == groups(all="EqualQuantity")


@pytest.mark.parametrize(
    ("kind", "xml", "code"),
    [
        (1, groups(all="EqualQuantity").replace("DU3", "DU9"), 10231),
        (3, "<L><AccountAlias><account>DU9</account></AccountAlias></L>", 10231),
        (1, "<ListOfGroups>", 321),
        (1, '<!DOCTYPE x [<!ENTITY a "b">]><ListOfGroups/>', 321),
        (1, groups(all="EqualQuantity").replace("DU3", "DU2"), 321),
        (1, AMOUNTS.replace("2.0", "-2"), 321),
        (1, AMOUNTS.replace("2.0", "two"), 321),
        (2, "<ListOfAllocationProfiles/>", 321),
        (7, "<ListOfGroups/>", 321),
    ],
)
async def test_data_that_makes_no_sense_is_refused_and_nothing_is_replaced(
    world: Any, adviser: Any, kind: int, xml: str, code: int
) -> None:
    adviser.replaceFA(kind, xml)
    await world.settle(adviser)
    assert adviser.codes == [code]
    assert await adviser.requestFAAsync(1) == "<ListOfGroups></ListOfGroups>"


async def test_an_order_names_one_of_the_managed_accounts(
    world: Any, adviser: Any, aapl: Stock
) -> None:
    trade = adviser.placeOrder(aapl, MarketOrder("BUY", 3, account="DU2"))
    for account in ("", "DF1", "DU9"):
        adviser.placeOrder(aapl, MarketOrder("BUY", 3, account=account))
    await world.settle(adviser)
    assert (trade.orderStatus.status, shares(world, aapl.conId)) == ("Filled", {"DU2": 3})
    assert adviser.codes == [201, 201, 201]


@pytest.mark.parametrize(
    ("method", "quantity", "parts"),
    [
        ("EqualQuantity", 7, {"DU1": 3, "DU2": 2, "DU3": 2}),
        # 58500.41 : 3000 : 29250 of 90750.41, then the two shares that are left
        ("NetLiq", 30, {"DU1": 20, "DU2": 1, "DU3": 9}),
        # available 54875.20, 3000 and 29250
        ("AvailableEquity", 30, {"DU1": 19, "DU2": 1, "DU3": 10}),
    ],
)
async def test_an_order_for_a_group_is_one_order_with_a_part_for_each_account(
    world: Any, adviser: Any, aapl: Stock, method: str, quantity: int, parts: dict[str, int]
) -> None:
    adviser.replaceFA(1, groups(all=method))
    trade = adviser.placeOrder(aapl, for_group(MarketOrder("BUY", quantity), "all"))
    await world.settle(adviser)
    assert (trade.orderStatus.status, trade.filled(), adviser.codes) == ("Filled", quantity, [])
    assert shares(world, aapl.conId) == parts
    told = {fill.execution.acctNumber: fill.execution.shares for fill in trade.fills}
    assert told == parts
    assert {fill.execution.permId for fill in trade.fills} == {trade.order.permId}
    assert all(fill.commissionReport.commission == 1 for fill in trade.fills)


async def test_a_group_can_give_each_account_its_own_ratio(
    world: Any, adviser: Any, aapl: Stock
) -> None:
    adviser.replaceFA(1, AMOUNTS)
    trade = adviser.placeOrder(aapl, for_group(MarketOrder("BUY", 9), "mine"))
    await world.settle(adviser)
    assert (trade.orderStatus.status, shares(world, aapl.conId)) == ("Filled", {"DU1": 6, "DU3": 3})


async def test_positions_are_changed_by_percent_whatever_the_quantity(
    world: Any, adviser: Any, spy: Stock
) -> None:
    adviser.replaceFA(1, groups(all="EqualQuantity"))
    order = for_group(MarketOrder("SELL", 0), "all", "PctChange", "-50")
    trade = adviser.placeOrder(spy, order)
    await world.settle(adviser)
    assert (trade.orderStatus.status, trade.filled()) == ("Filled", 5)
    assert shares(world, spy.conId) == {"DU1": 5}


async def test_a_working_block_is_listed_once_changed_and_cancelled_as_one(
    world: Any, adviser: Any, aapl: Stock
) -> None:
    adviser.replaceFA(1, groups(all="EqualQuantity"))
    world.exchange.set_fill_policy("AAPL", FillPolicy.partial(1, stall=True))
    order = for_group(LimitOrder("BUY", 6, 200), "all")
    trade = adviser.placeOrder(aapl, order)
    await world.settle(adviser)
    assert (trade.orderStatus.status, trade.filled(), trade.remaining()) == ("Submitted", 3, 3)
    (listed,) = await adviser.reqAllOpenOrdersAsync()
    assert (listed.order.totalQuantity, listed.order.faGroup) == (6, "all")

    order.totalQuantity, order.lmtPrice = 9, 199
    adviser.placeOrder(aapl, order)
    await world.settle(adviser)
    assert (trade.order.totalQuantity, trade.remaining()) == (9, 6)
    assert {o.request.limit_price for o in world.exchange.open_orders()} == {Decimal(199)}

    adviser.cancelOrder(order)
    await world.settle(adviser)
    assert (trade.orderStatus.status, trade.filled()) == ("Cancelled", 3)
    assert adviser.codes == [202]
    assert world.exchange.open_orders() == []
    (done,) = await adviser.reqCompletedOrdersAsync(False)
    assert (done.order.permId, done.order.filledQuantity) == (trade.order.permId, 3)


async def test_a_block_outlives_a_restart(world: Any, adviser: Any, aapl: Stock) -> None:
    adviser.replaceFA(1, groups(all="EqualQuantity"))
    adviser.placeOrder(aapl, for_group(LimitOrder("BUY", 6, 150), "all"))
    await world.settle(adviser)
    await world.restart(accounts=ACCOUNTS)
    again = await world.client()
    (trade,) = again.openTrades()
    order = trade.order
    assert (order.account, order.totalQuantity, order.faGroup) == ("DF1", 6, "all")
    again.cancelOrder(order)
    await world.settle(again)
    assert world.exchange.open_orders() == []


@pytest.mark.parametrize(
    "terms",
    [
        {"faGroup": "nobody"},
        {"faGroup": "all", "account": "DU1"},
        {"faGroup": "all", "parentId": 1},
        {"faGroup": "all", "transmit": False},
        {"faGroup": "all", "whatIf": True},
        {"faGroup": "all", "faMethod": "Fairly"},
        {"faGroup": "all", "faMethod": "PctChange", "faPercentage": "half"},
        {"faGroup": "all", "faMethod": "PctChange", "faPercentage": "10"},
        # Two fifths of it, and DU2 cannot pay for them.
        {"faGroup": "all", "totalQuantity": 300},
    ],
)
async def test_an_order_that_cannot_be_shared_out_is_refused_as_a_whole(
    world: Any, adviser: Any, aapl: Stock, terms: dict[str, Any]
) -> None:
    adviser.replaceFA(1, groups(all="EqualQuantity"))
    plain = {"action": "BUY", "totalQuantity": 3, "orderType": "MKT"}
    adviser.placeOrder(aapl, Order(**{**plain, **terms}))
    await world.settle(adviser)
    assert adviser.codes == [201]
    assert shares(world, aapl.conId) == {}


async def test_a_summary_is_of_all_accounts_or_of_a_group(world: Any, adviser: Any) -> None:
    adviser.replaceFA(1, AMOUNTS)
    summary = await adviser.accountSummaryAsync()
    assert {line.account for line in summary} == set(ACCOUNTS)
    wire = await world.wire(2)
    wire.send("reqAccountSummary", reqId=1, group="mine", tags="NetLiquidation")
    *lines, _ = await wire.receive_until("accountSummaryEnd")
    assert [line.fields["account"] for line in lines] == ["DU1", "DU3"]


async def test_a_fill_of_a_managed_account_is_pushed_to_who_follows_it(
    world: Any, adviser: Any, aapl: Stock
) -> None:
    adviser.placeOrder(aapl, MarketOrder("BUY", 3, account="DU2"))
    await world.settle(adviser)
    positions = {(p.account, p.contract.symbol): p.position for p in adviser.positions()}
    assert positions["DU2", "AAPL"] == 3
    cash = [
        value.value
        for value in adviser.accountValues("DU2")
        if (value.tag, value.currency) == ("CashBalance", "USD")
    ]
    # 3 x 200.00 and the commission of 1.00
    assert cash == ["2399.00"]


async def test_others_have_neither_groups_nor_their_data(world: Any, aapl: Stock) -> None:
    await world.gateway()
    ib = await world.client()
    codes: list[int] = []
    ib.errorEvent += lambda request, code, text, contract: codes.append(code)
    ib.client.requestFA(1)
    ib.placeOrder(aapl, for_group(MarketOrder("BUY", 3), "all"))
    await world.settle(ib)
    assert codes == [321, 201]
