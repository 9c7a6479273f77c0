"""What a test, or the control port, can make the stand-in do. Times are seconds.

Each control acts on all connections unless it names a channel. `CONTROLS` are the names that the
control port takes; their arguments and results are JSON values.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .access import Capability
from .channels import split_qualifier
from .codec import Wire as Frame
from .faults import RestFault
from .hub import Hub
from .protocol import DEFAULT_MODES, DETACHED, DISCONNECTED, Action, ErrorInfo
from .received import ReceivedLog
from .wire import Wire

CONTROLS = (
    "abort_connections",
    "additional_attached",
    "advance",
    "black_hole",
    "clear_received",
    "close_sockets",
    "detach",
    "disconnect",
    "fail_attach",
    "fail_rest",
    "fail_upgrade",
    "forget_connections",
    "force_non_resumed",
    "list_received",
    "mute",
    "publish",
    "redeliver",
    "revoke_key",
    "send_frame",
    "send_raw",
    "set_capability",
    "set_page_size",
    "set_retention",
    "start_listening",
    "stop_listening",
)


class Controls:
    """Publishing, faults, and what was received."""

    def __init__(self, hub: Hub, wire: Wire) -> None:
        self.hub = hub
        self.wire = wire

    @property
    def port(self) -> int:
        """Where clients connect."""
        return self.wire.port

    @property
    def endpoint(self) -> str:
        """The realtime client's `endpoint`; the REST client takes host and port apart."""
        return f"{self.wire.host}:{self.wire.port}"

    @property
    def received(self) -> ReceivedLog:
        """All that clients sent."""
        return self.hub.received

    def list_received(self) -> list[dict[str, Any]]:
        """All that clients sent, as JSON."""
        return [entry.wire() for entry in self.received]

    def clear_received(self) -> None:
        """Forget what clients sent until now."""
        self.received.clear()

    def advance(self, seconds: float) -> None:
        """Let this much time pass on the server's clock."""
        self.hub.clock.advance(seconds)

    def publish(
        self,
        channel: str,
        messages: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        id: str | None = None,
        timestamp: int | None = None,
        deliver: bool = True,
    ) -> Frame:
        """Publish one message, or several as one protocol message, and return the latter.

        Messages go out as they are, however malformed: `message(data)` makes good ones. `id` and
        `timestamp` (ms) are the frame's; with `deliver=False` only history has it.
        """
        batch = [messages] if isinstance(messages, Mapping) else messages
        published = self.hub.publish(
            channel, batch, frame_id=id, timestamp=timestamp, deliver=deliver
        )
        return published.frame

    def redeliver(self, channel: str, frame: Frame | None = None) -> None:
        """Deliver a published frame again, the latest by default."""
        self.hub.deliver(channel, frame or self.hub.channel(channel).last().frame)

    # The network

    def abort_connections(self) -> None:
        """Reset every TCP connection."""
        self.wire.cut()

    def black_hole(self, active: bool = True) -> None:
        """Keep connections, but let nothing through; `False` lets through what waited."""
        if active:
            self.wire.pause()
        else:
            self.wire.resume()

    def stop_listening(self) -> None:
        """Refuse new TCP connections; those that exist go on."""
        self.wire.refuse()

    async def start_listening(self) -> None:
        """Listen again on the same port."""
        await self.wire.listen()

    # Connections

    def close_sockets(self, code: int = 1000) -> None:
        """Close every WebSocket in order."""
        for connection in tuple(self.hub.connections):
            connection.close(code)

    def disconnect(
        self, code: int | None = DISCONNECTED.code, status: int = 400, *, close: bool = True
    ) -> None:
        """Send DISCONNECTED with this error, or with none for `code=None`, and close."""
        frame: Frame = {"action": Action.DISCONNECTED}
        if code is not None:
            text = "disconnected on purpose"
            frame["error"] = ErrorInfo(code=code, status=status, message=text).wire()
        self.send_frame(frame)
        if close:
            self.close_sockets()

    def fail_upgrade(self, status: int | None = 503) -> None:
        """Refuse WebSockets with this HTTP status from now on; `None` accepts them again."""
        self.hub.faults.upgrade_status = status

    def mute(self, kinds: Sequence[str] = ()) -> None:
        """Never send these frames (`connected`, `attached`, `heartbeat`), and all others again."""
        self.hub.faults.mute(kinds)

    def forget_connections(self) -> None:
        """Forget all connection keys: who resumes gets a new connection and error 80008."""
        self.hub.identities.clear()

    def force_non_resumed(self, active: bool = True) -> None:
        """Resume no channel: who comes back attaches at the head."""
        self.hub.faults.resumable = not active

    def send_frame(self, frame: Frame) -> None:
        """Send any protocol message to everybody."""
        for connection in tuple(self.hub.connections):
            connection.send(frame)

    def send_raw(self, text: str) -> None:
        """Send a WebSocket text frame that need not be a protocol message."""
        for connection in tuple(self.hub.connections):
            connection.send_raw(text)

    # Channels

    def fail_attach(self, channel: str, code: int | None = 40160, status: int = 401) -> None:
        """Refuse to attach a channel with this error; `code=None` allows it again."""
        self.hub.faults.attach_errors.pop(channel, None)
        if code is not None:
            error = ErrorInfo(code=code, status=status, message="refused on purpose")
            self.hub.faults.attach_errors[channel] = error

    def detach(self, channel: str, code: int = DETACHED.code, status: int = 400) -> None:
        """Detach the channel from the server's side."""
        error = ErrorInfo(code=code, status=status, message=DETACHED.message).wire()
        for connection in tuple(self.hub.connections):
            literal = connection.attached.pop(channel, None)
            if literal is not None:
                connection.send({"action": Action.DETACHED, "channel": literal, "error": error})

    def additional_attached(self, channel: str) -> None:
        """Send ATTACHED again, not resumed: the client may have missed messages."""
        for connection in tuple(self.hub.connections):
            literal = connection.attached.get(channel)
            if literal is not None:
                params = split_qualifier(literal)[1]
                connection.send_attached(literal, flags=DEFAULT_MODES, params=params)

    # Keys, history, REST

    def set_capability(self, key_name: str, capability: Mapping[str, Sequence[str]]) -> None:
        """What a key (`app.id`) may do: operations by channel, as `{"*": ["subscribe"]}`."""
        granted: Capability = capability
        self.hub.access.grant(key_name).capability = granted

    def revoke_key(self, key_name: str, revoked: bool = True) -> None:
        """Refuse a key with 40131, or no longer."""
        self.hub.access.grant(key_name).revoked = revoked

    def set_retention(self, seconds: float) -> None:
        """How long history and rewind have messages."""
        self.hub.limits.retention = round(seconds * 1_000)

    def set_page_size(self, items: int) -> None:
        """Most items on a page of history, whatever limit a client asks for."""
        self.hub.limits.page_size = items

    def fail_rest(
        self,
        status: int | None = None,
        *,
        body: str | None = None,
        delay: float = 0.0,
        path: str = "",
    ) -> None:
        """Answer REST requests whose path contains `path` late (`delay`), with `status`, or with a
        body that is not JSON; without any of them, answer properly again."""
        wrong = status is not None or body is not None or delay > 0
        self.hub.faults.rest = (
            RestFault(status=status, body=body, delay=delay, path=path) if wrong else None
        )
