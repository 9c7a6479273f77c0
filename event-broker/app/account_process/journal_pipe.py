"""The run journal of an account process on the side of its parent, who can reach the store.

Comes in over a pipe: records to be kept. Goes out: an answer once they are, and first of all what
the process has to know of earlier runs. After an answer that says no, nothing more is kept: the
process cannot know what was (`kept_journal`).
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from multiprocessing.connection import Connection
from typing import Protocol

import structlog

from .messages import JournalAnswer, JournalRequest

_log = structlog.get_logger(__name__)

#: How long an account process waits for an answer: well within a lease, so that a run whose parent
#: is silent ends before somebody else may have the account. A store answers within milliseconds.
ANSWER_SECONDS = 2.5

#: Room for the intents of some ten thousand orders.
_LONGEST_REQUEST_BYTES = 16 * 1024 * 1024


class NotKept(Exception):
    """The journal cannot be read or written; `passing` is True when trying again may help."""

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


class JournalKeeper(Protocol):
    """Keeps the journal of one account for one run; its methods raise `NotKept`."""

    async def recent(self) -> tuple[str, ...]:
        """What the run has to know of earlier ones: JSON documents, oldest first."""
        ...

    async def append(self, records: Sequence[str], *, ends_clean: bool) -> None:
        """Return when all of them would survive a power cut, and the account is still ours."""
        ...


@asynccontextmanager
async def keeping(pipe: Connection, keeper: JournalKeeper | None) -> AsyncIterator[None]:
    """For the block requests are answered; without a keeper nobody listens."""
    if keeper is None:
        pipe.close()
        yield
        return
    answering = asyncio.create_task(_answer_all(pipe, keeper))
    try:
        yield
    finally:
        answering.cancel()
        # Still ours when it has not even begun.
        pipe.close()
        await asyncio.wait({answering})


async def _answer_all(pipe: Connection, keeper: JournalKeeper) -> None:
    with pipe:
        # The only end: when it is closed the process hears so.
        end = socket.socket(fileno=os.dup(pipe.fileno()))
    try:
        reader, writer = await asyncio.open_unix_connection(sock=end, limit=_LONGEST_REQUEST_BYTES)
    except BaseException:
        end.close()
        raise
    # The process may have ended; that is found out elsewhere.
    with suppress(OSError):
        try:
            answer = await _answer(keeper, None)
            await _send(writer, answer)
            # A line without its end is of a process that was killed in the midst of it.
            while answer.error is None and (line := await reader.readline()).endswith(b"\n"):
                answer = await _answer(keeper, line)
                await _send(writer, answer)
        finally:
            writer.close()


async def _answer(keeper: JournalKeeper, line: bytes | None) -> JournalAnswer:
    try:
        if line is None:
            return JournalAnswer(records=await keeper.recent())
        request = JournalRequest.model_validate_json(line)
        await keeper.append(request.records, ends_clean=request.ends_clean)
    except NotKept as error:
        _log.warning("journal.not_kept", error=str(error))
        return JournalAnswer(error=str(error), passing=error.passing)
    except Exception as error:
        _log.exception("journal.fault")
        return JournalAnswer(error=f"a fault in the program: {type(error).__name__}: {error}")
    return JournalAnswer()


async def _send(writer: asyncio.StreamWriter, answer: JournalAnswer) -> None:
    writer.write(answer.model_dump_json().encode() + b"\n")
    await writer.drain()
