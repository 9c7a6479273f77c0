"""The faults that are set, and what they do to the messages that come by.

Rules come in, at any time; each message on its way to a handler or to a client is shown to them in
the order in which they were set, until one stops it.
"""

from collections.abc import Mapping
from random import Random
from typing import TYPE_CHECKING, Any

from ibkr_simulator.codec import Message
from ibkr_simulator.lane import Lane

from .actions import ACTIONS, completed, name_of, rule_from_json, rule_to_json
from .hit import Act, Hit
from .rules import MODIFY_ORDER, BadRule, Direction, FaultRule
from .subjects import subject_of

if TYPE_CHECKING:
    from ibkr_simulator.connection import Connection
    from ibkr_simulator.gateway import SimulatedGateway


class _Armed:
    """A rule that is set, and how often it was met."""

    def __init__(self, number: int, rule: FaultRule) -> None:
        self.number = number
        self.rule = rule
        self.seen = self.acted = 0
        self._chance = Random(rule.seed)

    def takes(self, connection: "Connection", direction: Direction, message: Message) -> bool:
        """Count the message if it fits; whether the rule takes effect now."""
        rule = self.rule
        if rule.times and self.acted >= rule.times:
            return False
        if not _fits(rule, connection, direction, message):
            return False
        self.seen += 1
        if self.seen < rule.nth or self._chance.random() >= rule.probability:
            return False
        self.acted += 1
        return True


class Faults:
    """`gateway.faults`: set rules, look at them, take them back."""

    def __init__(self, gateway: "SimulatedGateway") -> None:
        self._gateway = gateway
        #: what is set; messages are not looked at while it is empty
        self.armed: tuple[_Armed, ...] = ()
        self._count = 0

    def add(self, rule: FaultRule | Mapping[str, Any]) -> int:
        """Set a rule, as a value or as JSON values, and return its number.

        A rule without a message takes effect before this returns. Raises `BadRule`.
        """
        if not isinstance(rule, FaultRule):
            rule = rule_from_json(rule)
        rule = completed(rule)
        self._count += 1
        if rule.direction is None:
            self.begin(rule)
        else:
            self.armed = (*self.armed, _Armed(self._count, rule))
        return self._count

    def clear(self, number: int | None = None) -> None:
        """Take back one rule, or all. What a rule has begun (a delay, an outage) ends in its time.

        Raises `BadRule` if there is no rule of that number.
        """
        kept = tuple(armed for armed in self.armed if number not in (None, armed.number))
        if number is not None and len(kept) == len(self.armed):
            raise BadRule(f"there is no rule {number}")
        self.armed = kept

    def listed(self) -> list[dict[str, Any]]:
        """The rules as JSON values, each with how many messages fitted and how many it hit."""
        return [
            {
                "number": armed.number,
                "seen": armed.seen,
                "acted": armed.acted,
                **rule_to_json(armed.rule),
            }
            for armed in self.armed
        ]

    def meet(
        self,
        connection: "Connection",
        direction: Direction,
        lane: Lane,
        message: Message,
        act: Act,
    ) -> None:
        """Show a message to the rules, behind those before it; `act` is its end."""
        way = _Way(self, connection, direction, lane, act)
        lane.go(message.name, lambda: way.on(message, self.armed))

    def begin(self, rule: FaultRule) -> None:
        """Let a fault of the whole gateway begin."""
        rule.action(self._gateway)


class _Way:
    """One message's way past the rules."""

    def __init__(
        self,
        faults: Faults,
        connection: "Connection",
        direction: Direction,
        lane: Lane,
        act: Act,
    ) -> None:
        self._faults = faults
        self._connection = connection
        self._direction = direction
        self._lane = lane
        self._act = act

    def on(self, message: Message, rules: tuple[_Armed, ...]) -> None:
        for place, armed in enumerate(rules):
            if armed.takes(self._connection, self._direction, message):
                self._hit(message, armed, rules[place + 1 :])
                return
        self._act(message)
        self._lane.passed(message.name)

    def _hit(self, message: Message, armed: _Armed, rest: tuple[_Armed, ...]) -> None:
        rule = armed.rule
        if ACTIONS[name_of(rule.action)].of_gateway:
            self._faults.begin(rule)
            # An outage that began with this message holds it up as well.
            self._lane.go(message.name, lambda: self.on(message, rest))
            return
        hit = Hit(
            connection=self._connection,
            direction=self._direction,
            message=message,
            go_on=lambda changed: self.on(changed, rest),
            number=armed.acted,
        )
        rule.action(hit)


def _fits(
    rule: FaultRule, connection: "Connection", direction: Direction, message: Message
) -> bool:
    if rule.direction is not direction:
        return False
    if rule.message and rule.message != _name(connection, message):
        return False
    fields, session = message.fields, connection.session
    client_id = fields.get("clientId") if session is None else session.client_id
    if rule.client_id not in (None, client_id):
        return False
    if any(not _equal(fields.get(name), value) for name, value in rule.where.items()):
        return False
    if not rule.symbol and rule.order_id is None and not rule.order_ref:
        return True
    subject = subject_of(session, message)
    return (
        rule.symbol in ("", subject.symbol)
        and rule.order_id in (None, subject.order_id)
        and rule.order_ref in ("", subject.order_ref)
    )


def _name(connection: "Connection", message: Message) -> str:
    """The message's name, or `modifyOrder` when it changes an order that is still working."""
    session = connection.session
    if message.name != "placeOrder" or session is None:
        return message.name
    order = session.desk.order_ids.find(session.client_id, message.fields["orderId"])
    return message.name if order is None or order.is_done else MODIFY_ORDER


def _equal(value: Any, wanted: Any) -> bool:
    return bool(value == wanted) or str(value) == str(wanted)
