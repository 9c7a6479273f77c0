"""The ledger, fed with the server's messages in every order and any number of times."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ib_async import CommissionReport, Contract, Execution
from ib_async.order import Order
from ib_async.util import UNSET_DOUBLE, UNSET_INTEGER

from broker_connector_base import Fill, OrderEvent, OrderStatus, OrderUpdate
from ibkr_connector.errors import meaning_of
from ibkr_connector.ledger import Ledger
from ibkr_connector.tracked_order import TrackedOrder

_CLIENT, _NUMBER, _PERMANENT = 7, 12, 1700000001
_KEY = (_CLIENT, _NUMBER)
_STOCK = Contract(conId=1, symbol="AAA", secType="STK", currency="USD")
_PARTS = ((4, 10.0), (6, 10.5))  # shares and price of the executions of an order of 10


class Scene:
    """A ledger with one own order of 10 shares that was just sent."""

    def __init__(self) -> None:
        self.events: list[OrderEvent] = []
        self.doubts = 0
        self.ledger = Ledger(
            _CLIENT,
            publish=lambda _account, event: self.events.append(event),
            on_doubt=self.doubt,
            kind_of=lambda code: meaning_of(code).kind,
        )
        self.order = TrackedOrder(
            key=_KEY,
            order_id=str(_NUMBER),
            own=True,
            account_id="DU100",
            symbol="AAA",
            quantity=Decimal(10),
            order_type="MARKET",
            limit_price=None,
            time_in_force="DAY",
            client_order_id="key",
        )
        self.ledger.add(self.order)

    def doubt(self) -> None:
        self.doubts += 1

    def opened(self, status: str) -> None:
        order = Order(
            orderId=_NUMBER,
            clientId=_CLIENT,
            permId=_PERMANENT,
            action="BUY",
            totalQuantity=10,
            orderType="MKT",
            tif="DAY",
            account="DU100",
            orderRef="key",
        )
        self.ledger.on_open_order(_STOCK, order, status)

    def told(self, status: str, filled: float) -> None:
        self.ledger.on_order_status(
            _KEY,
            status=status,
            why_held="",
            filled=filled,
            average_price=10.3 if filled == 10 else 10.0 if filled else 0.0,
            permanent_id=_PERMANENT,
        )

    def executed(self, part: int) -> None:
        shares, price = _PARTS[part]
        execution = Execution(
            execId=f"0000e0d5.0000000{part}.01.01",
            time=datetime(2026, 11, 20, 15, tzinfo=UTC),
            acctNumber="DU100",
            side="BOT",
            shares=shares,
            price=price,
            permId=_PERMANENT,
            clientId=_CLIENT,
            orderId=_NUMBER,
            orderRef="key",
        )
        self.ledger.on_execution(_STOCK, execution)

    def charged(self, part: int) -> None:
        report = CommissionReport(
            execId=f"0000e0d5.0000000{part}.01.01", commission=0.5, currency="USD"
        )
        self.ledger.on_commission(report)

    def errored(self, code: int) -> None:
        self.ledger.on_order_error(_KEY, code, "words")

    @property
    def fills(self) -> dict[str, Fill]:
        """Each execution at its last report."""
        return {event.execution_id: event for event in self.events if isinstance(event, Fill)}


#: All that a server says while an order fills in two parts.
_STORY: tuple[Callable[[Scene], None], ...] = (
    lambda scene: scene.opened("PreSubmitted"),
    lambda scene: scene.told("PreSubmitted", 0),
    lambda scene: scene.executed(0),
    lambda scene: scene.told("Submitted", 4),
    lambda scene: scene.executed(1),
    lambda scene: scene.opened("Filled"),
    lambda scene: scene.told("Filled", 10),
    lambda scene: scene.charged(0),
    lambda scene: scene.charged(1),
)
#: Remarks and refusals that cross with it and change nothing.
_NOISE: tuple[Callable[[Scene], None], ...] = (
    lambda scene: scene.errored(399),
    lambda scene: scene.errored(10349),
    lambda scene: scene.errored(10148),
    lambda scene: scene.errored(161),
)


@settings(deadline=None, max_examples=150)
@given(
    st.permutations(_STORY),
    st.lists(st.sampled_from(_STORY + _NOISE), max_size=6),
)
def test_an_order_that_filled_is_filled_in_whatever_order_it_is_told(
    story: list[Callable[[Scene], None]], repeats: list[Callable[[Scene], None]]
) -> None:
    async def tell() -> Scene:
        scene = Scene()
        for message in (*story, *repeats):
            message(scene)
        return scene

    scene = asyncio.run(tell())
    assert scene.order.status is OrderStatus.FILLED
    assert scene.order.filled == 10
    assert scene.order.average_price == Decimal("10.3")
    assert scene.order.answered.is_set()
    assert sorted(fill.quantity for fill in scene.fills.values()) == [4, 6]
    assert sum(fill.commission or 0 for fill in scene.fills.values()) == 1
    reports = [event for event in scene.events if isinstance(event, Fill)]
    assert len(reports) <= 4  # each execution once without and once with its commission


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from((*_NOISE, lambda scene: scene.errored(202))), max_size=8))
def test_no_code_ends_an_order_that_was_acknowledged(
    codes: list[Callable[[Scene], None]],
) -> None:
    async def tell() -> Scene:
        scene = Scene()
        scene.told("Submitted", 0)
        for message in codes:
            message(scene)
        return scene

    scene = asyncio.run(tell())
    assert scene.order.status is OrderStatus.WORKING
    updates = [event for event in scene.events if isinstance(event, OrderUpdate)]
    assert {update.status for update in updates} == {OrderStatus.WORKING}
    assert scene.order.in_doubt == (scene.doubts > 0)


async def test_a_status_for_an_order_that_nobody_knows_is_passed_over() -> None:
    scene = Scene()
    scene.ledger.on_order_status(
        (_CLIENT, 99), status="Filled", why_held="", filled=1, average_price=1, permanent_id=3
    )
    assert scene.events == []
    assert not scene.ledger.knows((_CLIENT, 99))


async def test_terms_that_were_changed_at_the_gateway_are_taken_over() -> None:
    scene = Scene()
    changed = Order(
        orderId=_NUMBER,
        clientId=_CLIENT,
        permId=_PERMANENT,
        action="BUY",
        totalQuantity=25,
        orderType="LMT",
        lmtPrice=9.5,
        account="DU100",
        orderRef="key",
    )
    scene.ledger.on_open_order(_STOCK, changed, "Submitted")
    assert (scene.order.quantity, scene.order.limit_price) == (Decimal(25), Decimal("9.5"))


@pytest.mark.parametrize("unreadable", [math.nan, UNSET_DOUBLE])
async def test_filled_shares_that_cannot_be_read_are_not_taken_for_none(unreadable: float) -> None:
    scene = Scene()
    scene.opened("Submitted")
    scene.told("Submitted", 4)
    with pytest.raises(ValueError, match="no number of shares"):
        scene.told("Cancelled", unreadable)
    assert (scene.order.status, scene.order.filled) == (OrderStatus.WORKING, Decimal(4))


async def test_filled_shares_of_others_that_cannot_be_read_stay_as_they_were() -> None:
    scene = Scene()
    manual = Order(permId=55, action="SELL", totalQuantity=3, orderType="MKT", account="DU100")
    key = scene.ledger.on_open_order(_STOCK, manual, "Submitted")
    for filled in (1.0, math.nan):
        scene.ledger.on_order_status(
            key,
            status="Submitted",
            why_held="",
            filled=filled,
            average_price=0.0,
            permanent_id=55,
        )
    assert scene.ledger.get(key).filled == 1


@pytest.mark.parametrize("total", [math.nan, UNSET_DOUBLE, 0.0])
async def test_an_order_whose_size_is_not_told_is_not_filled_by_its_first_share(
    total: float,
) -> None:
    scene = Scene()
    ours = Order(
        orderId=_NUMBER, clientId=_CLIENT, permId=_PERMANENT, action="BUY", totalQuantity=total
    )
    ours.orderRef = "key"
    for_money = Order(permId=55, action="BUY", totalQuantity=total, account="DU100")
    for order in (ours, for_money):
        key = scene.ledger.on_open_order(_STOCK, order, "Submitted")
        execution = Execution(
            execId=f"0000e0d5.{order.permId}.01.01",
            time=datetime(2026, 11, 20, 15, tzinfo=UTC),
            acctNumber="DU100",
            side="BOT",
            shares=1,
            price=10,
            permId=order.permId,
            clientId=order.clientId,
            orderId=order.orderId,
            orderRef=order.orderRef,
        )
        scene.ledger.on_execution(_STOCK, execution)
        assert scene.ledger.get(key).status is OrderStatus.WORKING
    assert scene.order.quantity == 10


async def test_a_refusal_that_comes_after_the_deadline_still_decides() -> None:
    scene = Scene()
    scene.ledger.give_up(scene.order)
    scene.errored(201)
    assert scene.order.result().status is OrderStatus.REJECTED
    assert scene.doubts == 0


async def test_a_manual_order_without_an_order_id_is_known_by_its_permanent_id() -> None:
    scene = Scene()
    manual = Order(permId=55, action="SELL", totalQuantity=3, orderType="MKT", account="DU100")
    key = scene.ledger.on_open_order(_STOCK, manual, "Submitted")
    execution = Execution(
        execId="0000e0d5.00000009.01.01",
        time=datetime(2026, 11, 20, 15, tzinfo=UTC),
        acctNumber="DU100",
        side="SLD",
        shares=3,
        price=10,
        permId=55,
        orderId=UNSET_INTEGER,
    )
    scene.ledger.on_execution(_STOCK, execution)
    order = scene.ledger.get(key)
    assert (order.status, order.own) == (OrderStatus.FILLED, False)
    (fill,) = scene.fills.values()
    assert (fill.order_id, fill.quantity) == (order.order_id, Decimal(-3))
