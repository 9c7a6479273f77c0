"""Continuity of a channel, as values: what a look back makes up for, and what needs another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from app.ably_service.continuity import Continuity

FRESH = Continuity().joined(resumed=False)
WHOLE = FRESH.found(FRESH)


def test_a_channel_is_unbroken_when_a_look_back_went_through_after_its_attachment() -> None:
    assert not Continuity().unbroken
    assert not FRESH.unbroken
    assert WHOLE.unbroken


def test_a_look_back_without_an_attachment_does_not_make_it_whole() -> None:
    assert not Continuity().found(Continuity()).caught_up


def test_an_interruption_that_was_resumed_costs_nothing() -> None:
    apart = WHOLE.parted()
    assert not apart.unbroken
    assert apart.joined(resumed=True) == WHOLE
    assert not apart.joined(resumed=False).caught_up


def test_what_was_lost_during_a_look_back_needs_another() -> None:
    lost = FRESH.lost()
    assert lost.found(FRESH) == lost
    assert lost.found(lost).unbroken


def test_a_message_that_could_not_be_recorded_is_missing_until_it_was_read_again() -> None:
    spoiled = WHOLE.spoiled()
    again = spoiled.spoiled()
    assert not spoiled.unbroken
    assert (spoiled.unrecorded, again.unrecorded) == (1, 2)
    assert again.found(spoiled) == again
    assert again.found(again).unbroken


def test_a_proof_that_has_to_be_given_in_another_way_is_no_loss() -> None:
    assert not WHOLE.unproven().unbroken
    assert WHOLE.unproven().found(WHOLE).unbroken


def test_what_the_sdk_dropped_is_missing_until_somebody_has_looked_after_it() -> None:
    bereft = WHOLE.bereft()
    assert not bereft.caught_up
    assert not bereft.unbroken
    # Nothing that a rewind would bring.
    assert bereft.whole
    again = bereft.bereft()
    assert not again.answered(bereft).caught_up
    assert again.answered(again) == WHOLE


_STEPS: dict[str, Callable[[Continuity], Continuity]] = {
    "join": lambda known: known.joined(resumed=False),
    "resume": lambda known: known.joined(resumed=True),
    "part": Continuity.parted,
    "lose": Continuity.lost,
    "spoil": Continuity.spoiled,
    "begin": lambda known: known,
}


def _is_unbroken(steps: Sequence[str]) -> bool:
    """By the whole story: attached, and a look that found it attached has seen the last loss."""
    losses = [n for n, step in enumerate(steps) if step in ("join", "lose", "spoil")]
    last_loss = losses[-1] if losses else -1
    attached = False
    caught_up = begun = -1
    for n, step in enumerate(steps):
        if step in ("join", "resume", "part"):
            attached = step != "part"
        if step == "begin":
            begun = n
        if step == "finish" and attached:
            caught_up = max(caught_up, begun)
    return attached and caught_up > last_loss


@given(st.lists(st.sampled_from([*_STEPS, "finish"]), max_size=12))
def test_it_is_unbroken_only_if_its_whole_story_says_so(steps: list[str]) -> None:
    # Nothing is found before anything was looked for.
    steps = ["begin", *steps]
    known = begun = Continuity()
    for step in steps:
        known = known.found(begun) if step == "finish" else _STEPS[step](known)
        if step == "begin":
            begun = known
    assert known.unbroken == _is_unbroken(steps)
