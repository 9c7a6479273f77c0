"""Makes one kind of record of a message, whether the SDK delivered it or history had it.

Its raw text is JSON: Ably's fields as they came, with `data` decoded as far as possible. Both ways
of arriving give the same id, so that a message that comes twice is one message.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from app.store.records import Message, MessageOrigin, MessageStatus

from .payload import Decoded, decode, is_too_deep, strict_json
from .server_time import from_milliseconds

_CREATED = (None, 0)
#: Characters of an id that databases surely index, and of a detail that people surely read.
_LONGEST = 500
_TOO_DEEP = "is nested too deeply"


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A message to be recorded, and as what."""

    message: Message
    status: MessageStatus = MessageStatus.RECEIVED
    detail: str | None = None


def from_row(channel: str, row: Mapping[str, Any], received_at: datetime) -> Arrival:
    """A raw row of history."""
    return _arrival(channel, row, MessageOrigin.HISTORY, received_at)


def from_sdk(
    channel: str, message: Any, received_at: datetime, origin: MessageOrigin = MessageOrigin.LIVE
) -> Arrival:
    """A message that the SDK has decoded; `encoding` is what it could not undo."""
    row = {
        "id": message.id,
        "name": message.name,
        "data": message.data,
        "encoding": message.encoding or None,
        "clientId": message.client_id,
        "connectionId": message.connection_id,
        "timestamp": message.timestamp,
        "serial": message.serial,
        "action": None if message.action is None else int(message.action),
        "extras": message.extras,
    }
    return _arrival(channel, row, origin, received_at)


def _arrival(
    channel: str, row: Mapping[str, Any], origin: MessageOrigin, received_at: datetime
) -> Arrival:
    decoded = decode(row.get("data"), row.get("encoding"))
    try:
        raw = _raw(row, decoded)
    except RecursionError:
        decoded = Decoded(data=None, encoding="json", problem=_TOO_DEEP)
        raw = _raw({**row, "extras": None}, decoded)
    if decoded.problem is None:
        problem = _TOO_DEEP if is_too_deep(decoded) else _problem_of(raw)
        decoded = replace(decoded, problem=problem)
    message = Message(
        channel=channel,
        message_id=_identity(row.get("id"), raw),
        timestamp=from_milliseconds(row.get("timestamp")) or received_at.astimezone(UTC),
        serial=_if_any(row.get("serial")),
        name=_if_any(row.get("name")),
        raw=raw,
        origin=origin,
    )
    if decoded.problem is not None:
        detail = _storable(decoded.problem[:_LONGEST])
        return Arrival(message=message, status=MessageStatus.MALFORMED, detail=detail)
    if row.get("action") not in _CREATED:
        detail = f"action {row['action']} is about another message"
        return Arrival(message=message, status=MessageStatus.IGNORED, detail=detail)
    return Arrival(message=message)


def _raw(row: Mapping[str, Any], decoded: Decoded) -> str:
    kept = {**row, "data": decoded.data, "encoding": decoded.encoding}
    return json.dumps({k: v for k, v in kept.items() if v not in (None, "")}, default=str)


def _problem_of(raw: str) -> str | None:
    """Why the record is no JSON; the SDK and Python pass on numbers that are none."""
    try:
        strict_json(raw)
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {error}"
    return None


def _identity(message_id: object, raw: str) -> str:
    """The id, or one made of the content.

    `None:0` is what the SDK makes of a message without an id in a frame without one; all of them
    would be one.
    """
    if not isinstance(message_id, str) or not message_id or message_id.startswith("None:"):
        content = {key: value for key, value in json.loads(raw).items() if key != "id"}
        return _digest(json.dumps(content, sort_keys=True))
    return _digest(message_id) if len(message_id) > _LONGEST else _storable(message_id)


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode(errors='replace')).hexdigest()}"


def _storable(text: object) -> str:
    """Text without what databases refuse: NUL and half characters."""
    return str(text).replace("\0", "\ufffd").encode(errors="replace").decode()


def _if_any(value: object) -> str | None:
    return None if value is None else _storable(value)
