"""The parent's side of account processes, with real forks that behave in chosen ways."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from app.account_process.entry import Reporter
from app.account_process.lease import Lease, steady_now
from app.account_process.messages import AccountJob, Message, MessageKind, Operation
from app.account_process.process import (
    AccountProcessCrashed,
    AccountProcessFailed,
    AccountProcessTimedOut,
    run_account_process,
)
from app.settings import load_settings, select_account
from app.testing import (
    be_told_to_end_before_it_listens,
    chatter,
    crash,
    end_when_asked,
    fail,
    hang_while_tidying_up,
    ignore_every_request_to_end,
    kill_itself,
    tell_ignored_signals,
    tidy_up_however_often_asked,
)

MakeJob = Callable[[Operation], AccountJob]


@pytest.fixture
def make_job(home: Path) -> MakeJob:
    settings = load_settings(home, {})

    def make(operation: Operation) -> AccountJob:
        return AccountJob(
            operation=operation,
            account=select_account(settings, "DU100"),
            settings=settings,
            host="127.0.0.1",
            port=1,
            client_id=1001,
            lock_timeout_seconds=1,
        )

    return make


class Heard:
    """Progress events, and a signal at the first."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.first = asyncio.Event()

    def __call__(self, event: bytes) -> None:
        self.messages.append(json.loads(event)["message"])
        self.first.set()


class LeaseWithoutFiles(Lease):
    """From when the process has its job, no file can be opened."""

    @contextmanager
    def told_to(self, pipe: Connection) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        with super().told_to(pipe):
            # Those of a terminal are always open.
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_progress_and_a_large_result_arrive_whole(make_job: MakeJob) -> None:
    heard = Heard()
    result = await run_account_process(
        make_job(Operation.POSITIONS), heard, deadline_seconds=30, target=chatter
    )
    assert heard.messages == ["one", "two"]
    assert json.loads(result)["account"] == "DU100"
    assert len(json.loads(result)["padding"]) == 300_000


async def test_a_simulator_that_gives_no_lease_is_in_nobodys_way(make_job: MakeJob) -> None:
    job = make_job(Operation.POSITIONS).model_copy(update={"control_port": 1})
    with pytest.raises(AccountProcessFailed) as caught:
        await run_account_process(job, Heard(), deadline_seconds=30)
    assert caught.value.kind == "BrokerConnectionError"


async def test_processes_run_at_the_same_time_and_apart(make_job: MakeJob) -> None:
    job = make_job(Operation.POSITIONS)
    results = await asyncio.gather(
        *(run_account_process(job, Heard(), deadline_seconds=30, target=chatter) for _ in range(3))
    )
    assert len({json.loads(result)["pid"] for result in results}) == 3


async def test_an_orderly_failure_keeps_its_kind(make_job: MakeJob) -> None:
    with pytest.raises(AccountProcessFailed, match="nobody there") as caught:
        await run_account_process(
            make_job(Operation.REBALANCE), Heard(), deadline_seconds=30, target=fail
        )
    assert caught.value.kind == "BrokerConnectionError"
    assert not caught.value.needs_attention


async def test_a_crash_of_a_run_names_the_signal_and_what_happens_next(make_job: MakeJob) -> None:
    with pytest.raises(AccountProcessCrashed, match=r"signal SIGKILL.*journal") as caught:
        await run_account_process(
            make_job(Operation.REBALANCE), Heard(), deadline_seconds=30, target=kill_itself
        )
    assert caught.value.needs_attention


async def test_a_crash_while_looking_leaves_nothing_needs_attention(make_job: MakeJob) -> None:
    with pytest.raises(AccountProcessCrashed, match=r"exit code 7.*No order was sent") as caught:
        await run_account_process(
            make_job(Operation.PREVIEW), Heard(), deadline_seconds=30, target=crash
        )
    assert not caught.value.needs_attention


async def test_a_process_that_is_asked_to_stop_may_still_report(make_job: MakeJob) -> None:
    stop = asyncio.Event()
    result = await run_account_process(
        make_job(Operation.REBALANCE),
        lambda _: stop.set(),
        deadline_seconds=30,
        stop=stop,
        target=end_when_asked,
    )
    assert json.loads(result) == {"ended": "in order"}


async def test_tidying_up_is_not_cut_short_by_a_second_request_to_end(make_job: MakeJob) -> None:
    stop = asyncio.Event()
    result = await run_account_process(
        make_job(Operation.REBALANCE),
        lambda _: stop.set(),
        deadline_seconds=30,
        stop=stop,
        target=tidy_up_however_often_asked,
    )
    assert json.loads(result) == {"tidied": "up"}


async def test_a_request_to_end_that_comes_early_is_followed_in_order(make_job: MakeJob) -> None:
    result = await run_account_process(
        make_job(Operation.REBALANCE),
        Heard(),
        deadline_seconds=30,
        target=be_told_to_end_before_it_listens,
    )
    assert json.loads(result) == {"ended": "in order"}


