"""Whom to tell: the environment comes in, addresses of apprise go out.

The predecessor's three ntfy variables become one such address, its server included. Addresses carry
tokens: they are never logged, only `service_of` them.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from app.settings import Environment, SettingsError

from .notification import Urgency

#: ntfy's own (docs.ntfy.sh).
_PUBLIC_SERVER = "https://ntfy.sh"
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: An address may contain commas itself.
_BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S")

#: What each service calls it (apprise's own documentation of the services); the others have one
#: volume only.
_PRIORITY = {Urgency.SILENT: ("priority", "low"), Urgency.URGENT: ("priority", "high")}
_SILENT = {Urgency.SILENT: ("silent", "yes"), Urgency.URGENT: ("silent", "no")}
_VOLUMES = {
    **dict.fromkeys(("ntfy", "ntfys", "gotify", "gotifys", "pover", "prowl"), _PRIORITY),
    "tgram": _SILENT,
}


def addresses(environment: Environment) -> tuple[str, ...]:
    """Every address once; raises `SettingsError` for what is none, which is not shown."""
    secret = environment.notification_urls
    text = secret.get_secret_value().strip(" ,\t") if secret else ""
    listed = _BETWEEN.split(text) if text else []
    if not all(_ADDRESS.match(address) for address in listed):
        raise SettingsError(
            ["NOTIFICATION_URLS: should be addresses of apprise, such as ntfy://topic"]
        )
    if environment.user_notifications_enabled:
        listed.append(_ntfy(environment))
    return tuple(dict.fromkeys(listed))


def _ntfy(environment: Environment) -> str:
    topic = environment.user_notifications_channel or ""
    server = urlsplit(environment.user_notifications_server_url or _PUBLIC_SERVER)
    problems = []
    if not _TOPIC.fullmatch(topic):
        problems.append(
            "USER_NOTIFICATIONS_CHANNEL: should be an ntfy topic: letters, digits, - and _"
        )
    if server.scheme not in ("http", "https") or not server.hostname or server.path.strip("/"):
        problems.append(
            "USER_NOTIFICATIONS_SERVER_URL: should be http(s)://host or http(s)://host:port"
        )
    if problems:
        raise SettingsError(problems)
    return f"{'ntfys' if server.scheme == 'https' else 'ntfy'}://{server.netloc}/{quote(topic)}"


def at_volume(address: str, urgency: Urgency) -> str:
    """The address at which the service is as loud as `urgency` says, as far as it can be."""
    volume = _VOLUMES.get(service_of(address), {}).get(urgency)
    if volume is None:
        return address
    head, _, query = address.partition("?")
    others = [(key, value) for key, value in parse_qsl(query) if key.lower() != volume[0]]
    return f"{head}?{urlencode([*others, volume])}"


def service_of(address: str) -> str:
    """The part of an address that is no secret."""
    return address.partition("://")[0].lower()
