"""Decodes what a publisher put into a message, strictly, and keeps what cannot be decoded.

A wire message (raw row of history, or the SDK's) goes in, a `Decoded` comes out; nothing raises.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.events import is_nested_too_deeply


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """The payload, or what is left of it and why it went no further."""

    #: A JSON value: object, array, text, number, true, false or None.
    data: Any
    #: What is still encoded how, as `json` or `base64`; empty when all went well.
    encoding: str = ""
    problem: str | None = None


def decode(data: Any, encoding: object) -> Decoded:
    """Undo the steps of an `encoding` such as `json/utf-8/base64`, the last one first."""
    if not isinstance(encoding, str | None):
        return Decoded(data=_json_safe(data), encoding="?", problem=f"encoding {encoding!r}")
    steps = [step for step in (encoding or "").split("/") if step]
    while steps:
        try:
            data = _undo(steps[-1], data)
        except (ValueError, TypeError, RecursionError, LookupError) as error:
            problem = f"cannot be decoded as {steps[-1]}: {error}"
            return Decoded(data=_json_safe(data), encoding="/".join(steps), problem=problem)
        steps.pop()
    if not isinstance(data, bytes | bytearray):
        return Decoded(data=data)
    try:
        return Decoded(data=data.decode())
    except UnicodeDecodeError:
        return Decoded(data=_json_safe(data), encoding="base64", problem="is binary, not text")


def _undo(step: str, data: Any) -> Any:
    if step == "json":
        return data if isinstance(data, dict | list) else strict_json(data)
    if step == "base64":
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise ValueError(str(error)) from None
    if step == "utf-8":
        return data.decode() if isinstance(data, bytes | bytearray) else data
    raise LookupError("unknown encoding")


def _json_safe(data: Any) -> Any:
    return base64.b64encode(data).decode() if isinstance(data, bytes | bytearray) else data


def strict_json(text: str) -> Any:
    """The value of a JSON text; raises ValueError.

    NaN and numbers beyond all bounds are errors, although Python reads and writes them: PostgreSQL
    takes no such document, and an event that cannot be recorded would be tried for ever.
    """
    return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def is_too_deep(decoded: Decoded) -> bool:
    """Whether no event could have such a payload; an object sent as text counts as well."""
    data = decoded.data
    if isinstance(data, str) and not decoded.encoding:
        try:
            data = strict_json(data)
        except ValueError:
            return False
        except RecursionError:
            return True
    return is_nested_too_deeply(data)


def payload_of(raw: str) -> Mapping[str, Any] | None:
    """The payload of a recorded message, or None when it is not an object.

    `raw` is a message as this service records it. A publisher may send its object as text, which
    counts as well; no data at all counts as an empty object.
    """
    try:
        message = strict_json(raw)
        data = message.get("data")
        if isinstance(data, str) and not message.get("encoding"):
            data = strict_json(data)
    except (ValueError, RecursionError):
        return None
    if data is None:
        return {}
    return data if isinstance(data, dict) else None
