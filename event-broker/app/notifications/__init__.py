"""Telling people what happened, by any service that apprise knows."""

from .addresses import addresses
from .digest import Day, alive, digest
from .line import Patience
from .messages import (
    Subject,
    alert,
    attempt_failed,
    missed,
    needs_attention,
    postponed,
    previewed,
    run_finished,
    stale,
)
from .notification import Kind, Notification, Tell
from .notifier import Notifier, Tally
from .post import PlainPost, Post, StorePost

__all__ = [
    "Day",
    "Kind",
    "Notification",
    "Notifier",
    "Patience",
    "PlainPost",
    "Post",
    "StorePost",
    "Subject",
    "Tally",
    "Tell",
    "addresses",
    "alert",
    "alive",
    "attempt_failed",
    "digest",
    "missed",
    "needs_attention",
    "postponed",
    "previewed",
    "run_finished",
    "stale",
]
