"""`attention`: events that wait for a person; look at them, try one again, or dismiss it."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel

from app.events import EventState
from app.report.switches import AttentionReport, Parked, show_attention
from app.store import Store
from app.switches import Switches, Text, retried

from .outcome import ExitCode, Report
from .session import Session
from .switching import asked, switching

#: As many as the API lists at most.
_LISTED = 1000


class _Request(BaseModel):
    """Which event, and why."""

    event: UUID | None
    reason: Text | None


def run(session: Session) -> Report:
    """List, retry or dismiss; what still needs attention is the result."""
    arguments = session.arguments
    request = asked(_Request, event=arguments.event, reason=arguments.reason)
    with switching(session) as (store, switches):
        message, event_id = _move(switches, arguments.action, request)
        report = _report(store, message, event_id)
    return Report(
        exit_code=ExitCode.DONE,
        document=report.model_dump_json(),
        show=lambda: show_attention(report),
    )


def _move(
    switches: Switches, action: str | None, request: _Request
) -> tuple[str | None, str | None]:
    """What was done, and the event that goes on."""
    event_id = str(request.event)
    match action:
        case "retry":
            enqueued = switches.retry(event_id)
            return f"Event {event_id} was {retried(enqueued)}", enqueued.event_id
        case "dismiss":
            switches.dismiss(event_id, request.reason)
            return f"Event {event_id} was dismissed", None
        case _:
            return None, None


def _report(store: Store, message: str | None, event_id: str | None) -> AttentionReport:
    found = store.events.list(limit=_LISTED + 1, states={EventState.NEEDS_ATTENTION})
    return AttentionReport(
        message=message,
        event_id=event_id,
        incomplete=len(found) > _LISTED,
        events=tuple(Parked.of(event) for event in found[:_LISTED]),
    )
