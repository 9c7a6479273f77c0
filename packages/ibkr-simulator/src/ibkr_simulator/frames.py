"""Frames and fields: the bytes below every message, in both directions.

Bytes come in as they arrive, split or merged anywhere; complete payloads go out. A payload is a
list of texts, each ended by a NUL. The very first bytes of a client are the raw prefix `API\\0`,
then a frame with the range of versions it speaks.

This module never touches a socket, never knows a message, and never repairs: what is not the
protocol raises a `WireError`, after which the connection has no meaning any more.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

#: What a client sends before its first frame.
CLIENT_PREFIX = b"API\0"
#: The longest payload taken, in bytes; the official clients draw the same line (0xFFFFFF).
MAX_PAYLOAD = 0xFFFFFF
#: Oldest version spoken: all current clients start at 157 or below.
MIN_VERSION = 157
#: Newest version spoken: ib_async's highest, and well before messages became protobuf (201).
MAX_VERSION = 178
#: Never negotiated: clients disagree whether openOrder carries `duration` at this version.
_AMBIGUOUS_VERSION = 158

_HEADER = 4
_HELLO = re.compile(r"v(\d{1,9})(?:\.\.(\d{1,9}))?(?: (.*))?", re.ASCII | re.DOTALL)


class WireError(ValueError):
    """The bytes are not this protocol, or a message could not be put into it."""


class FrameTooLong(WireError):
    """A frame announced more bytes than allowed; nothing of it was kept."""

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(f"a frame announces {length} bytes; at most {limit} are accepted")
        self.length = length
        self.limit = limit


class BadPrefix(WireError):
    """The first bytes are not those of an API client (a browser, a port scan, an old client)."""


class MalformedPayload(WireError):
    """A payload is empty, not UTF-8 or not ended by NUL, or a field holds a NUL."""


class MalformedHello(WireError):
    """The first frame does not name the versions the client speaks."""


class ClientHello(NamedTuple):
    """The versions a client speaks, both inclusive, and its connect options (`""` if none)."""

    min_version: int
    max_version: int
    options: str


class FrameDecoder:
    """Turns a stream of bytes into payloads, wherever the stream was cut.

    `prefix` is taken off the start of the stream: `CLIENT_PREFIX` on the server's side.
    """

    def __init__(self, *, prefix: bytes = b"", max_payload: int = MAX_PAYLOAD) -> None:
        self._prefix = prefix
        self._max_payload = max_payload
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take `data` and yield each payload that is now complete, in order.

        What is not taken from the iterator stays for the next call. Payloads before a bad one are
        yielded before the error is raised: `FrameTooLong`, or `BadPrefix` at the first byte that
        differs.
        """
        self._buffer += data
        return self._payloads()

    def _payloads(self) -> Iterator[bytes]:
        buffer = self._buffer
        if self._prefix and not self._take_prefix():
            return
        while len(buffer) >= _HEADER:
            length = int.from_bytes(buffer[:_HEADER], "big")
            if length > self._max_payload:
                raise FrameTooLong(length, self._max_payload)
            end = _HEADER + length
            if len(buffer) < end:
                return
            payload = bytes(buffer[_HEADER:end])
            del buffer[:end]  # cheap: a bytearray moves its start instead of its bytes
            yield payload

    def _take_prefix(self) -> bool:
        size = len(self._prefix)
        head = bytes(self._buffer[:size])
        if not self._prefix.startswith(head):
            raise BadPrefix(f"the connection opens with {head!r}, not with {self._prefix!r}")
        if len(head) < size:
            return False
        del self._buffer[:size]
        self._prefix = b""
        return True


def encode_frame(payload: bytes) -> bytes:
    """The payload with its length before it, ready to be written."""
    return len(payload).to_bytes(_HEADER, "big") + payload


def split_fields(payload: bytes) -> list[str]:
    """The texts of a payload. Raises `MalformedPayload`."""
    if not payload.endswith(b"\0"):
        raise MalformedPayload(f"a payload of {len(payload)} bytes does not end with NUL")
    try:
        return payload[:-1].decode().split("\0")
    except UnicodeDecodeError as error:
        raise MalformedPayload(f"a payload is not UTF-8: {error}") from error


def join_fields(fields: list[str]) -> bytes:
    """The payload that holds these texts. Raises `MalformedPayload` if one cannot be held."""
    return encode_text("\0".join(fields) + "\0", len(fields))


def encode_text(text: str, count: int) -> bytes:
    """The payload of `count` fields that are joined already. Raises `MalformedPayload`."""
    if text.count("\0") != count:
        raise MalformedPayload("a field holds a NUL, which ends a field")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise MalformedPayload(f"a field is not Unicode text: {error.reason}") from error


def parse_client_hello(payload: bytes) -> ClientHello:
    """Read `v157..178`, `v178`, or either with connect options after a space.

    Raises `MalformedHello`. The payload has no NUL at its end, unlike every later one.
    """
    found = _HELLO.fullmatch(payload.decode("ascii", "replace"))
    if found is None:
        raise MalformedHello(f"the client opens with {payload[:80]!r}, not with v<min>..<max>")
    low, high, options = found.groups()
    return ClientHello(int(low), int(high or low), options or "")


def negotiate(client_min: int, client_max: int, server_max: int = MAX_VERSION) -> int | None:
    """The highest version both sides speak, or None when there is none: then close the socket."""
    version = min(client_max, server_max)
    if version == _AMBIGUOUS_VERSION:
        version -= 1
    return version if version >= max(client_min, MIN_VERSION) else None
