"""A reason to park that is not so is found, whichever part of it is false."""

from __future__ import annotations

import pytest
from chaos.case import Fault
from chaos.faults import KINDS
from chaos.reasons import Books, contradictions, uncaused

from broker_connector_base.models import Attention, Claim

KEY = "rb:run1:DU1:AAA:B:1"
#: An order for AAA traded and works, an outsider's works in BBB, and CCC was traded by hand.
BOOKS = Books(
    intents={KEY: "AAA"},
    worked=frozenset({"AAA"}),
    others_worked=frozenset({"BBB"}),
    traded=frozenset({"AAA"}),
    disturbed=frozenset({"CCC"}),
)
WORDS = "look at AAA, BBB and CCC"
MUTE = Fault(kind="acknowledgement never comes", terms={"symbol": "AAA"})
RESET = Fault(kind="connection reset")
KILLED = Fault(kind="killed", account=1)


def a_claim(claim: Claim, *symbols: str, orders: tuple[str, ...] = ()) -> Attention:
    return Attention(claim=claim, symbols=symbols, orders=orders)


@pytest.mark.parametrize(
    ("attention", "fault"),
    [
        (a_claim(Claim.ORDERS_IN_DOUBT, "AAA", orders=(KEY,)), MUTE),
        (a_claim(Claim.ORDERS_WORKING, "AAA", orders=(KEY,)), RESET),
        (a_claim(Claim.ORDERS_OF_OTHERS, "BBB"), None),
        (a_claim(Claim.POSITIONS_UNEXPLAINED, "CCC"), None),
        (a_claim(Claim.POSITIONS_UNEXPLAINED, "AAA", "CCC"), MUTE),
        (a_claim(Claim.ACCOUNT_NOT_SEEN), RESET),
        (a_claim(Claim.NO_RESULT), KILLED),
    ],
)
def test_a_reason_that_is_so_is_believed(attention: Attention, fault: Fault | None) -> None:
    assert contradictions(attention, WORDS, BOOKS) == []
    assert uncaused(attention, BOOKS, [fault] if fault else [], account=1) == []


@pytest.mark.parametrize(
    ("attention", "found"),
    [
        (None, "it gives no reason"),
        (a_claim(Claim.ORDERS_IN_DOUBT), "it names no order"),
        (a_claim(Claim.ORDERS_IN_DOUBT, orders=("rb:x",)), "there is no order rb:x in the journal"),
        (
            a_claim(Claim.ORDERS_IN_DOUBT, "BBB", orders=(KEY,)),
            "none of the orders that it names is in BBB",
        ),
        (a_claim(Claim.ORDERS_WORKING), "it names no symbol"),
        (a_claim(Claim.ORDERS_WORKING, "BBB"), "no order of ours worked in BBB"),
        (a_claim(Claim.ORDERS_OF_OTHERS, "AAA"), "nobody else's order worked in AAA"),
        (a_claim(Claim.POSITIONS_UNEXPLAINED), "it names no symbol"),
        (a_claim(Claim.POSITIONS_UNEXPLAINED, "BBB"), "nobody ever traded BBB"),
        (a_claim(Claim.WRONG_INSTRUMENT, "AAA"), "'wrong instrument' is never so here"),
        (a_claim(Claim.JOURNAL_UNREADABLE), "'journal unreadable' is never so here"),
        (a_claim(Claim.PROGRAM_FAULT), "'fault in the program' is never so here"),
    ],
)
def test_a_reason_that_the_books_contradict_is_found(
    attention: Attention | None, found: str
) -> None:
    assert contradictions(attention, WORDS, BOOKS) == [found]


def test_words_that_do_not_mention_what_is_claimed_are_found() -> None:
    attention = a_claim(Claim.POSITIONS_UNEXPLAINED, "CCC")
    found = contradictions(attention, "look at the account", BOOKS)
    assert found == ["it does not mention CCC"]


def test_an_account_that_was_never_traded_cannot_have_gone_out_of_sight() -> None:
    found = contradictions(a_claim(Claim.ACCOUNT_NOT_SEEN), WORDS, Books(intents={}))
    assert found == ["no order was ever sent"]


@pytest.mark.parametrize(
    ("attention", "fault"),
    [
        # The word on AAA was lost, and nothing was wrong with DDD.
        (a_claim(Claim.POSITIONS_UNEXPLAINED, "DDD"), MUTE),
        (a_claim(Claim.POSITIONS_UNEXPLAINED, "CCC", "DDD"), MUTE),
        # A missing acknowledgement hides no account, and does not end a process.
        (a_claim(Claim.ACCOUNT_NOT_SEEN), MUTE),
        (a_claim(Claim.NO_RESULT), RESET),
        (a_claim(Claim.ORDERS_IN_DOUBT, "AAA", orders=(KEY,)), None),
    ],
)
def test_a_reason_without_a_cause_is_found(attention: Attention, fault: Fault | None) -> None:
    assert uncaused(attention, BOOKS, [fault] if fault else [], account=1)


def test_a_refused_cancellation_is_a_cause_in_every_symbol() -> None:
    # The exchange refuses whatever is cancelled; orders of the fault's own symbol stall besides.
    refusal = Fault(kind="reject on change", terms={"symbol": "DDD"})
    assert not uncaused(a_claim(Claim.ORDERS_WORKING, "AAA"), BOOKS, [refusal], account=0)


def test_another_account_s_process_is_no_cause() -> None:
    assert uncaused(a_claim(Claim.NO_RESULT), BOOKS, [KILLED], account=0)


def test_every_claim_but_those_that_are_never_so_has_a_fault_that_can_cause_it() -> None:
    never = {Claim.WRONG_INSTRUMENT, Claim.JOURNAL_UNREADABLE, Claim.PROGRAM_FAULT}
    assert {claim for kind in KINDS.values() for claim in kind.doubt} == set(Claim) - never
