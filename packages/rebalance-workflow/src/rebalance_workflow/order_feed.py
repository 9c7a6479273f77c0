"""The account's order events, heard by a task of their own from `start` to `stop`.

Comes in: the broker's event stream. Goes out: each event to one handler, and a wake-up for whoever
waits for a condition. A lost session ends the stream, and so does an event that cannot be handled;
both are raised to those who wait, who start again and look up what they missed. The feed itself
never reconnects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from broker_connector_base import BrokerClient, BrokerConnectionError, OrderEvent

_log = structlog.get_logger(__name__)

#: To subscribe takes no answer of the broker; a client that needs longer is stuck.
_SUBSCRIBE_SECONDS = 10.0


class OrderFeed:
    """Hears the order events of one account."""

    def __init__(
        self, broker: BrokerClient, account_id: str, handle: Callable[[OrderEvent], None]
    ) -> None:
        self._broker = broker
        self._account_id = account_id
        self._handle = handle
        self._news = asyncio.Event()
        self._failure: BrokerConnectionError | None = None
        self._listener: asyncio.Task[None] | None = None

    @property
    def stands(self) -> bool:
        """True while events are heard."""
        return self._listener is not None and self._failure is None

    async def start(self) -> None:
        """Subscribe (again); returns when no later event can be missed.

        Raises `BrokerConnectionError` when there is no session or it does not answer.
        """
        await self.stop()
        self._failure = None
        subscribed = asyncio.Event()
        self._listener = asyncio.create_task(self._listen(subscribed))
        try:
            async with asyncio.timeout(_SUBSCRIBE_SECONDS):
                await subscribed.wait()
        except TimeoutError:
            self._failure = BrokerConnectionError(
                f"order events could not be subscribed to within {_SUBSCRIBE_SECONDS:g} s"
            )
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        """End the subscription, however it fared; harmless when there is none."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
            await asyncio.wait([listener])
            if not listener.cancelled():
                # Every error was noted; what is raised here is the end of the process.
                listener.result()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until events have made the condition true, for as long as the session stands.

        Raises `BrokerConnectionError` when the stream ended first.
        """
        while not condition():
            if self._failure is not None:
                raise self._failure
            self._news.clear()
            await self._news.wait()

    async def _listen(self, subscribed: asyncio.Event) -> None:
        failure = BrokerConnectionError("the stream of order events ended")
        try:
            async with self._broker.order_events(self._account_id) as events:
                subscribed.set()
                async for event in events:
                    self._handle(event)
                    self._news.set()
        except BrokerConnectionError as error:
            failure = error
        except Exception as error:
            _log.exception("order_events_failed", account_id=self._account_id)
            failure = BrokerConnectionError(f"the order events ended: {error!r}")
        finally:
            self._failure = failure
            subscribed.set()
            self._news.set()
