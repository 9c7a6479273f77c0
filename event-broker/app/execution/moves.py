"""What becomes of an event after an attempt: a table from how the attempt ended to the next move.

Pure. What passes by itself is tried again for ever; what is wrong for good, and whatever leaves
something in doubt, waits for a person: trading again after an unknown outcome loses money.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from broker_connector_base.models import RunStatus


class Move(StrEnum):
    """The next move with an event."""

    FINISH = "finish"
    #: At the back of the queue, after a while; nothing is in doubt.
    RETRY = "retry"
    #: Not before a person has looked.
    PARK = "park"


class Ending(NamedTuple):
    """How an attempt ended, as far as the next move depends on it."""

    #: None when there is no result but a failure.
    status: RunStatus | None = None
    #: The broker would not have one of the orders: it would not have it the next time either.
    refused: bool = False
    needs_attention: bool = False
    passing: bool = False


_OF_RESULTS = {
    RunStatus.DONE: Move.FINISH,
    RunStatus.NOTHING_TO_DO: Move.FINISH,
    # Every order has ended, not every one as wanted: the next run goes on from there.
    RunStatus.FAILED: Move.RETRY,
    RunStatus.NEEDS_ATTENTION: Move.PARK,
}


def next_move(ending: Ending) -> Move:
    """The move; doubt weighs more than anything else."""
    if ending.needs_attention or ending.refused:
        return Move.PARK
    if ending.status is not None:
        return _OF_RESULTS[ending.status]
    return Move.RETRY if ending.passing else Move.PARK
