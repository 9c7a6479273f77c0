"""Faults in any order: at the end every message is in the store once, and none counts as lost."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from ably_standin import AblyStandin, message

#: Less than two minutes altogether, so that history still has everything.
_SECONDS = 3.0
_STEPS = 25


class Storm:
    """Publishes, and lets go wrong what can, in the order that a seed gives."""

    def __init__(self, ably: AblyStandin, ingestion: Any, seed: int) -> None:
        self.published: list[str] = []
        self._ably = ably
        self._ingestion = ingestion
        self._random = random.Random(seed)

    async def rage(self) -> None:
        for _ in range(_STEPS):
            step = self._random.choice(self._steps())
            step()
            if self._random.random() < 0.08:
                await self._ingestion.stop()
                self._ingestion.start("alpha")
            await self._ingestion.a_moment(self._random.choice([0.0, 0.01, 0.1]))

    def calm(self) -> None:
        """All is well again, except for what has already happened."""
        self._ably.black_hole(active=False)
        self._ably.fail_rest()
        self._ably.fail_upgrade(None)
        self._ably.fail_attach("alpha", None)
        self._ably.mute()

    def publish(self, *, deliver: bool = True, poisoned: bool = False) -> None:
        payload = f"message {len(self.published)}"
        self.published.append(payload)
        batch = [message(payload)]
        if poisoned:
            batch.append({"data": "{", "encoding": "json"})
        self._ably.publish("alpha", batch, deliver=deliver)

    def repeat(self) -> None:
        if self.published:
            self._ably.redeliver("alpha")

    def _steps(self) -> list[Callable[[], object]]:
        ably = self._ably
        return [
            self.publish,
            self.publish,
            self.publish,
            lambda: self.publish(deliver=False),
            lambda: self.publish(poisoned=True),
            self.repeat,
            lambda: ably.advance(_SECONDS),
            ably.abort_connections,
            ably.close_sockets,
            ably.forget_connections,
            lambda: ably.force_non_resumed(self._random.random() < 0.5),
            ably.disconnect,
            lambda: ably.disconnect(None),
            lambda: ably.disconnect(50003, 503),
            lambda: ably.detach("alpha"),
            lambda: ably.additional_attached("alpha"),
            lambda: ably.send_raw("{"),
            lambda: ably.fail_attach("alpha", 40160),
            lambda: ably.fail_upgrade(503),
            lambda: ably.fail_rest(500),
            lambda: ably.mute(["attached"]),
            ably.black_hole,
            self.calm,
            self.calm,
        ]


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_goes_wrong_every_message_is_recorded_once(
    ably: AblyStandin, ingestion: Any, seed: int
) -> None:
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    storm = Storm(ably, ingestion, seed)
    await storm.rage()
    storm.calm()
    storm.publish()
    await ingestion.until(lambda: set(storm.published) <= set(ingestion.payloads()))
    await ingestion.caught_up("alpha")
    recorded = [payload for payload in ingestion.payloads() if payload != "{"]
    assert sorted(recorded) == sorted(storm.published)
    assert not ingestion.store.feeds.gaps()
