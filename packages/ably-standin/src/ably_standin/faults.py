"""What is to go wrong, besides what a control does at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from .protocol import ErrorInfo


@dataclass(frozen=True, kw_only=True, slots=True)
class RestFault:
    """How REST answers instead: late, with a status, or with a body that is not JSON."""

    status: int | None = None
    body: str | None = None
    delay: float = 0.0
    #: only requests whose path contains this
    path: str = ""


@dataclass(slots=True)
class Faults:
    """Switches that stay until they are switched back."""

    #: HTTP status with which every WebSocket is refused
    upgrade_status: int | None = None
    #: kinds of frames that are never sent: connected, attached, heartbeat
    muted: frozenset[str] = frozenset()
    #: whether channels are resumed at all
    resumable: bool = True
    #: channel name to the error that every attachment to it gets
    attach_errors: dict[str, ErrorInfo] = field(default_factory=dict)
    rest: RestFault | None = None

    def mute(self, kinds: Iterable[str]) -> None:
        """Never send frames of these kinds. Raises `ValueError` for an unknown one."""
        unknown = set(kinds) - {"connected", "attached", "heartbeat"}
        if unknown:
            raise ValueError(f"only connected, attached and heartbeat can be muted, not {unknown}")
        self.muted = frozenset(kinds)
