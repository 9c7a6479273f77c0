"""Saves an exchange as it changes.

Events come in; a state file is kept up to date, one write for all changes of a moment and one at
the end. Quotes alone are no reason to write: they are saved with the next change and at the end.
"""

import asyncio
import logging
from contextlib import suppress
from types import TracebackType
from typing import Self

from simulated_exchange import Event, Exchange, QuoteChanged, StateFile

_LOG = logging.getLogger(__name__)
#: seconds in which changes are gathered: an order's events come within a few milliseconds
_GATHER = 0.05
#: how many times longer than the last state took to take down; clients are served meanwhile
_REST = 10


class Saver:
    """An async context that saves until it is left, and once more then."""

    def __init__(self, exchange: Exchange, file: StateFile) -> None:
        self._exchange = exchange
        self._file = file
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()
        self._writing = asyncio.Lock()
        #: seconds for which nobody was served while the state was taken down
        self._took = 0.0

    async def __aenter__(self) -> Self:
        self._unsubscribe = self._exchange.subscribe(self._note)
        self._task = asyncio.create_task(self._keep_saving())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._unsubscribe()
        self._closing.set()
        self._changed.set()
        await self._task
        await self.save()

    async def save(self) -> None:
        """Write the state as it is now. Raises `OSError` if the file cannot be written.

        The disk is waited for in a thread, the clients are served meanwhile.
        """
        async with self._writing:
            began = asyncio.get_running_loop().time()
            state = self._exchange.save()
            self._took = asyncio.get_running_loop().time() - began
            await asyncio.to_thread(self._file.write, state)

    def _note(self, event: Event) -> None:
        if not isinstance(event, QuoteChanged):
            self._changed.set()

    async def _keep_saving(self) -> None:
        while True:
            await self._changed.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), max(_GATHER, _REST * self._took))
            if self._closing.is_set():
                return
            self._changed.clear()
            try:
                await self.save()
            except OSError as error:
                # The next change tries again, and leaving the context raises if it still fails.
                _LOG.error("state not saved file=%s error=%s", self._file.path, error)
