"""Why a message could not be read or written, with the place where it happened.

One class per cause, so that a session can choose its answer (320 reading, 321 validating) from
the type. Nothing here decides what to answer.
"""

from collections.abc import Mapping
from typing import Any

from ibkr_simulator.frames import WireError


class CodecError(WireError):
    """A message does not fit its table; nothing was sent and nothing was acted on.

    Attributes: `message` (name, or `#id` if unknown), `version` (negotiated), `field`,
    `position` (index among the payload's texts, the message id being 0; None when writing),
    `partial` (what was read before it, with defaults for the rest: where to find the request's id).
    """

    def __init__(
        self,
        reason: str,
        *,
        message: str,
        version: int,
        field: str = "",
        position: int | None = None,
        partial: Mapping[str, Any] | None = None,
    ) -> None:
        where = f"{message} at version {version}"
        where += f", field {field}" if field else ""
        where += f" (position {position})" if position is not None else ""
        super().__init__(f"{where}: {reason}")
        self.reason = reason
        self.message = message
        self.version = version
        self.field = field
        self.position = position
        self.partial: Mapping[str, Any] = partial or {}


class UnknownMessage(CodecError):
    """No table for this message id, name or version."""


class UnknownField(CodecError):
    """A value was given for a field that the message does not have."""


class MissingFields(CodecError):
    """The payload ends before its table does; `field` is the first one missing."""


class LeftoverFields(CodecError):
    """The payload goes on after its table ends; `position` is the first text not read."""


class BadValue(CodecError):
    """A text is not of the field's kind (`nan` for a price), or a value cannot be written."""


class Fault(Exception):
    """What went wrong inside a table, before the message it belongs to is known."""

    def __init__(
        self, error: type[CodecError], reason: str, field: str, position: int | None = None
    ) -> None:
        super().__init__(reason)
        self.error = error
        self.reason = reason
        self.field = field
        self.position = position
        #: what was read of the message before
        self.partial: Mapping[str, Any] = {}
