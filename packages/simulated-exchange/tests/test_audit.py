"""The audit finds what was done to the books behind the exchange's back."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D

import pytest

from simulated_exchange import OrderState
from simulated_exchange.audit import audit
from simulated_exchange.books import Books
from simulated_exchange.testing import ACCOUNT, IBM, SPY, Pit

FIRST, LAST = 1_700_000_001, 1_700_000_003


def traded() -> Books:
    """The books of a pit with a filled purchase, a filled sale and a live order on each side."""
    pit = Pit(positions={IBM: (5, 90)})
    pit.buy(10, limit=100)
    pit.sell(4)
    pit.buy(10, limit=90)
    pit.sell(5, limit=120, con_id=IBM)
    assert pit.exchange.audit() == []
    return pit.exchange._books


def lose_cash(books: Books) -> None:
    books.ledgers[ACCOUNT].cash["USD"] -= 1


def find_shares(books: Books) -> None:
    books.ledgers[ACCOUNT].holdings[SPY].quantity += 1


def oversell(books: Books) -> None:
    books.ledgers[ACCOUNT].holdings[SPY].quantity = D(-1)


def overstate_a_fill(books: Books) -> None:
    books.orders[FIRST] = replace(books.orders[FIRST], filled=D(11))


def understate_a_quantity(books: Books) -> None:
    order = books.orders[FIRST]
    books.orders[FIRST] = replace(order, request=replace(order.request, quantity=D(9)))


def end_a_live_order(books: Books) -> None:
    books.orders[LAST] = replace(books.orders[LAST], status=OrderState.FILLED)


def trade_through_the_limit(books: Books) -> None:
    fill = books.executions[0]
    books.executions[0] = replace(fill, price=D("100.01"))


def waive_a_commission(books: Books) -> None:
    fill = books.executions[0]
    books.reports[fill.exec_id] = replace(books.reports[fill.exec_id], commission=D(0))


def use_an_execution_id_twice(books: Books) -> None:
    books.executions[1] = replace(books.executions[1], exec_id=books.executions[0].exec_id)


def forget_a_reservation(books: Books) -> None:
    books.ledgers[ACCOUNT].reserved["USD"] = D(0)


def forget_an_offer(books: Books) -> None:
    books.ledgers[ACCOUNT].offered[IBM] = D(0)


@pytest.mark.parametrize(
    ("tamper", "finding"),
    [
        (lose_cash, "has 99396.96 USD, its fills leave 99397.96"),
        (find_shares, "holds 7 of 101, its fills 6"),
        (oversell, "may not go short and holds -1"),
        (overstate_a_fill, "says it filled 11 for 1000"),
        (understate_a_quantity, "filled 10 of 9"),
        (end_a_live_order, "live orders"),
        (trade_through_the_limit, "was to BUY at 100 and traded through it at 100.01"),
        (waive_a_commission, "was charged 0 and owes 1.00"),
        (use_an_execution_id_twice, "used twice"),
        (forget_a_reservation, "reserves 0 USD, orders 901.00"),
        (forget_an_offer, "offers 0 of 102, orders 5"),
    ],
)
def test_tampering_is_found(tamper: Callable[[Books], None], finding: str) -> None:
    books = traded()
    tamper(books)
    assert any(finding in violation for violation in audit(books)), audit(books)
