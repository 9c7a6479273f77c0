"""The numbers of Ably's realtime protocol, version 5: actions, flags, errors.

Tables alone; sources are Ably's client library features specification ("ProtocolMessage", "Flags")
and the error codes it publishes in `ably-common/protocol/errors.json`.
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any

#: milliseconds for which a lost connection and the messages it missed can be resumed
CONNECTION_STATE_TTL = 120_000
#: milliseconds for which history is kept when the app has no rule that persists messages
DEFAULT_RETENTION = 120_000
#: milliseconds of silence after which a client may take the connection for dead
MAX_IDLE_INTERVAL = 15_000
MAX_MESSAGE_SIZE = 65_536
#: most messages that an attachment with `rewind` brings back
REWIND_LIMIT = 100
#: items on a page of history: the default, and the most that may be asked for
PAGE_SIZE, MAX_PAGE_SIZE = 100, 1_000
#: milliseconds for which a repeated message id of a publisher is not published again
IDEMPOTENCY_WINDOW = 120_000


class Action(IntEnum):
    """What a protocol message is."""

    HEARTBEAT = 0
    ACK = 1
    NACK = 2
    CONNECTED = 4
    DISCONNECTED = 6
    CLOSE = 7
    CLOSED = 8
    ERROR = 9
    ATTACH = 10
    ATTACHED = 11
    DETACH = 12
    DETACHED = 13
    MESSAGE = 15
    AUTH = 17


class Flag(IntFlag):
    """Bits of `flags` in ATTACH and ATTACHED."""

    HAS_BACKLOG = 1 << 1
    RESUMED = 1 << 2
    ATTACH_RESUME = 1 << 5
    PRESENCE = 1 << 16
    PUBLISH = 1 << 17
    SUBSCRIBE = 1 << 18
    PRESENCE_SUBSCRIBE = 1 << 19


#: the modes of an attachment that asked for none in particular
DEFAULT_MODES = Flag.PRESENCE | Flag.PUBLISH | Flag.SUBSCRIBE | Flag.PRESENCE_SUBSCRIBE


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorInfo:
    """An error as Ably tells it; `status` is the HTTP status that goes with the code."""

    code: int
    status: int
    message: str

    def wire(self) -> dict[str, Any]:
        """The `error` of a protocol message or of a REST reply."""
        return {
            "code": self.code,
            "statusCode": self.status,
            "message": self.message,
            "href": f"https://help.ably.io/error/{self.code}",
        }


class Refused(Exception):
    """A request that is answered with an error; `error` is what the client hears."""

    def __init__(self, error: ErrorInfo) -> None:
        super().__init__(error.message)
        self.error = error


BAD_REQUEST = ErrorInfo(code=40000, status=400, message="invalid request")
BAD_KEY = ErrorInfo(code=40005, status=400, message="invalid credentials: the key is malformed")
BAD_CHANNEL = ErrorInfo(code=40010, status=400, message="invalid channel name")
WRONG_SECRET = ErrorInfo(code=40101, status=401, message="invalid credentials: wrong key secret")
KEY_REVOKED = ErrorInfo(code=40131, status=401, message="key revoked")
BAD_TOKEN = ErrorInfo(code=40140, status=401, message="token unrecognised")
TOKEN_EXPIRED = ErrorInfo(code=40142, status=401, message="token expired")
NOT_CAPABLE = ErrorInfo(
    code=40160, status=401, message="action not permitted by the key's capability"
)
UNKNOWN_KEY = ErrorInfo(code=40400, status=404, message="no application or key of that name")
UNKNOWN_PATH = ErrorInfo(code=40400, status=404, message="no such resource")
INTERNAL = ErrorInfo(code=50000, status=500, message="internal error")
DISCONNECTED = ErrorInfo(code=80003, status=400, message="disconnected by the server")
CANNOT_RESUME = ErrorInfo(code=80008, status=400, message="unable to resume: connection expired")
BAD_RESUME_KEY = ErrorInfo(code=80018, status=400, message="invalid connection key")
MESSAGES_EXPIRED = ErrorInfo(
    code=90003, status=404, message="unable to recover channel: messages expired"
)
DETACHED = ErrorInfo(code=90198, status=400, message="channel detached by the server")
