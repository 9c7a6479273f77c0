"""What an ATTACH gets: a place in the channel, and what was missed.

An ATTACH comes in; ATTACHED and the missed messages go out on its connection, or `Refused`.
"""

from typing import Any

from .channels import Published, split_qualifier, time_of
from .codec import Wire
from .connection import Connection
from .protocol import BAD_CHANNEL, DEFAULT_MODES, MESSAGES_EXPIRED, ErrorInfo, Flag, Refused


def attach(connection: Connection, frame: Wire) -> None:
    """Attach, again if need be. Raises `Refused` when the channel is not to be attached."""
    literal = str(frame.get("channel") or "")
    name, params = split_qualifier(literal)
    _check(connection, name)
    if "attached" in connection.hub.faults.muted:
        return
    params |= {key: str(value) for key, value in (frame.get("params") or {}).items()}
    serial = frame.get("channelSerial")
    flags, error, missed = _position(connection, name, serial)
    if serial is None and not int(frame.get("flags") or 0) & Flag.ATTACH_RESUME:
        missed = _rewound(connection, name, params)
        flags |= Flag.HAS_BACKLOG if missed else Flag(0)
    connection.attached[name] = literal
    connection.send_attached(literal, flags=flags, params=params, error=error)
    for published in missed:
        connection.deliver(name, published.frame)


def _check(connection: Connection, name: str) -> None:
    if not name or name.startswith(("[", ":")):
        raise Refused(BAD_CHANNEL)
    connection.grant.require("subscribe", name)
    error = connection.hub.faults.attach_errors.get(name)
    if error is not None:
        raise Refused(error)


def _position(
    connection: Connection, name: str, serial: Any
) -> tuple[Flag, ErrorInfo | None, list[Published]]:
    """From where the client goes on: where it was, or the head."""
    if serial is None:
        return DEFAULT_MODES, None, []
    if not _resumable(connection, name, str(serial)):
        return DEFAULT_MODES, MESSAGES_EXPIRED, []
    return DEFAULT_MODES | Flag.RESUMED, None, connection.hub.channel(name).after(str(serial))


def _resumable(connection: Connection, name: str, serial: str) -> bool:
    """Whether everything since `serial` is known: the position or the connection is fresh, and so
    is every message in between."""
    hub = connection.hub
    given_out = time_of(serial)
    if not hub.faults.resumable or given_out is None:
        return False
    oldest = hub.clock.now() - hub.limits.connection_state_ttl
    fresh = given_out >= oldest or connection.resumed
    return fresh and all(missed.at >= oldest for missed in hub.channel(name).after(serial))


def _rewound(connection: Connection, name: str, params: dict[str, str]) -> list[Published]:
    rewind = params.get("rewind")
    if rewind is None:
        return []
    hub = connection.hub
    return hub.channel(name).rewound(rewind, hub.clock.now(), hub.oldest_kept())
