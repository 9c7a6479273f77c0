"""One TCP connection of a client, from its first byte to its last.

Bytes come in and become requests, answered by the handlers; payloads of the session go out as
bytes. A client that breaks the protocol, or does not read what it is sent, loses its connection;
nobody else notices.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from simulated_exchange import ExchangeError

from .codec import CodecError, Message, UnknownMessage, decode_request, encode_reply
from .faults import Direction
from .frames import (
    CLIENT_PREFIX,
    FrameDecoder,
    WireError,
    encode_frame,
    join_fields,
    negotiate,
    parse_client_hello,
)
from .handlers import REQUESTS
from .lane import Lane, Step
from .pacing import MESSAGES_PER_SECOND, VIOLATIONS_ALLOWED, Pace
from .refusals import Refusal, refused_by_exchange
from .session import NO_REQUEST, Session
from .translate.texts import stamp

if TYPE_CHECKING:
    from .gateway import SimulatedGateway

_LOG = logging.getLogger(__name__)
#: a connect option by which a client asks to be slowed down instead of refused
_PACE_API = "+PACEAPI"
#: bytes that are sent at once, though more may follow in the same turn of the event loop
_ENOUGH = 64 * 1024
#: close without waiting, which sends a reset
_NO_LINGER = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """The protocol's three stages: hello, log-in, requests."""

    def __init__(self, gateway: "SimulatedGateway") -> None:
        self.gateway = gateway
        self.session: Session | None = None
        #: what waits on its way to a handler, and on its way to the client
        self.incoming, self.outgoing = Lane(), Lane()
        self._decoder = FrameDecoder(prefix=CLIENT_PREFIX)
        self._version: int | None = None
        self._transport: asyncio.Transport | None = None
        self._frames: list[bytes] = []
        #: their bytes
        self._waiting = 0
        self._flushing = self._silent = False
        #: counts the gateway's connections from 1
        self.number = 0
        #: directions of which the recorder has the first frame
        self._recorded: set[Direction] = set()
        self._paced = gateway.pacing
        self._violations = 0
        self.pace = Pace(asyncio.get_running_loop().time)

    # --- asyncio ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.gateway.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._silent:
            return
        try:
            for payload in self._decoder.feed(data):
                if self._transport is None or self._silent:
                    return
                self._take(payload)
        except WireError as error:
            self.close(f"broke the protocol: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self.gateway.closed(self, self.session)

    @property
    def is_open(self) -> bool:
        """Whether the client is there."""
        return self._transport is not None

    # --- out --------------------------------------------------------------------------------

    def send(self, message: Message) -> None:
        """Send a message, if no fault prevents it."""
        if self.gateway.faults.armed or not self.outgoing.free:
            self.gateway.faults.meet(self, Direction.REPLY, self.outgoing, message, self.transmit)
        else:
            self.transmit(message)

    def transmit(self, message: Message) -> None:
        """Send a message, together with the others of this turn of the event loop."""
        self._write(self.frame(message))

    def frame(self, message: Message) -> bytes:
        """The message's bytes at the version that this client speaks."""
        assert self._version is not None
        return encode_frame(encode_reply(message, self._version))

    def _write(self, frame: bytes) -> None:
        if self.gateway.recorder is not None:
            self._record(Direction.REPLY, frame[4:])
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)
        self._frames.append(frame)
        self._waiting += len(frame)
        if self._waiting > _ENOUGH:
            self._send_frames()

    def close(self, reason: str, level: int = logging.WARNING) -> None:
        """Send what the client takes at once, then close; `level` is that of the log's line."""
        if self._transport is None:
            return
        _LOG.log(level, "client closed client_id=%s reason=%s", self._client_id, reason)
        self._flush()
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()
        self._transport = None

    def _flush(self) -> None:
        self._flushing = False
        self._send_frames()

    def _send_frames(self) -> None:
        if self._transport is not None and self._frames and not self._silent:
            self._transport.write(b"".join(self._frames))
            if self._transport.get_write_buffer_size() > self.gateway.write_limit:
                _LOG.warning("client does not read client_id=%s", self._client_id)
                self._transport.abort()
        self._frames.clear()
        self._waiting = 0

    # --- out, as faults have it ---------------------------------------------------------------

    def reset(self) -> None:
        """End the connection with a TCP reset; what is not on its way yet is lost."""
        if self._transport is not None:
            found: socket.socket = self._transport.get_extra_info("socket")
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._transport.abort()
            self._transport = None

    def fall_silent(self) -> None:
        """Hear and say nothing any more; the client sees an open connection."""
        self._silent = True

    def keep_for_next(self, frame: bytes) -> None:
        """Let a frame wait until something else is written."""
        self._record(Direction.REPLY, frame[4:])
        self._frames.append(frame)

    def trickle(self, pieces: Sequence[bytes]) -> None:
        """Write pieces one by one, a turn of the event loop each, and all else behind them."""
        self._flush()
        self._record(Direction.REPLY, b"".join(pieces)[4:])
        self._trickle(iter(pieces), self.outgoing.hold())

    def _trickle(self, pieces: Iterator[bytes], release: Step) -> None:
        piece = next(pieces, None)
        if piece is None:
            release()
            return
        if self._transport is not None and not self._silent:
            self._transport.write(piece)
        asyncio.get_running_loop().call_soon(self._trickle, pieces, release)

    # --- in ---------------------------------------------------------------------------------

    @property
    def _client_id(self) -> int | None:
        return self.session.client_id if self.session else None

    def _record(self, direction: Direction, payload: bytes) -> None:
        if self.gateway.recorder is not None:
            now = self.gateway.desk.exchange.clock.now()
            self.gateway.recorder.note(
                now, self.number, direction, payload, hello=direction not in self._recorded
            )
            self._recorded.add(direction)

    def _take(self, payload: bytes) -> None:
        if self.gateway.recorder is not None:
            self._record(Direction.REQUEST, payload)
        if self._version is None:
            self._greet(payload)
        elif self._admit():
            self._receive(payload, self._version)

    def _greet(self, payload: bytes) -> None:
        hello = parse_client_hello(payload)
        version = negotiate(hello.min_version, hello.max_version, self.gateway.server_max)
        if version is None:
            self.close(f"speaks versions {hello.min_version} to {hello.max_version} only")
            return
        self._version = version
        self._paced = self._paced and _PACE_API not in hello.options
        now = self.gateway.desk.exchange.clock.now()
        self._write(encode_frame(join_fields([str(version), stamp(now)])))

    def _admit(self) -> bool:
        """Whether the message is within the client's pace; says so to the client when not."""
        rate = self.pace.count()
        if not self._paced or rate <= MESSAGES_PER_SECOND or self.session is None:
            return True
        self.violate_pace(rate)
        return False

    def violate_pace(self, rate: int) -> None:
        """Complain of so many messages in a second, and end the connection the third time."""
        if self.session is None:
            return
        self._violations += 1
        self.session.error(
            100,
            "Max rate of messages per second has been exceeded:"
            f"max={MESSAGES_PER_SECOND} rec={rate} ({self._violations})",
        )
        if self._violations >= VIOLATIONS_ALLOWED:
            self.close(f"sent {rate} messages in a second, {self._violations} times too many")

    def _receive(self, payload: bytes, version: int) -> None:
        try:
            message = decode_request(payload, version)
        except UnknownMessage as error:
            self.gateway.not_answered(error.message)
            return
        except CodecError as error:
            self._unreadable(error)
            return
        if self.gateway.faults.armed or not self.incoming.free:
            self.gateway.faults.meet(self, Direction.REQUEST, self.incoming, message, self._act)
        else:
            self._act(message)

    def _act(self, message: Message) -> None:
        """Let a request have its effect; one that was held up may come after its connection."""
        if self.session is not None:
            self._answer(self.session, message)
        elif message.name == "startApi" and self._transport is not None:
            self.session = self.gateway.log_in(self, message.fields["clientId"])
        else:
            self.close(f"sent {message.name} before startApi")

    def _answer(self, session: Session, message: Message) -> None:
        handler = REQUESTS.get(message.name)
        if handler is None:
            self.gateway.not_answered(message.name)
            return
        try:
            handler(session, message.fields)
        except Refusal as refusal:
            session.refuse(refusal, _request_id(message.fields))
        except ExchangeError as error:
            session.refuse(refused_by_exchange(error), _request_id(message.fields))

    def _unreadable(self, error: CodecError) -> None:
        _LOG.warning("message not understood client_id=%s error=%s", self._client_id, error)
        if self.session is not None:
            text = f"Error reading request. {error}"
            self.session.error(320, text, _request_id(error.partial))


def _request_id(fields: Mapping[str, Any]) -> int:
    """The id that an answer has to carry: the request's, the order's, or none."""
    found: int = fields.get("reqId", fields.get("orderId", NO_REQUEST))
    return found
