"""`python -m ibkr_simulator serve` as a process."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ib_async import IB, LimitOrder, Stock

from ibkr_simulator.cli import main
from ibkr_simulator.state_lock import StateInUse, exclusive

PATIENCE = 15.0


class Served:
    """A gateway process that has said it is ready."""

    def __init__(self, *arguments: str | Path, command: str = "serve") -> None:
        line = [sys.executable, "-m", "ibkr_simulator", command, *map(str, arguments)]
        self.process = subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        ready = self.process.stdout.readline()
        self.ready: dict[str, Any] = json.loads(ready) if ready else {}

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit code and stderr after a signal."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors

    def control(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.ready["control_port"]), PATIENCE)

    def ask(self, connection: socket.socket, operation: str) -> dict[str, Any]:
        connection.sendall(json.dumps({"op": operation}).encode() + b"\n")
        with connection.makefile() as lines:
            answer: dict[str, Any] = json.loads(lines.readline())
        return answer


@pytest.fixture
def started() -> Iterator[list[Served]]:
    """Processes to be ended whatever happens to the test."""
    processes: list[Served] = []
    yield processes
    for served in processes:
        if served.process.poll() is None:
            served.process.kill()
        with served.process:
            pass


@pytest.fixture
def serve(started: list[Served], tmp_path: Path) -> Any:
    def start(*arguments: str | Path, state: bool = True) -> Served:
        kept = ("--state", tmp_path / "state.json") if state else ()
        served = Served("--ready-file", tmp_path / "ready.json", *kept, *arguments)
        started.append(served)
        return served

    return start


def test_ready_means_listening_and_is_said_in_the_file_and_on_stdout(
    serve: Any, tmp_path: Path
) -> None:
    served = serve()
    assert json.loads((tmp_path / "ready.json").read_text()) == served.ready
    assert served.ready["pid"] == served.process.pid
    assert served.ready["host"] == "127.0.0.1"
    assert served.ready["accounts"] == ["DUM959247", "DU789012", "DU555555"]
    assert set(served.ready) == {"pid", "host", "port", "control_port", "accounts", "version"}
    socket.create_connection(("127.0.0.1", served.ready["port"]), PATIENCE).close()
    assert served.end() == (0, "")
    assert not (tmp_path / "ready.json").exists()


async def test_what_a_client_did_is_there_in_the_next_process(serve: Any, tmp_path: Path) -> None:
    first = serve("--seed", "3")
    trade = await place_an_order(first)
    assert first.end(signal.SIGINT) == (0, "")
    # The state wins over whatever scenario is named, as long as there is such a one.
    code, errors = serve("--scenario", "no-such-scenario").wait()
    assert (code, "there is no scenario 'no-such-scenario'" in errors) == (1, True)
    second = serve("--scenario", "advisor")
    ib = IB()
    await ib.connectAsync("127.0.0.1", second.ready["port"], clientId=1, timeout=PATIENCE)
    (again,) = ib.openTrades()
    assert again.order.permId == trade.order.permId
    assert ib.client.getReqId() > trade.order.orderId
    ib.disconnect()
    assert second.end()[0] == 0


async def test_a_killed_process_leaves_a_saved_state_and_a_free_lock(
    serve: Any, tmp_path: Path
) -> None:
    first = serve()
    trade = await place_an_order(first)
    with first.control() as connection:
        assert first.ask(connection, "save") == {"ok": True}
    assert first.end(signal.SIGKILL)[0] == -signal.SIGKILL
    second = serve()
    ib = IB()
    await ib.connectAsync("127.0.0.1", second.ready["port"], clientId=1, timeout=PATIENCE)
    assert [again.order.permId for again in ib.openTrades()] == [trade.order.permId]
    ib.disconnect()


async def place_an_order(served: Served) -> Any:
    ib = IB()
    await ib.connectAsync("127.0.0.1", served.ready["port"], clientId=1, timeout=PATIENCE)
    trade = ib.placeOrder(
        Stock("SPY", "SMART", "USD"), LimitOrder("BUY", 1, 100, account="DU555555", tif="GTC")
    )
    while not trade.order.permId:
        await trade.statusEvent
    ib.disconnect()
    return trade


def test_it_ends_when_the_process_with_the_last_lease_is_killed(serve: Any) -> None:
    served = serve("--exit-when-unused")
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import socket, sys, time\n"
            f"s = socket.create_connection(('127.0.0.1', {served.ready['control_port']}))\n"
            's.sendall(b\'{"op": "lease"}\\n\')\n'
            "print(s.makefile().readline(), flush=True)\n"
            "sys.stdin.read()\n",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        assert json.loads(holder.stdout.readline())["ok"]
        assert served.process.poll() is None
        holder.kill()
    assert served.wait() == (0, "")


def test_the_next_process_waits_for_the_state_of_one_that_is_ending(serve: Any) -> None:
    first = serve("--exit-when-unused")
    with first.control() as connection:
        assert first.ask(connection, "lease")["ok"]
    second = serve("--exit-when-unused")
    assert second.ready["pid"] == second.process.pid
    assert first.wait() == (0, "")


def test_a_state_in_use_is_refused_in_one_line(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    refusal = pytest.raises(StateInUse, match=r"state\.json is in use .* waited 0\.05 s")
    with exclusive(state, 0.05), refusal, exclusive(state, 0.05):
        pass
    with exclusive(state, 0.05):
        pass


@pytest.mark.parametrize("content", ["not JSON", "[]", '{"version": 99}', '{"version": 1}'])
def test_a_damaged_state_is_refused_in_one_line_that_says_what_to_do(
    serve: Any, tmp_path: Path, content: str
) -> None:
    (tmp_path / "state.json").write_text(content)
    served = serve()
    assert served.ready == {}
    code, errors = served.wait()
    assert code == 1
    assert errors.count("\n") == 1
    assert "state.json cannot be used" in errors
    assert "move it away, or delete it" in errors
    assert "tools/" not in errors
    assert (tmp_path / "state.json").read_text() == content


def test_a_scenario_that_does_not_exist_is_refused(serve: Any) -> None:
    code, errors = serve("--scenario", "nowhere", state=False).wait()
    assert code == 1
    assert "nowhere" in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("serve", "--port", "99999"), "argument --port: '99999' should be a port, 0 to 65535"),
        (("serve", "--control-port", "-1"), "argument --control-port: '-1' should be a port"),
        (("serve", "--port", "http"), "argument --port: 'http' should be a port"),
        (
            ("serve", "--market-data-lines", "-1"),
            "argument --market-data-lines: '-1' should be a number of instruments, 0 or more",
        ),
        (("record", "t", "--target", "bogus"), "argument --target: 'bogus' should be HOST:PORT"),
        (("record", "t", "--target", "h:x"), "argument --target: 'h:x' should be HOST:PORT"),
        (("record", "t", "--target", "h:0"), "argument --target: 'h:0' should be HOST:PORT"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_in_the_user_s_words(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_port_that_is_taken_is_refused(serve: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, errors = serve("--port", str(taken.getsockname()[1]), state=False).wait()
    assert code == 1
    assert "address already in use" in errors.lower()


async def test_without_a_state_file_nothing_is_kept_and_read_only_is_read_only(
    serve: Any, tmp_path: Path
) -> None:
    served = serve("--read-only", state=False)
    ib = IB()
    await ib.connectAsync("127.0.0.1", served.ready["port"], clientId=1, timeout=PATIENCE)
    order = LimitOrder("BUY", 1, 100, account="DU555555")
    trade = ib.placeOrder(Stock("SPY", "SMART", "USD"), order)
    await trade.statusEvent
    assert trade.log[-1].errorCode == 321
    ib.disconnect()
    with served.control() as connection:
        assert served.ask(connection, "save") == {"ok": True}
        assert served.ask(connection, "stop") == {"ok": True}
        assert served.wait() == (0, "")
    assert os.listdir(tmp_path) == []


async def test_faults_of_a_file_are_set_before_anybody_connects(serve: Any, tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("- {action: reject, code: 201, text: no luck, message: placeOrder}\n")
    served = serve("--faults", file)
    ib = IB()
    await ib.connectAsync("127.0.0.1", served.ready["port"], clientId=1, timeout=PATIENCE)
    trade = ib.placeOrder(Stock("SPY", "SMART", "USD"), LimitOrder("BUY", 1, 100))
    await trade.statusEvent
    assert "no luck" in trade.log[-1].message
    ib.disconnect()


SCENARIO = """
size: 500
instruments: [{con_id: 1, symbol: ABC, quote: {bid: 9, ask: 10, last: 9, close: 9}}]
accounts: {DU1: {cash: {USD: 1000}}}
tape: quotes.csv
faults: [{action: reject, code: 201, text: no luck, message: placeOrder}]
"""


async def test_a_scenario_of_ones_own_has_quotes_and_faults(serve: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(SCENARIO)
    (tmp_path / "quotes.csv").write_text("time,symbol,bid,ask\n0,ABC,11,11.5\n")
    served = serve("--scenario", file)
    ib = IB()
    await ib.connectAsync("127.0.0.1", served.ready["port"], clientId=1, timeout=PATIENCE)
    abc = Stock("ABC", "SMART", "USD", conId=1)
    (ticker,) = await ib.reqTickersAsync(abc)
    assert (ticker.bid, ticker.ask, ticker.close) == (11, 11.5, 9)
    trade = ib.placeOrder(abc, LimitOrder("BUY", 1, 5))
    await trade.statusEvent
    assert "no luck" in trade.log[-1].message
    ib.disconnect()


def test_a_tape_that_is_not_there_is_one_line_and_exit_code_1(serve: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(SCENARIO)
    code, errors = serve("--scenario", file).wait()
    assert (code, errors.count("\n")) == (1, 1)
    assert "quotes.csv" in errors


def test_faults_that_cannot_be_meant_are_one_line_and_exit_code_1(
    serve: Any, tmp_path: Path
) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("- {action: dance}\n")
    code, errors = serve("--faults", file).wait()
    assert code == 1
    assert errors.startswith("ibkr_simulator: there is no action 'dance'")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("recorder", ["gateway", "relay"])
async def test_a_process_records_and_another_replays(
    serve: Any, started: list[Served], tmp_path: Path, recorder: str
) -> None:
    file = tmp_path / "day.jsonl"
    first = serve("--record", file) if recorder == "gateway" else serve()
    port = first.ready["port"]
    if recorder == "relay":
        relay = Served(str(file), "--target", f"127.0.0.1:{port}", command="record")
        started.append(relay)
        port = relay.ready["port"]
    ib = IB()
    await ib.connectAsync("127.0.0.1", port, clientId=1, timeout=PATIENCE)
    cash = ib.accountValues()
    ib.disconnect()
    assert all(served.end()[0] == 0 for served in started)
    second = Served(str(file), command="replay")
    started.append(second)
    ib = IB()
    await ib.connectAsync("127.0.0.1", second.ready["port"], clientId=1, timeout=PATIENCE)
    assert ib.accountValues() == cash
    ib.disconnect()
    assert second.end() == (0, "")
    file.write_text("nonsense")
    third = Served(str(file), command="replay")
    started.append(third)
    code, errors = third.wait()
    assert (code, errors.count("\n")) == (1, 1)
