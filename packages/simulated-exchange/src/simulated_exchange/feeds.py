"""Where quotes come from when nobody sets them.

Comes in: walks and tapes that were started, and their entries of the agenda. Goes out: one quote
after another. Never: an order.
"""

from collections.abc import Callable
from datetime import timedelta

from .agenda import Action, Agenda, Entry
from .books import Books, Playing, Walking
from .clock import Clock
from .market import Market
from .quotes import Quote, RandomWalk
from .tape import TapeRow


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

    def replay(self, rows: tuple[TapeRow, ...]) -> None:
        """Play a tape, each row at its instant; what is past plays as soon as the clock moves."""
        if rows:
            self._books.last_tape += 1
            self._books.tapes[self._books.last_tape] = Playing(rows)
            self._plan_row(self._books.last_tape)

    def play(self, number: int) -> None:
        """Play the row that is due and plan the next."""
        playing = self._books.tapes[number]
        row = playing.rows[playing.next_row]
        playing.next_row += 1
        if playing.next_row == len(playing.rows):
            del self._books.tapes[number]
        else:
            self._plan_row(number)
        self._set_quote(row.con_id, row.apply(self._market.quote(row.con_id)))

    def _plan_row(self, number: int) -> None:
        playing = self._books.tapes[number]
        due = playing.rows[playing.next_row].due
        self._agenda.add(Entry(due=due, action=Action.PLAY, subject=number))

    def _plan_step(self, con_id: int) -> None:
        walking = self._books.walks[con_id]
        due = self._clock.now() + timedelta(seconds=walking.walk.interval)
        walking.entry = self._agenda.add(Entry(due=due, action=Action.STEP, subject=con_id))
