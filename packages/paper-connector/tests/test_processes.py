"""Several processes on the same books, and what is left of one that is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import pytest

from broker_connector_base import BrokerConnectionError, OrderStatus
from paper_connector import PaperBroker, PaperClient, StandingQuotes, lock, paper_broker
from simulated_exchange import Scenario

#: Buys one share after another and says so; the first argument is the directory.
TRADER = dedent(
    """
    import asyncio, sys
    from paper_connector import PaperClient, StandingQuotes, paper_broker

    async def main(directory, client_id, count):
        client = PaperClient(client_id, paper_broker(directory, "P1", quotes=StandingQuotes()))
        await client.connect()
        for number in range(count):
            key = f"{client_id}-{number}"
            sending = asyncio.ensure_future(
                client.place_order("P1", "SPY", 1, client_order_id=key)
            )
            await asyncio.sleep(0)
            print(key, flush=True)
            await sending
        await client.disconnect()

    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    """
)


async def start(directory: Path, client_id: int, count: int) -> Process:
    arguments = ("-c", TRADER, str(directory), str(client_id), str(count))
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE)


def broker(directory: Path) -> PaperBroker:
    return paper_broker(directory, "P1", quotes=StandingQuotes())


async def line(process: Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


async def test_an_order_that_was_sent_before_kill_9_is_filled_and_filled_once(
    tmp_path: Path,
) -> None:
    process = await start(tmp_path, 7, 100)
    sent = [await line(process) for _ in range(3)]
    process.kill()
    await process.communicate()

    client = PaperClient(7, broker(tmp_path))
    await client.connect()
    for key in sent:
        placed = await client.place_order("P1", "SPY", 1, client_order_id=key)
        assert placed.status is OrderStatus.FILLED
    keys = [fill.client_order_id for fill in await client.get_executions("P1")]
    assert keys[:3] == sent
    assert len(keys) == len(set(keys))
    assert await client._broker.ask(lambda exchange: exchange.audit()) == []
    await client.disconnect()


async def test_processes_that_trade_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    processes = [await start(tmp_path, client_id, 5) for client_id in (7, 8)]
    client = PaperClient(1, broker(tmp_path))
    await client.connect()
    for _ in range(10):
        snapshot = await client.get_account_snapshot("P1")
        held = sum(position.quantity for position in snapshot.positions)
        spent = sum(
            (fill.price * fill.quantity + (fill.commission or 0))
            for fill in await client.get_executions("P1")
        )
        # The two questions are two looks at books that move.
        assert Decimal(100_000) - snapshot.cash_balance <= spent
        assert held <= 10
    for process in processes:
        await process.communicate()
        assert process.returncode == 0
    fills = await client.get_executions("P1")
    assert sorted(fill.client_order_id or "" for fill in fills) == sorted(
        f"{client_id}-{number}" for client_id in (7, 8) for number in range(5)
    )
    assert await client._broker.ask(lambda exchange: exchange.audit()) == []
    await client.disconnect()


async def test_a_process_that_is_stopped_with_the_lock_keeps_nobody_waiting_for_ever(
    tmp_path: Path,
) -> None:
    empty = Scenario(name="empty", accounts={"P1": {"cash": {"USD": Decimal(1)}}})
    client = PaperClient(1, PaperBroker(tmp_path, lambda: empty, lock_timeout_seconds=0.05))
    await client.connect()
    stopped = lock.take_now(tmp_path / "state.json.lock")
    assert stopped is not None
    with pytest.raises(BrokerConnectionError, match=r"held .*state\.json\.lock.*nothing was sent"):
        await client.place_order("P1", "SPY", 1, client_order_id="one")
    os.close(stopped)
    assert await client.find_order("P1", "one") is None
    await client.disconnect()


async def test_an_order_that_waited_for_the_lock_is_not_sent_when_the_session_has_ended(
    tmp_path: Path,
) -> None:
    client = PaperClient(1, broker(tmp_path))
    await client.connect()
    holder = lock.take_now(tmp_path / "state.json.lock")
    assert holder is not None
    sending = asyncio.ensure_future(client.place_order("P1", "SPY", 1, client_order_id="one"))
    await asyncio.sleep(0.01)
    await client.disconnect()
    os.close(holder)
    with pytest.raises(BrokerConnectionError, match="nothing was sent"):
        await sending
    await client.connect()
    assert await client.find_order("P1", "one") is None
    await client.disconnect()


async def test_requests_that_waited_for_the_lock_are_done_in_order(tmp_path: Path) -> None:
    client = PaperClient(1, broker(tmp_path))
    await client.connect()
    holder = lock.take_now(tmp_path / "state.json.lock")
    assert holder is not None
    keys = [f"order-{number}" for number in range(5)]
    sending = [
        asyncio.ensure_future(client.place_order("P1", "SPY", 1, client_order_id=key))
        for key in keys
    ]
    await asyncio.sleep(0.02)
    os.close(holder)
    placed = await asyncio.gather(*sending)
    assert [p.order_id for p in placed] == sorted(p.order_id for p in placed)
    await client.disconnect()


async def test_the_seat_of_a_killed_process_is_free(tmp_path: Path) -> None:
    process = await start(tmp_path, 7, 100)
    await line(process)
    client = PaperClient(7, broker(tmp_path))
    with pytest.raises(BrokerConnectionError, match="client id 7 is in use"):
        await client.connect()
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    await client.connect()
    await client.disconnect()
