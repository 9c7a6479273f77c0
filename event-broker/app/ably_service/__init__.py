"""Messages of strategies' channels, from Ably into the store. Nothing else here knows Ably."""

from .options import AblySettings, Patience
from .payload import payload_of
from .service import AblyService
from .status import AblyStatus, AlertKind, Connection, FeedStatus

__all__ = [
    "AblyService",
    "AblySettings",
    "AblyStatus",
    "AlertKind",
    "Connection",
    "FeedStatus",
    "Patience",
    "payload_of",
]
