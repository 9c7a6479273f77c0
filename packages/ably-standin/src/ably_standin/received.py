"""All that clients have sent, in order, and waiting for more of it.

Kinds: `connect` (a WebSocket was asked for; detail is its query), `frame` (a protocol message;
name is its action), `request` (REST; name is the method, detail has `path` and `query`).
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

#: the latest entries that are remembered, so that a demo can run for weeks
_KEPT = 10_000
#: seconds that `wait` is patient by default
_PATIENCE = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """One thing that a client sent."""

    kind: str
    name: str
    channel: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def wire(self) -> dict[str, Any]:
        """As JSON shows it."""
        return asdict(self)


class ReceivedLog:
    """Iterate over it, or wait until it has what you expect."""

    def __init__(self) -> None:
        self._entries: deque[Received] = deque(maxlen=_KEPT)
        self._grown = asyncio.Event()

    def __iter__(self) -> Iterator[Received]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Received) -> None:
        """Note what came in."""
        self._entries.append(entry)
        self._grown.set()
        self._grown = asyncio.Event()

    def clear(self) -> None:
        """Forget what came until now, so that `wait` waits for what comes next."""
        self._entries.clear()

    def find(
        self, name: str, *, channel: str | None = None, kind: str | None = None
    ) -> list[Received]:
        """Everything called `name` (an action, a method), of this channel and kind if given."""
        return [
            entry
            for entry in self._entries
            if entry.name == name
            and channel in (None, entry.channel)
            and kind in (None, entry.kind)
        ]

    async def wait(
        self,
        name: str,
        *,
        count: int = 1,
        channel: str | None = None,
        kind: str | None = None,
        patience: float = _PATIENCE,
    ) -> list[Received]:
        """Wait until there are `count` of them, and return all.

        Raises `TimeoutError` with what there was instead, after `patience` seconds.
        """
        found = self.find(name, channel=channel, kind=kind)
        try:
            async with asyncio.timeout(patience):
                while len(found) < count:
                    await self._grown.wait()
                    found = self.find(name, channel=channel, kind=kind)
        except TimeoutError:
            seen = ", ".join(f"{entry.name} {entry.channel or ''}" for entry in self._entries)
            raise TimeoutError(f"{len(found)} of {count} {name} came; all: {seen}") from None
        return found
