"""The control port: leases, status, quotes, saving and stopping."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any

import pytest
from ib_async import Stock

from ibkr_simulator.control import ControlServer
from simulated_exchange import QuoteKind


class Line:
    """One connection to the control port."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, **request: Any) -> dict[str, Any]:
        return await self.say(json.dumps(request).encode() + b"\n")

    async def say(self, data: bytes) -> dict[str, Any]:
        self.writer.write(data)
        answer: dict[str, Any] = json.loads(await asyncio.wait_for(self.reader.readline(), 5))
        return answer

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionResetError):
            await self.writer.wait_closed()


class Desk:
    """A control server over the world's gateway, and what it asked for."""

    def __init__(self) -> None:
        self.saves = 0
        self.failure: OSError | None = None
        self.stopped = asyncio.Event()
        self.lines: list[Line] = []
        self.server: ControlServer

    async def save(self) -> None:
        if self.failure is not None:
            raise self.failure
        self.saves += 1

    async def line(self) -> Line:
        line = Line(*await asyncio.open_connection("127.0.0.1", self.server.port))
        self.lines.append(line)
        return line


@asynccontextmanager
async def control(
    world: Any, *, exit_when_unused: bool = False, first_lease_within: float = 10.0
) -> Any:
    desk = Desk()
    desk.server = ControlServer(
        await world.gateway(accounts=None),
        port=0,
        save=desk.save,
        stop=desk.stopped.set,
        exit_when_unused=exit_when_unused,
        first_lease_within=first_lease_within,
    )
    async with desk.server:
        try:
            yield desk
        finally:
            for line in desk.lines:
                await line.close()


async def test_a_lease_says_where_clients_connect(world: Any) -> None:
    async with control(world) as desk:
        line = await desk.line()
        assert await line.ask(op="lease") == {
            "ok": True,
            "host": "127.0.0.1",
            "port": world.gateways[0].port,
            "accounts": ["DU1", "DU2"],
        }
        await line.close()


async def test_it_stops_when_the_last_lease_is_given_back_and_not_before(world: Any) -> None:
    async with control(world, exit_when_unused=True) as desk:
        first, second, onlooker = [await desk.line() for _ in range(3)]
        assert (await first.ask(op="lease"))["ok"]
        assert (await second.ask(op="lease"))["ok"]
        assert (await onlooker.ask(op="status"))["leases"] == 2
        await first.close()
        status = await onlooker.ask(op="status")
        while status["leases"] == 2:
            status = await onlooker.ask(op="status")
        assert not desk.stopped.is_set()
        await second.close()
        await asyncio.wait_for(desk.stopped.wait(), 5)
        refused = await onlooker.ask(op="lease")
        assert not refused["ok"]
        assert "stopping" in refused["error"]


async def test_it_stops_when_nobody_takes_a_first_lease_in_time(world: Any) -> None:
    async with control(world, exit_when_unused=True, first_lease_within=0.01) as desk:
        await asyncio.wait_for(desk.stopped.wait(), 5)


async def test_it_does_not_stop_when_the_first_lease_came_in_time(world: Any) -> None:
    async with control(world, exit_when_unused=True, first_lease_within=2) as desk:
        line = await desk.line()
        await line.ask(op="lease")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(desk.stopped.wait(), 2.1)


async def test_without_that_option_it_stays(world: Any) -> None:
    async with control(world) as desk:
        line, onlooker = await desk.line(), await desk.line()
        await line.ask(op="lease")
        await line.close()
        while (await onlooker.ask(op="status"))["leases"]:
            pass
        assert not desk.stopped.is_set()


async def test_status_tells_clients_and_what_they_have_sent(world: Any) -> None:
    async with control(world) as desk:
        await world.client(6, account="DU1")
        status = await (await desk.line()).ask(op="status")
        assert status["ok"]
        assert (status["clients"], status["leases"], status["connections"]) == ([6], 0, 1)
        assert status["unknown_messages"] == {}
        assert status["messages"] >= status["max_messages_per_second"] > 0


async def test_a_quote_is_changed_in_what_the_request_names(world: Any, spy: Stock) -> None:
    async with control(world) as desk:
        line = await desk.line()
        answer = await line.ask(op="quote", symbol="SPY", bid=599.5, ask=None, halted=1)
        assert answer["ok"]
        assert answer["quote"]["bid"] == "599.5"
        quote = world.exchange.quote(spy.conId)
        assert (quote.bid, quote.ask, quote.halted) == (Decimal("599.5"), None, 1)
        assert quote.last == Decimal("600.01")
        assert (await line.ask(op="quote", con_id=spy.conId, kind="delayed"))["ok"]
        assert world.exchange.quote_kind(spy.conId) is QuoteKind.DELAYED
        assert desk.saves == 2


async def test_an_order_by_hand_is_nobodys(world: Any, spy: Stock) -> None:
    async with control(world) as desk:
        line = await desk.line()
        order = {"account": "DU1", "symbol": "SPY", "side": "BUY", "quantity": 5}
        filled = await line.ask(op="order", **order)
        assert (filled["ok"], filled["status"]) == (True, "FILLED")
        rests = await line.ask(op="order", **order, limit=590.5)
        assert (rests["ok"], rests["status"]) == (True, "WORKING")
        ib = await world.client(3)
        (trade,) = await ib.reqAllOpenOrdersAsync()
        assert (trade.order.permId, trade.order.orderId) == (rests["perm_id"], 0)
        assert trade.order.lmtPrice == 590.5
        assert desk.saves == 2


