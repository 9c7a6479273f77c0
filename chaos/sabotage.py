"""Broken products, to see that the campaign finds them: each is one belief that costs money.

Comes in: a name. The account process that calls this is the broken product from then on; nothing
outside of it changes. These are the only lines of the campaign that reach into the product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .case import SYMBOLS


def _replace(owner: object, name: str, other: object) -> None:
    assert hasattr(owner, name), f"the product has no {name} any more"
    setattr(owner, name, other)


def _send_again() -> None:
    """What was not acknowledged was not sent."""
    from rebalance_workflow.orders import Order

    def forget(self: Order, message: str, order_id: str | None) -> None:
        self.see_unsent(message)

    _replace(Order, "see_silence", forget)


def _believe_false_ends() -> None:
    """Any error code that names an order ends it, and what is told of it later is ignored."""
    from broker_connector_base import OrderStatus
    from ibkr_connector.ledger import Ledger

    move, on_order_error = Ledger._move, Ledger.on_order_error
    ended: set[Any] = set()

    def believe(self: Ledger, key: Any, code: int, text: str) -> None:
        on_order_error(self, key, code, text)
        order = self.get(key)
        order.status = OrderStatus.CANCELLED
        order.answered.set()
        ended.add(key)
        self._tell(order)

    def stay(self: Ledger, order: Any, reported: OrderStatus) -> None:
        if order.key not in ended:
            move(self, order, reported)

    _replace(Ledger, "on_order_error", believe)
    _replace(Ledger, "_move", stay)


def _write_intents_late() -> None:
    """Orders are written down when they have ended."""
    from rebalance_workflow.file_journal import FileJournal
    from rebalance_workflow.journal import OrderIntent

    append = FileJournal.append
    held: list[Any] = []

    def late(self: FileJournal, *records: Any) -> None:
        held.extend(record for record in records if isinstance(record, OrderIntent))
        others = [record for record in records if not isinstance(record, OrderIntent)]
        if others:
            append(self, *held, *others)
            held.clear()

    _replace(FileJournal, "append", late)


def _forget_earlier_runs() -> None:
    """Nothing of an earlier run is asked about or cancelled."""
    from rebalance_workflow import live_run

    async def nothing(*arguments: Any, **named: Any) -> list[Any]:
        return []

    _replace(live_run, "recover", nothing)
    _replace(live_run, "clear_orders", nothing)


def _trust_the_first_look() -> None:
    """The account is taken as it is shown first after the fills."""
    from rebalance_workflow import settling

    class Content(settling.Settled):
        @property
        def positions_match(self) -> bool:
            return True

        @property
        def cash_matches(self) -> bool:
            return True

    _replace(settling, "Settled", Content)


def _ignore_outsiders() -> None:
    """Other people's orders in the same symbol are none of our business."""
    from rebalance_workflow import live_run

    _replace(live_run, "check_foreign_orders", lambda *arguments: None)


def _spend_the_reserve() -> None:
    """All of the cash may be spent."""
    from rebalance_workflow.policy import RebalancePolicy

    plan_policy = RebalancePolicy.plan_policy

    def generous(self: RebalancePolicy, *arguments: Any, **named: Any) -> Any:
        policy = plan_policy(self, *arguments, **named)
        return policy.model_copy(update={"cash_reserve_percent": 0, "minimum_cash_reserve": 0})

    _replace(RebalancePolicy, "plan_policy", generous)


def _blame_the_neighbour() -> None:
    """Somebody else's order is said to be in the next symbol."""
    from rebalance_workflow import clearing

    attention_to = clearing.attention_to

    def blame(*arguments: Any) -> Any:
        told = attention_to(*arguments)
        beside = (SYMBOLS[(SYMBOLS.index(s) + 1) % len(SYMBOLS)] for s in told.symbols)
        return told.model_copy(update={"symbols": tuple(beside)})

    _replace(clearing, "attention_to", blame)


SABOTAGE: dict[str, Callable[[], None]] = {
    "send again": _send_again,
    "believe false ends": _believe_false_ends,
    "write intents late": _write_intents_late,
    "forget earlier runs": _forget_earlier_runs,
    "trust the first look": _trust_the_first_look,
    "ignore outsiders": _ignore_outsiders,
    "spend the reserve": _spend_the_reserve,
    "blame the neighbour": _blame_the_neighbour,
}


def break_product(name: str) -> None:
    """Break the product of this process; raises KeyError for a name that is not in the table."""
    SABOTAGE[name]()
