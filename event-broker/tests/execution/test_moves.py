"""What becomes of an event after an attempt, row by row."""

from __future__ import annotations

import pytest

from app.execution import Ending, Move, next_move
from broker_connector_base.models import RunStatus


@pytest.mark.parametrize(
    ("ending", "move"),
    [
        (Ending(status=RunStatus.DONE), Move.FINISH),
        (Ending(status=RunStatus.NOTHING_TO_DO), Move.FINISH),
        # Orders that did not fill in time: the next run goes on from there.
        (Ending(status=RunStatus.FAILED), Move.RETRY),
        # The broker would refuse it again.
        (Ending(status=RunStatus.FAILED, refused=True), Move.PARK),
        (Ending(status=RunStatus.NEEDS_ATTENTION), Move.PARK),
        # Orders of others that could not be cancelled.
        (Ending(status=RunStatus.DONE, needs_attention=True), Move.PARK),
        # A gateway that restarts, an allocation service that is down, an account that is busy.
        (Ending(passing=True), Move.RETRY),
        # Bad configuration, an unknown account, an unknown symbol.
        (Ending(), Move.PARK),
        # A process that was killed in the middle of a run: doubt weighs more.
        (Ending(needs_attention=True, passing=True), Move.PARK),
    ],
)
def test_the_next_move_follows_from_the_ending(ending: Ending, move: Move) -> None:
    assert next_move(ending) is move
