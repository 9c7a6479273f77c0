"""One notification on its way to every address: how it ended at each, and what that makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from app.store.records import LetterOutcome

from .notification import Notification, Urgency


class End(Enum):
    """How an errand ended at one address."""

    TAKEN = "taken"
    #: It will never be taken, or was not, however often it was tried.
    GIVEN_UP = "given up"
    #: Too many others waited.
    DROPPED = "dropped"
    #: Not taken yet when the service ended.
    CUT_SHORT = "cut short"


@dataclass(eq=False, slots=True, kw_only=True)
class Errand:
    """What is to be told, how loudly, and how that ended at the addresses so far."""

    notification: Notification
    volume: Urgency
    ends: list[End] = field(default_factory=list)


def outcome_of(ends: Sequence[End]) -> LetterOutcome | None:
    """What became of a notification that ended like this at all addresses.

    None when nobody has it, and whoever finds its letter has more patience than we had time. One
    that somebody has is not left to others: to him it would come twice.
    """
    if all(end is End.TAKEN for end in ends):
        return LetterOutcome.DELIVERED
    if End.CUT_SHORT in ends and End.TAKEN not in ends:
        return None
    return LetterOutcome.GIVEN_UP
