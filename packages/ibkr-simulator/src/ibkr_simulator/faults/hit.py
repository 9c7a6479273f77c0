"""A message that a rule hits, and what can be done to it.

An action gets a `Hit` and decides whether, when and how often the message goes on. The gateway, the
session and the exchange are reached from here; the action's terms are its own business.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ibkr_simulator.codec import Message
from ibkr_simulator.lane import Lane
from simulated_exchange import Order

from .rules import Direction

if TYPE_CHECKING:
    from ibkr_simulator.connection import Connection
    from ibkr_simulator.gateway import SimulatedGateway
    from ibkr_simulator.session import Session

#: What becomes of a message that no rule stops: it is handled, or sent.
Act = Callable[[Message], None]


class Hit:
    """One message at one rule."""

    def __init__(
        self,
        *,
        connection: "Connection",
        direction: Direction,
        message: Message,
        go_on: Act,
        number: int,
    ) -> None:
        self.connection = connection
        self.direction = direction
        self.message = message
        #: how many messages this rule has hit, this one included
        self.number = number
        self._go_on = go_on

    def proceed(self, **changes: Any) -> None:
        """Let the message go on, with these fields changed, to the next rule or to its end."""
        message = self.message
        self._go_on(Message(message.name, {**message.fields, **changes}) if changes else message)

    def later(self, seconds: float, call: Callable[[], object]) -> None:
        """Call when that much time has passed on the exchange's clock."""
        self.gateway.desk.exchange.clock.call_later(seconds, call)

    def tell(self, name: str, fields: Mapping[str, Any]) -> None:
        """Send the client a message that no rule applies to."""
        connection, message = self.connection, Message(name, fields)
        connection.outgoing.go(name, lambda: connection.transmit(message))

    def tell_error(self, code: int, text: str, advanced: str = "") -> None:
        """Send an error about the message's order or request."""
        self.tell(
            "errMsg",
            {
                "reqId": self.request_id,
                "code": code,
                "text": text,
                "advancedOrderRejectJson": advanced,
            },
        )

    @property
    def gateway(self) -> "SimulatedGateway":
        return self.connection.gateway

    @property
    def lane(self) -> Lane:
        connection = self.connection
        return connection.incoming if self.direction is Direction.REQUEST else connection.outgoing

    @property
    def session(self) -> "Session | None":
        """Who it is from or for; None while the client logs in."""
        return self.connection.session

    @property
    def request_id(self) -> int:
        found: int = self.message.fields.get("reqId", self.message.fields.get("orderId", -1))
        return found

    @property
    def order(self) -> Order | None:
        """The order that the message names by its client's number."""
        fields, session = self.message.fields, self.session
        if session is None or "orderId" not in fields:
            return None
        client_id = fields.get("clientId", session.client_id)
        return session.desk.order_ids.find(client_id, fields["orderId"])