async def test_shares_to_borrow_run_out_and_come_back(world: Any, spy: Stock) -> None:
    short = {"margin": True, "allow_short": True}
    world.exchange.open_account("DU3", cash={"USD": Decimal(100_000)}, **short)
    async with control(world) as desk:
        line = await desk.line()
        assert (await line.ask(op="shortable", symbol="SPY", shortable=False))["ok"]
        order = {"account": "DU3", "symbol": "SPY", "side": "SELL", "quantity": 5}
        assert (await line.ask(op="order", **order))["status"] == "HELD"
        assert (await line.ask(op="shortable", symbol="SPY", shortable=True))["ok"]
        assert world.exchange.account("DU3").positions[spy.conId].quantity == -5
        assert desk.saves == 3


async def test_an_order_is_held_back_listed_as_inactive_and_let_go(world: Any, spy: Stock) -> None:
    async with control(world) as desk:
        line = await desk.line()
        order = {"account": "DU1", "symbol": "SPY", "side": "BUY", "quantity": 5, "limit": "590.5"}
        perm_id = (await line.ask(op="order", **order))["perm_id"]
        held = await line.ask(op="active", perm_id=perm_id, active=False)
        assert held == {"ok": True, "status": "HELD"}
        ib = await world.client(3)
        (trade,) = await ib.reqAllOpenOrdersAsync()
        assert (trade.orderStatus.status, trade.orderStatus.whyHeld) == ("Inactive", "")
        await line.ask(op="quote", symbol="SPY", ask="590")
        assert world.exchange.order(perm_id).filled == 0
        let_go = await line.ask(op="active", perm_id=perm_id, active=True)
        assert let_go == {"ok": True, "status": "FILLED"}
        assert not (await line.ask(op="active", perm_id=perm_id, active=False))["ok"]


async def test_faults_are_set_listed_and_taken_back(world: Any) -> None:
    async with control(world) as desk:
        line = await desk.line()
        rule = {"action": "late", "seconds": 2.5, "message": "commissionReport", "symbol": "SPY"}
        assert await line.ask(op="fault", **rule) == {"ok": True, "number": 1}
        assert (await line.ask(op="fault", action="pacing", message="reqIds"))["number"] == 2
        listed = (await line.ask(op="faults"))["faults"]
        assert listed[0] == {**rule, "direction": "reply", "number": 1, "seen": 0, "acted": 0}
        assert await line.ask(op="clear", number=1) == {"ok": True}
        assert [rule["number"] for rule in (await line.ask(op="faults"))["faults"]] == [2]
        assert await line.ask(op="clear") == {"ok": True}
        assert (await line.ask(op="faults"))["faults"] == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nonsense\n", "Expecting value"),
        (b"[]\n", "JSON object"),
        (b'{"op": "dance"}\n', "no operation 'dance'"),
        (b'{"op": "quote", "bid": 1}\n', "has to name one"),
        (b'{"op": "order", "symbol": "SPY", "side": "HOLD"}\n', "not a valid Side"),
        (b'{"op": "order", "symbol": "SPY", "side": "BUY"}\n', "UNKNOWN_ACCOUNT"),
        (b'{"op": "order", "symbol": "SPY", "price": 1}\n', "an order has no price"),
        (b'{"op": "fault", "action": "dance"}\n', "no action 'dance'"),
        (b'{"op": "shortable", "symbol": "SPY"}\n', "true or false"),
        (b'{"op": "active", "perm_id": 1}\n', "true or false"),
        (b'{"op": "clear", "number": 9}\n', "no rule 9"),
        (b'{"op": "quote", "symbol": "SAP", "bid": 1}\n', "names 2 instruments"),
        (b'{"op": "quote", "symbol": "SPY", "bit": 1}\n', "no bit"),
        (b'{"op": "quote", "symbol": "SPY", "bid": true}\n', "bid has to be a number"),
        (b'{"op": "quote", "symbol": "SPY", "bid": "NaN"}\n', "finite"),
        (b'{"op": "quote", "symbol": "SPY", "bid": "x"}\n', "ConversionSyntax"),
        (b'{"op": "quote", "symbol": "SPY", "bid_size": null}\n', "bid_size has to be a number"),
        (b'{"op": "quote", "symbol": "SPY", "kind": "old"}\n', "not a valid QuoteKind"),
    ],
)
async def test_a_request_that_makes_no_sense_is_answered_with_the_reason(
    world: Any, line: bytes, reason: str
) -> None:
    async with control(world) as desk:
        answer = await (await desk.line()).say(line)
        assert not answer["ok"]
        assert reason in answer["error"]
        assert desk.saves == 0


async def test_saving_and_stopping_on_request(world: Any) -> None:
    async with control(world) as desk:
        line = await desk.line()
        assert await line.ask(op="save") == {"ok": True}
        desk.failure = OSError("disk full")
        assert await line.ask(op="save") == {"ok": False, "error": "disk full"}
        assert await line.ask(op="stop") == {"ok": True}
        assert desk.stopped.is_set()


async def test_a_line_without_end_closes_that_connection_only(world: Any) -> None:
    async with control(world) as desk:
        endless, other = await desk.line(), await desk.line()
        endless.writer.write(b"x" * 200_000)
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(endless.reader.read(), 5) == b""
        assert (await other.ask(op="status"))["ok"]
