"""The service's ear at Ably: which channels it follows, and what it knows of them.

Without a key there is no ear; what was recorded before is dispatched all the same. The SDK is
loaded only where it is needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import structlog

from app.notifications import Tell, alert
from app.settings import Settings, processed_accounts
from app.store import Store

if TYPE_CHECKING:
    from app.ably_service import AblyService, AblyStatus, AlertKind

_log = structlog.get_logger(__name__)

#: The SDK's own farewell takes up to a second; whatever arrived is recorded already.
_CLOSE_SECONDS = 3.0


def channels(settings: Settings) -> frozenset[str]:
    """The strategies that accounts follow: their names are the channels'."""
    return frozenset(account.strategy_name for account in processed_accounts(settings))


def payload_of(raw: str) -> Mapping[str, Any] | None:
    """The payload of a recorded message, None when it is no object."""
    from app.ably_service import payload_of

    return payload_of(raw)


class Ingestion:
    """Follows the channels of the settings from `start` to `close`."""

    def __init__(self, store: Store, tell: Tell) -> None:
        self._store = store
        self._tell = tell
        self._service: AblyService | None = None

    def start(self, settings: Settings) -> None:
        """Begin to listen, if there is a key to listen with."""
        if settings.environment.ably_key is None:
            _log.warning("ably.no_key", hint="REALTIME_API_KEY is not set")
            return
        from app.ably_service import AblyService

        self._service = AblyService(
            settings.environment, self._store, channels(settings), self._alert
        )
        self._service.start()

    def follow(self, settings: Settings) -> None:
        """Listen to the channels of these settings from now on."""
        if self._service is not None:
            self._service.update_channels(channels(settings))

    def is_caught_up(self, channel: str) -> bool:
        """Whether everything older on the channel is recorded; True of what nobody listens to."""
        status = self.status()
        feeds = status.feeds if status else ()
        return next((feed.caught_up for feed in feeds if feed.channel == channel), True)

    def status(self) -> AblyStatus | None:
        """None without a key."""
        return self._service.status() if self._service else None

    async def close(self) -> None:
        """Stop listening."""
        if self._service is not None:
            await asyncio.to_thread(self._service.close, _CLOSE_SECONDS)

    def _alert(self, kind: AlertKind, text: str) -> None:
        _log.error("ably.alert", kind=kind.value, text=text)
        self._tell(alert(f"Ably: {kind.value.removeprefix('ably_').replace('_', ' ')}", text))
