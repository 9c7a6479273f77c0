"""One client that has logged in.

Comes in: what handlers want this client to know. Goes out: messages, on their way to this client.
Never: a socket or a version (the connection has them) or an answer of its own (the handlers'
business).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .codec import Message
from .drafts import Drafts
from .refusals import Refusal, invalid
from .subscriptions import Subscriptions

if TYPE_CHECKING:
    from .desk import Desk

#: An error that belongs to no request.
NO_REQUEST = -1


class Session:
    """A logged-in client: its identity, its subscriptions and its untransmitted orders."""

    def __init__(
        self,
        *,
        desk: "Desk",
        client_id: int,
        send: Callable[[Message], None],
        everybody: Mapping[int, "Session"],
    ) -> None:
        self.desk = desk
        self._everybody = everybody
        self.client_id = client_id
        self.subscriptions = Subscriptions()
        self.drafts = Drafts()
        self.send_message = send

    def send(self, name: str, fields: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Send one message; what is not given has the default of the message's table."""
        self.send_message(Message(name, {**fields, **more} if fields and more else fields or more))

    def error(self, code: int, text: str, request_id: int = NO_REQUEST) -> None:
        """Send an error or a warning about a request, an order, or nothing in particular."""
        self.send("errMsg", reqId=request_id, code=code, text=text)

    def refuse(self, refusal: Refusal, request_id: int = NO_REQUEST) -> None:
        self.error(refusal.code, refusal.text, request_id)

    @property
    def sees_all_orders(self) -> bool:
        """Whether this is the master client, which hears of every client's orders."""
        return self.client_id == self.desk.master_client_id

    def streamed(self) -> set[int]:
        """The instruments that any client of this login has a stream of, by con_id."""
        return {
            con_id
            for session in self._everybody.values()
            for con_id in session.subscriptions.market_data.con_ids
        }

    def account(self, account_id: str) -> str:
        """The account a request is about: the one it names, or the only one there is.

        Raises `Refusal` for an account that this login does not have.
        """
        accounts = self.desk.account_ids
        if not account_id and len(accounts) == 1:
            return accounts[0]
        if account_id not in accounts:
            raise invalid("Invalid account code")
        return account_id
