"""Events for tests, in few words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app.events import Claim, Command, EventSource, NewEvent
from app.store.store import Store


def arrival(
    account_id: str = "DU1",
    command: Command = Command.REBALANCE,
    *,
    payload: Mapping[str, object] | None = None,
    source_ref: str | None = None,
    not_before: datetime | None = None,
) -> NewEvent:
    """Somebody wants something of an account."""
    return NewEvent(
        account_id=account_id,
        command=command,
        payload=payload or {},
        source=EventSource.CLI,
        source_ref=source_ref,
        not_before=not_before,
    )


def claimed(store: Store, worker: str = "worker") -> Claim:
    """The next event, which must be there."""
    claim = store.events.claim(worker)
    assert claim is not None, "nothing to claim"
    return claim
