"""Whether a reason to park is true: what a run claims of its account, held against the books.

Comes in: the claim, as a value; what the exchange's books and the journal say of the account; the
faults that had an effect so far. Goes out: sentences, one for everything that is not so. A claim
has to be true of every symbol and order that it names, and its words have to name the symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from broker_connector_base.models import Attention, Claim
from simulated_exchange import Exchange, Order

from .case import Fault
from .faults import KINDS, PROCESS_KINDS
from .witness import Witness, is_ours


@dataclass(frozen=True, kw_only=True)
class Books:
    """One account when a run of it has just ended."""

    #: The symbol of each order that the journal has an intent for.
    intents: dict[str, str]
    #: Symbols in which orders of ours, and of others, worked during the run.
    worked: frozenset[str] = frozenset()
    others_worked: frozenset[str] = frozenset()
    #: Symbols that orders of ours ever traded.
    traded: frozenset[str] = frozenset()
    #: Symbols that others traded, or in which an execution was corrected.
    disturbed: frozenset[str] = frozenset()


def read_books(
    exchange: Exchange, witness: Witness, symbols: dict[int, str], account_id: str
) -> Books:
    """The books as they are now."""
    orders = (*exchange.open_orders(account_id), *exchange.completed_orders(account_id))
    working = [o for o in orders if not o.is_done or o.updated_at >= witness.began]

    def named(found: Iterable[Order]) -> frozenset[str]:
        return frozenset(symbols[order.request.con_id] for order in found)

    return Books(
        intents=witness.intents(account_id),
        worked=named(order for order in working if is_ours(order)),
        others_worked=named(order for order in working if not is_ours(order)),
        traded=named(order for order in orders if is_ours(order) and order.filled),
        disturbed=frozenset(
            s for (a, s), shares in witness.disturbed.items() if shares and a == account_id
        ),
    )


def contradictions(attention: Attention | None, words: str, books: Books) -> list[str]:
    """Where the books say otherwise, and what the words leave out; never for a slow machine."""
    if attention is None:
        return ["it gives no reason"]
    found = [
        f"there is no order {key} in the journal"
        for key in attention.orders
        if key not in books.intents
    ]
    found += [f"it does not mention {name}" for name in attention.symbols if name not in words]
    return [*found, *_CHECKS[attention.claim](attention, books)]


def uncaused(
    attention: Attention | None, books: Books, fired: Iterable[Fault], account: int
) -> list[str]:
    """What nothing that happened can be the cause of; `account` is the account's place."""
    if attention is None or attention.claim in _NEEDS_NO_FAULT:
        return []
    causes = [fault for fault in fired if _can_cause(fault, attention.claim, account)]
    explained = books.disturbed if attention.claim is Claim.POSITIONS_UNEXPLAINED else frozenset()
    subjects = attention.symbols or (None,)
    return [
        f"nothing happened that could be the cause of '{attention.claim}' of {subject or account}"
        for subject in subjects
        if subject not in explained and not any(_is_about(fault, subject) for fault in causes)
    ]


def _can_cause(fault: Fault, claim: Claim, account: int) -> bool:
    is_elsewhere = fault.kind in PROCESS_KINDS and fault.account != account
    return claim in KINDS[fault.kind].doubt and not is_elsewhere


def _is_about(fault: Fault, symbol: str | None) -> bool:
    if symbol is None or KINDS[fault.kind].in_any_symbol:
        return True
    return bool(fault.terms.get("symbol", symbol) == symbol)


Check = Callable[[Attention, Books], Iterator[str]]


def _orders_are_known(attention: Attention, books: Books) -> Iterator[str]:
    if not attention.orders:
        yield "it names no order"
    meant = {books.intents.get(key) for key in attention.orders}
    for symbol in attention.symbols:
        if symbol not in meant:
            yield f"none of the orders that it names is in {symbol}"


def _within(whose: str, what: str) -> Check:
    """The claim names symbols, all of them among those of the books."""

    def check(attention: Attention, books: Books) -> Iterator[str]:
        if not attention.symbols:
            yield "it names no symbol"
        for symbol in attention.symbols:
            if symbol not in getattr(books, whose):
                yield f"{what} {symbol}"

    return check


def _positions_moved(attention: Attention, books: Books) -> Iterator[str]:
    if not attention.symbols:
        yield "it names no symbol"
    for symbol in attention.symbols:
        if symbol not in books.traded | books.disturbed:
            yield f"nobody ever traded {symbol}"


def _something_was_sent(attention: Attention, books: Books) -> Iterator[str]:
    if not books.intents:
        yield "no order was ever sent"


def _nothing_to_check(attention: Attention, books: Books) -> Iterator[str]:
    yield from ()


def _never(attention: Attention, books: Books) -> Iterator[str]:
    yield f"'{attention.claim}' is never so here"


_CHECKS: dict[Claim, Check] = {
    Claim.ORDERS_IN_DOUBT: _orders_are_known,
    Claim.ORDERS_WORKING: _within("worked", "no order of ours worked in"),
    Claim.ORDERS_OF_OTHERS: _within("others_worked", "nobody else's order worked in"),
    Claim.POSITIONS_UNEXPLAINED: _positions_moved,
    Claim.ACCOUNT_NOT_SEEN: _something_was_sent,
    # That a process has ended without a word is seen by the campaign itself.
    Claim.NO_RESULT: _nothing_to_check,
    Claim.WRONG_INSTRUMENT: _never,
    # The witness has just read it.
    Claim.JOURNAL_UNREADABLE: _never,
    Claim.PROGRAM_FAULT: _never,
}
#: The books alone show whether these are so.
_NEEDS_NO_FAULT = frozenset({Claim.ORDERS_OF_OTHERS})
