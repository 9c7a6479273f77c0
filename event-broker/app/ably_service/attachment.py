"""One channel of one client: subscribes a feed to it, and attaches again what the SDK gives up.

Nothing waits for a subscription: with a bad key or an unreachable server it would never return.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from ably.types.channeloptions import ChannelOptions
from ably.util.exceptions import AblyException

from .feed import Feed
from .options import Patience
from .recorder import Alert
from .status import AlertKind

_log = structlog.get_logger(__name__)


class Attachment:
    """Joins a feed to the SDK's channel of that name."""

    def __init__(
        self,
        client: Any,
        feed: Feed,
        patience: Patience,
        alert: Alert,
        clean: Callable[[str], str],
    ) -> None:
        self._connection = client.connection
        self._channel = client.channels.get(feed.channel)
        self._client = client
        self._feed = feed
        self._patience = patience
        self._alert = alert
        self._clean = clean
        self._refused = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._again: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Subscribe, once and for all: a listener that is given twice would hear all twice."""
        self._channel.on(self._on_state)
        self._spawn(lambda: self._channel.subscribe(self._on_message))

    async def leave(self) -> None:
        """Hear no more of the channel, and let it go if the connection still can.

        The SDK's object stays, because somebody may already be attaching it again.
        """
        self.end()
        with suppress(AblyException, TimeoutError):
            async with asyncio.timeout(self._patience.close):
                await self._channel.detach()

    def end(self) -> None:
        """Hear no more of the channel; what the client does with it does not matter."""
        if self._again is not None:
            self._again.cancel()
        for task in self._tasks:
            task.cancel()
        self._channel.off(self._on_state)
        self._channel.unsubscribe(self._on_message)
        self._feed.detached()

    async def rewind(self, window: timedelta) -> None:
        """Attach afresh with a rewind, and wait until all that came back was received.

        An attached channel would be asked to resume, and then nothing comes back. Raises what the
        SDK raises.
        """
        minutes = max(1, window // timedelta(minutes=1))
        await self._channel.detach()
        options = ChannelOptions(params={"rewind": f"{minutes}m"})
        self._client.channels.get(self._feed.channel, options)
        await self._channel.attach()
        # Answers come in order, so this one comes behind what was brought back.
        await self._connection.ping()

    def _on_message(self, message: Any) -> None:
        self._feed.received(message)

    def _on_state(self, change: Any) -> None:
        """Every change of the channel; delivered before the messages that follow it."""
        state = str(change.current.value)
        reason = self._clean(str(change.reason)) if change.reason else None
        _log.info("channel", channel=self._feed.channel, state=state, reason=reason)
        if state == "attached":
            self._refused = False
            self._feed.attached(resumed=change.resumed)
            return
        self._feed.detached(f"{state}: {reason}" if reason else None)
        if state == "failed":
            self._refuse(reason)

    def _refuse(self, reason: str | None) -> None:
        """The SDK does not attach such a channel again, so we do, after a long while."""
        loop = asyncio.get_running_loop()
        self._again = loop.call_later(self._patience.refused, self._attach_again)
        if self._refused:
            return
        self._refused = True
        self._alert(
            AlertKind.CHANNEL_REFUSED,
            f"channel {self._feed.channel} cannot be attached ({reason}); its strategy gets no "
            f"events, the others do. It is tried again every {self._patience.refused:g} s",
        )

    def _attach_again(self) -> None:
        self._spawn(self._channel.attach)

    def _spawn(self, attach: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.get_running_loop().create_task(self._quietly(attach))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _quietly(self, attach: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """What goes wrong shows in the channel's state, and the SDK goes on trying.

        The SDK is called in here, because a task that is cancelled before it begins would leave a
        coroutine behind that nobody awaits.
        """
        with suppress(AblyException):
            await attach()
