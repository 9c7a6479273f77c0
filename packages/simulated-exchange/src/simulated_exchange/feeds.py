"""Where quotes come from when nobody sets them.

Comes in: walks that were started, and their entries of the agenda. Goes out: one quote after
another. Never: an order.
"""

from collections.abc import Callable
from datetime import timedelta

from .agenda import Action, Agenda, Entry
from .books import Books, Walking
from .clock import Clock
from .market import Market
from .quotes import Quote, RandomWalk


class Feeds:
    """Moves quotes as time passes."""

    def __init__(
        self,
        books: Books,
        clock: Clock,
        market: Market,
        agenda: Agenda,
        set_quote: Callable[[int, Quote], None],
    ) -> None:
        self._books = books
        self._clock = clock
        self._market = market
        self._agenda = agenda
        self._set_quote = set_quote

    def walk(self, con_id: int, walk: RandomWalk | None) -> None:
        """Let an instrument's quote walk from where it stands; None stops it."""
        walking = self._books.walks.pop(con_id, None)
        if walking is not None:
            self._agenda.cancel(walking.entry)
        if walk is not None:
            self._books.walks[con_id] = Walking(walk)
            self._plan_step(con_id)

    def step(self, con_id: int) -> None:
        """Take the step that is due and plan the next."""
        walking = self._books.walks[con_id]
        quote = walking.walk.step(
            self._market.quote(con_id),
            instrument=self._market.instrument(con_id),
            number=walking.number,
            at=self._clock.now(),
        )
        walking.number += 1
        self._plan_step(con_id)
        self._set_quote(con_id, quote)

    def _plan_step(self, con_id: int) -> None:
        walking = self._books.walks[con_id]
        due = self._clock.now() + timedelta(seconds=walking.walk.interval)
        walking.entry = self._agenda.add(Entry(due=due, action=Action.STEP, subject=con_id))
