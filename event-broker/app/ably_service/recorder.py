"""Writes one channel's messages to the store, before anything else is done with them.

Called with what arrived, live or from history; the store says what was new. It never lets an error
into the SDK, which would swallow it and go on: a message that could not be recorded leaves the
channel dirty until history was read again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from app.store import Store
from app.store.records import MessageOrigin, MessageStatus

from .arrivals import Arrival, from_row, from_sdk
from .status import AlertKind

_log = structlog.get_logger(__name__)

#: Says something to the operator: what kind, and the text. Must not block, and may fail.
Alert = Callable[[AlertKind, str], None]


class Recorder:
    """Records for one channel."""

    def __init__(
        self, channel: str, store: Store, clock: Callable[[], datetime], alert: Alert
    ) -> None:
        self.channel = channel
        self._store = store
        self._clock = clock
        self._alert = alert

    def live(self, message: Any, *, rewound_before: datetime | None = None) -> datetime:
        """Record what the SDK delivered, durably when this returns; its (server) time.

        With `rewound_before`, the message was brought back by a rewind, and what is older than that
        is no order. Raises what the store raises: nothing was recorded then.
        """
        origin = MessageOrigin.LIVE if rewound_before is None else MessageOrigin.REWIND
        arrival = from_sdk(self.channel, message, self._clock(), origin)
        status, known = arrival.status, arrival.message
        if rewound_before is not None and known.timestamp < rewound_before:
            status = MessageStatus.BEFORE_FIRST_START
        new = self._store.messages.record(known, status, arrival.detail)
        _log.info("message", channel=self.channel, id=known.message_id, new=new, origin=origin)
        if new:
            self._tell(arrival)
        return known.timestamp

    async def page(
        self, rows: Sequence[dict[str, Any]], first_start: datetime
    ) -> tuple[datetime, ...]:
        """Record a page of history; the (server) times of its messages.

        What is older than the service's first start is no order, and is recorded as such. Raises
        what the store raises.
        """
        received_at = self._clock()
        arrivals = [from_row(self.channel, row, received_at) for row in rows]
        sound = [a.message for a in arrivals if a.status is MessageStatus.RECEIVED]
        for messages, status in (
            ([m for m in sound if m.timestamp < first_start], MessageStatus.BEFORE_FIRST_START),
            ([m for m in sound if m.timestamp >= first_start], MessageStatus.RECEIVED),
        ):
            if messages:
                new = await self._store.call(self._store.messages.record_all, messages, status)
                if new:
                    _log.info("caught_up_with", channel=self.channel, messages=new, status=status)
        for arrival in arrivals:
            if arrival.status is not MessageStatus.RECEIVED:
                await self._one(arrival)
        return tuple(arrival.message.timestamp for arrival in arrivals)

    async def _one(self, arrival: Arrival) -> None:
        record = self._store.messages.record
        if await self._store.call(record, arrival.message, arrival.status, arrival.detail):
            self._tell(arrival)

    def _tell(self, arrival: Arrival) -> None:
        if arrival.status is MessageStatus.MALFORMED:
            self._alert(
                AlertKind.MALFORMED,
                f"message {arrival.message.message_id} on {self.channel} {arrival.detail}; it was "
                "recorded and nothing was traded on it: ask its publisher",
            )
