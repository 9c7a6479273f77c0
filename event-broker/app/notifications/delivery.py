"""One notification to one address, through apprise. It may take as long as a server likes.

Apprise is imported with the first message: it and the libraries below it take most of a second.
Their logs name paths and payloads, tokens included, and are turned off.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from .addresses import service_of
from .notification import Kind, Notification

_TALKATIVE = ("apprise", "requests", "urllib3", "requests_oauthlib", "oauthlib")
_MAKE_FILES = frozenset({"ntfy", "ntfys"})


class NotDelivered(Exception):
    """The service did not take the message; `permanent` when it never will."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


Deliver = Callable[[str, Notification], None]
"""Raises `NotDelivered`."""


def deliver(address: str, notification: Notification) -> None:
    """Send it and wait for the service's answer; raises `NotDelivered`."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 10)
    from apprise import Apprise, NotifyType, OverflowMode

    service = Apprise.instantiate(address)
    if service is None:
        raise NotDelivered("not an address that apprise knows", permanent=True)
    # Messages and their parts are few; apprise would wait 5.5 s between two of them.
    service.request_rate_per_sec = 0
    # Some services refuse what is longer than a thousand characters, and fifty trades are. ntfy
    # makes a file of it, and an address may say that it wants less (overflow=truncate).
    if service.overflow_mode is OverflowMode.UPSTREAM and service_of(address) not in _MAKE_FILES:
        service.overflow_mode = OverflowMode.SPLIT
    types = {Kind.NEEDS_ATTENTION: NotifyType.FAILURE, Kind.ALERT: NotifyType.WARNING}
    accepted = service.notify(
        title=notification.title,
        body=notification.body,
        notify_type=types.get(notification.kind, NotifyType.INFO),
    )
    if not accepted:
        raise NotDelivered("the service did not take it")