async def test_the_terminals_signals_are_for_the_command_alone(make_job: MakeJob) -> None:
    result = await run_account_process(
        make_job(Operation.REBALANCE), Heard(), deadline_seconds=30, target=tell_ignored_signals
    )
    assert {"SIGINT", "SIGHUP", "SIGTSTP"} <= set(json.loads(result))


async def test_a_process_past_its_deadline_is_killed(make_job: MakeJob) -> None:
    with pytest.raises(AccountProcessTimedOut, match=r"within 0\.1 s.*journal") as caught:
        await run_account_process(
            make_job(Operation.REBALANCE),
            Heard(),
            deadline_seconds=0.1,
            grace_seconds=0.1,
            target=ignore_every_request_to_end,
        )
    assert caught.value.needs_attention


async def test_a_process_that_hangs_after_it_was_told_to_end_does_not_need_its_parent_to_end(
    make_job: MakeJob,
) -> None:
    stop = asyncio.Event()
    with pytest.raises(AccountProcessCrashed, match="signal SIGALRM") as caught:
        await run_account_process(
            make_job(Operation.REBALANCE),
            lambda _: stop.set(),
            deadline_seconds=30,
            grace_seconds=30,
            stop=stop,
            target=hang_while_tidying_up,
        )
    assert caught.value.needs_attention


async def test_a_killed_process_that_the_kernel_does_not_give_back_is_not_waited_for_for_ever(
    make_job: MakeJob, fork_server_stopped: Callable[[], AbstractContextManager[None]]
) -> None:
    heard, stop = Heard(), asyncio.Event()
    running = asyncio.create_task(
        run_account_process(
            make_job(Operation.REBALANCE),
            heard,
            deadline_seconds=30,
            grace_seconds=0.1,
            stop=stop,
            target=ignore_every_request_to_end,
        )
    )
    await heard.first.wait()
    # Its end is told by the fork server.
    with fork_server_stopped():
        stop.set()
        with pytest.raises(AccountProcessCrashed, match="killed, and not gone yet") as caught:
            await running
    assert caught.value.needs_attention


@pytest.mark.parametrize("operation", [Operation.REBALANCE, Operation.PREVIEW])
async def test_a_process_that_cannot_be_heard_is_killed_and_orders_may_have_been_sent(
    make_job: MakeJob, operation: Operation
) -> None:
    with pytest.raises(AccountProcessCrashed, match=r"could not be heard.*was killed") as caught:
        await run_account_process(
            make_job(operation),
            Heard(),
            deadline_seconds=30,
            lease=LeaseWithoutFiles(steady_now() + 600),
            target=ignore_every_request_to_end,
        )
    assert caught.value.needs_attention == (operation is Operation.REBALANCE)
    assert ("Orders may be working" in str(caught.value)) == caught.value.needs_attention
    assert multiprocessing.active_children() == []


async def test_cancelling_the_call_ends_the_process(make_job: MakeJob) -> None:
    heard = Heard()
    running = asyncio.create_task(
        run_account_process(
            make_job(Operation.REBALANCE),
            heard,
            deadline_seconds=30,
            grace_seconds=0.1,
            target=ignore_every_request_to_end,
        )
    )
    await heard.first.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_cancelling_before_the_process_has_started_ends_it_too(make_job: MakeJob) -> None:
    running = asyncio.create_task(
        run_account_process(
            make_job(Operation.REBALANCE),
            Heard(),
            deadline_seconds=30,
            target=ignore_every_request_to_end,
        )
    )
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_progress_that_nobody_reads_stops_nothing_and_the_result_arrives_whole() -> None:
    reader, writer = multiprocessing.Pipe(duplex=False)
    told = threading.Event()

    def work() -> None:
        reporter = Reporter(writer)
        for number in range(2_000):
            reporter.progress(json.dumps({"message": str(number), "padding": "x" * 200}).encode())
        told.set()
        reporter.send(MessageKind.RESULT, json.dumps("y" * 300_000).encode())
        writer.close()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    # Two thousand events are six times what the pipe holds.
    assert told.wait(10), "a full pipe stopped the run"
    with reader, os.fdopen(os.dup(reader.fileno()), "rb") as lines:
        *progress, last = [Message.decode(line.rstrip()) for line in lines]
    worker.join()
    assert last.kind is MessageKind.RESULT
    assert json.loads(last.body) == "y" * 300_000
    heard = [json.loads(message.body)["message"] for message in progress]
    arrived = len(heard) - 1
    assert heard[:arrived] == [str(number) for number in range(arrived)]
    assert heard[-1] == f"{2_000 - arrived} progress messages were left out"


def test_a_command_that_is_gone_stops_nothing() -> None:
    reader, writer = multiprocessing.Pipe(duplex=False)
    reader.close()
    with writer:
        reporter = Reporter(writer)
        reporter.progress(b"{}")
        reporter.send(MessageKind.RESULT, b"{}")


def test_a_message_is_its_kind_and_a_document() -> None:
    message = Message(MessageKind.PROGRESS, b'{"a": 1}')
    assert message.encode() == b'progress {"a": 1}'
    assert Message.decode(message.encode()) == message
    with pytest.raises(ValueError):
        Message.decode(b"gossip {}")
