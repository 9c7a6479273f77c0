"""Protocol messages to and from one WebSocket frame, and payloads to and from their encoding.

A frame is JSON text, or msgpack when the client asked for `format=msgpack`.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

import msgpack

#: a protocol message, a message in it, or a page's item
Wire = dict[str, Any]


def encode(value: object, *, binary: bool) -> str | bytes:
    """The frame or body of a value."""
    if binary:
        packed: bytes = msgpack.packb(value, use_bin_type=True)
        return packed
    return json.dumps(value, separators=(",", ":"))


def decode(raw: str | bytes, *, binary: bool) -> Any:
    """The value of a frame or body. Raises `ValueError` when it is not one."""
    if binary:
        return msgpack.unpackb(raw if isinstance(raw, bytes) else raw.encode(), raw=False)
    return json.loads(raw)


def message(data: object = None, *, name: str | None = None, **fields: object) -> Wire:
    """A message as a publisher's SDK would send it: `data` with the encoding that it needs.

    `fields` are added as they are (`id`, `clientId`, `extras`, ...), and `None` is left out.
    """
    body = {"name": name, **encoded(data), **fields}
    return {key: value for key, value in body.items() if value is not None}


def encoded(data: object) -> Wire:
    """`data` and `encoding`: text as it is, bytes as base64, everything else as JSON."""
    if data is None or isinstance(data, str):
        return {"data": data}
    if isinstance(data, bytes):
        return {"data": base64.b64encode(data).decode(), "encoding": "base64"}
    return {"data": json.dumps(data, separators=(",", ":")), "encoding": "json"}


def normalised(published: Mapping[str, Any]) -> Wire:
    """A message that came by REST, where `data` may be plain JSON without an encoding."""
    if "encoding" in published or isinstance(published.get("data"), (str, bytes, type(None))):
        return dict(published)
    return {**published, **encoded(published["data"])}
