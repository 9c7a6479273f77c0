"""One TCP connection of a client, from its first byte to its last.

Bytes come in and become requests, answered by the handlers; payloads of the session go out as
bytes. A client that breaks the protocol, or does not read what it is sent, loses its connection;
nobody else notices.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulated_exchange import ExchangeError

from .codec import CodecError, Message, UnknownMessage, decode_request
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
from .pacing import MESSAGES_PER_SECOND, VIOLATIONS_ALLOWED, Pace
from .refusals import Refusal, refused_by_exchange
from .session import NO_REQUEST, Session
from .translate.texts import stamp

if TYPE_CHECKING:
    from .gateway import SimulatedGateway

_LOG = logging.getLogger(__name__)
#: a connect option by which a client asks to be slowed down instead of refused
_PACE_API = "+PACEAPI"


class Connection(asyncio.Protocol):
    """The protocol's three stages: hello, log-in, requests."""

    def __init__(self, gateway: "SimulatedGateway") -> None:
        self._gateway = gateway
        self._decoder = FrameDecoder(prefix=CLIENT_PREFIX)
        self._version: int | None = None
        self._session: Session | None = None
        self._transport: asyncio.Transport | None = None
        self._outgoing: list[bytes] = []
        self._paced = gateway.pacing
        self._violations = 0
        self.pace = Pace(asyncio.get_running_loop().time)

    # --- asyncio ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._gateway.opened(self)

    def data_received(self, data: bytes) -> None:
        try:
            for payload in self._decoder.feed(data):
                if self._transport is None:
                    return
                self._take(payload)
        except WireError as error:
            self.close(f"broke the protocol: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._gateway.closed(self, self._session)

    # --- out --------------------------------------------------------------------------------

    def write(self, payload: bytes) -> None:
        """Send a payload, together with all others of this turn of the event loop."""
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outgoing.append(encode_frame(payload))

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
        if self._transport is not None and self._outgoing:
            self._transport.write(b"".join(self._outgoing))
            if self._transport.get_write_buffer_size() > self._gateway.write_limit:
                _LOG.warning("client does not read client_id=%s", self._client_id)
                self._transport.abort()
        self._outgoing.clear()

    # --- in ---------------------------------------------------------------------------------

    @property
    def _client_id(self) -> int | None:
        return self._session.client_id if self._session else None

    def _take(self, payload: bytes) -> None:
        if self._version is None:
            self._greet(payload)
        elif self._admit():
            self._receive(payload, self._version)

    def _greet(self, payload: bytes) -> None:
        hello = parse_client_hello(payload)
        version = negotiate(hello.min_version, hello.max_version, self._gateway.server_max)
        if version is None:
            self.close(f"speaks versions {hello.min_version} to {hello.max_version} only")
            return
        self._version = version
        self._paced = self._paced and _PACE_API not in hello.options
        now = self._gateway.desk.exchange.clock.now()
        self.write(join_fields([str(version), stamp(now)]))

    def _admit(self) -> bool:
        """Whether the message is within the client's pace; says so to the client when not."""
        rate = self.pace.count()
        if not self._paced or rate <= MESSAGES_PER_SECOND or self._session is None:
            return True
        self._violations += 1
        self._session.error(
            100,
            "Max rate of messages per second has been exceeded:"
            f"max={MESSAGES_PER_SECOND} rec={rate} ({self._violations})",
        )
        if self._violations >= VIOLATIONS_ALLOWED:
            self.close(f"sent {rate} messages in a second, {self._violations} times too many")
        return False

    def _receive(self, payload: bytes, version: int) -> None:
        try:
            message = decode_request(payload, version)
        except UnknownMessage as error:
            self._gateway.not_answered(error.message)
            return
        except CodecError as error:
            self._unreadable(error)
            return
        if self._session is not None:
            self._answer(self._session, message)
        elif message.name == "startApi":
            self._session = self._gateway.log_in(self, message.fields["clientId"], version)
        else:
            self.close(f"sent {message.name} before startApi")

    def _answer(self, session: Session, message: Message) -> None:
        handler = REQUESTS.get(message.name)
        if handler is None:
            self._gateway.not_answered(message.name)
            return
        try:
            handler(session, message.fields)
        except Refusal as refusal:
            session.refuse(refusal, _request_id(message.fields))
        except ExchangeError as error:
            session.refuse(refused_by_exchange(error), _request_id(message.fields))

    def _unreadable(self, error: CodecError) -> None:
        _LOG.warning("message not understood client_id=%s error=%s", self._client_id, error)
        if self._session is not None:
            text = f"Error reading request. {error}"
            self._session.error(320, text, _request_id(error.partial))


def _request_id(fields: Mapping[str, Any]) -> int:
    """The id that an answer has to carry: the request's, the order's, or none."""
    found: int = fields.get("reqId", fields.get("orderId", NO_REQUEST))
    return found
