"""A real ib_async client whose socket is a list of bytes, as the independent witness.

Only asyncio's transport is replaced: handshake, encoder, decoder and wrapper are ib_async's own.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ib_async import IB
from ib_async.client import Client

from ibkr_simulator.codec import Message, decode_request, encode_reply
from ibkr_simulator.frames import FrameDecoder, encode_frame, join_fields


class Peer:
    """An `ib_async.IB` that is logged in at one version and talks to this codec."""

    def __init__(self, version: int, complaints: list[logging.LogRecord]) -> None:
        self.version = version
        self.complaints = complaints
        complaints.clear()
        self.ib = IB()
        self.client: Client = self.ib.client
        self.client.MaxRequests = 0
        self.client.conn.transport = self
        self._sent = FrameDecoder()
        self._written = b""
        self._receive(join_fields([str(version), "20261120 09:30:00 US/Eastern"]))
        self.reply("managedAccounts", accounts="DU1,")
        self.reply("nextValidId", id=1)
        assert self.request().name == "startApi"

    def write(self, data: bytes) -> None:
        """What ib_async calls instead of a socket's transport; so are the next two."""
        self._written += data

    def write_eof(self) -> None: ...

    def close(self) -> None: ...

    def request(self) -> Message:
        """The one request that ib_async has sent since the last call, decoded."""
        written, self._written = self._written, b""
        (payload,) = self._sent.feed(written)
        return decode_request(payload, self.version)

    def reply(self, name: str, **fields: Any) -> None:
        """Send a message to ib_async; fails if ib_async could not decode it."""
        self._receive(encode_reply(Message(name, fields), self.version))

    def _receive(self, payload: bytes) -> None:
        self.client.conn.data_received(encode_frame(payload))
        assert [record.getMessage() for record in self.complaints] == []


class _Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(scope="session")
def connect() -> Iterator[Callable[[int], Peer]]:
    """Logs an ib_async client in at a version; any complaint of ib_async fails the test."""
    handler = _Complaints()
    logger = logging.getLogger("ib_async")
    logger.addHandler(handler)
    try:
        yield lambda version: Peer(version, handler.records)
    finally:
        logger.removeHandler(handler)
