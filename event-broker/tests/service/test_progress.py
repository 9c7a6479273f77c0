"""Watchers of a run: each hears all of it, and a slow one holds up nobody."""

from __future__ import annotations

import asyncio

from app.service.progress import ProgressBoard


async def heard(board: ProgressBoard, event_id: str = "e1") -> list[bytes]:
    return [event async for event in board.watch(event_id)]


async def test_everybody_hears_it_from_its_beginning_to_its_end() -> None:
    board = ProgressBoard()
    with board.telling("e1") as tell:
        tell(b"1")
        early = asyncio.create_task(heard(board))
        await asyncio.sleep(0)
        tell(b"2")
        late = asyncio.create_task(heard(board))
        await asyncio.sleep(0)
        tell(b"3")
    assert [await early, await late] == [[b"1", b"2", b"3"]] * 2


async def test_a_slow_watcher_misses_the_oldest() -> None:
    board = ProgressBoard()
    with board.telling("e1") as tell:
        watching = board.watch("e1")
        tell(b"first")
        assert await anext(watching) == b"first"
        for number in range(1500):
            tell(b"%d" % number)
    assert [event async for event in watching] == [b"%d" % n for n in range(500, 1500)]


async def test_of_an_event_that_is_not_run_here_nothing_is_heard() -> None:
    board = ProgressBoard()
    assert await heard(board) == []
    with board.telling("e1"):
        assert (board.is_running("e1"), board.is_running("e2")) == (True, False)
    assert not board.is_running("e1")
    assert await heard(board) == []


async def test_whoever_waits_for_its_beginning_is_told_of_it() -> None:
    board, begun = ProgressBoard(), list[bool]()
    with board.heard_of(lambda: begun.append(board.is_running("e1"))), board.telling("e1"):
        assert begun == [True]
    with board.telling("e1"):
        assert begun == [True]
