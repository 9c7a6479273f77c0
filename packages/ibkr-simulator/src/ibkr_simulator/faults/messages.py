"""Faults of single messages: lost, late, twice, out of order, altered, refused.

A `Hit` comes in; its message goes on, or not, now or later. Never: a socket or an order.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ibkr_simulator.codec import (
    CodecError,
    Message,
    Verbatim,
    decode_request,
    encode_reply,
    encode_request,
)
from ibkr_simulator.frames import MAX_VERSION
from ibkr_simulator.handlers.order_reports import tell

from .hit import Hit
from .rules import Direction
from .texts import text_of

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Swallow:
    """The message is lost: an order that nobody hears of, an answer that never comes."""

    def __call__(self, hit: Hit) -> None:
        """It does not proceed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delay:
    """The message and all behind it wait, in their order, for so many seconds."""

    seconds: float

    def __call__(self, hit: Hit) -> None:
        hit.later(self.seconds, hit.lane.hold(hit.proceed))


@dataclass(frozen=True, kw_only=True, slots=True)
class Late:
    """The message comes so many seconds later; what is behind it overtakes it."""

    seconds: float

    def __call__(self, hit: Hit) -> None:
        hit.later(self.seconds, hit.proceed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reorder:
    """The message comes after `count` messages called `after` have gone by."""

    after: str
    count: int = 1

    def __call__(self, hit: Hit) -> None:
        hit.lane.wait_for(self.after, self.count, hit.proceed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Duplicate:
    """The message comes so many times in all."""

    copies: int = 2

    def __call__(self, hit: Hit) -> None:
        for _ in range(self.copies):
            hit.proceed()


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """The message goes on with these fields changed: a price of -1, an account that is not ready.

    A reply has a text as it stands, also where a number belongs: "NaN", or nothing at all. A
    message that does not have such fields goes on as it is.
    """

    fields: Mapping[str, Any]

    def __call__(self, hit: Hit) -> None:
        try:
            changes = self.changes(hit.direction, hit.message)
        except CodecError as error:
            _LOG.warning("message not edited error=%s", error)
            changes = {}
        hit.proceed(**changes)

    def changes(self, direction: Direction, message: Message) -> dict[str, Any]:
        """The fields as they go on. Raises `CodecError` for what the message cannot have."""
        given = {
            name: Verbatim(value) if isinstance(value, str | float) else value
            for name, value in self.fields.items()
        }
        edited = Message(message.name, {**message.fields, **given})
        if direction is Direction.REPLY:
            encode_reply(edited, MAX_VERSION)
            return given
        read = decode_request(encode_request(edited, MAX_VERSION), MAX_VERSION).fields
        return {name: read[name] for name in given}


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """The message goes on, and an error with this code is sent about its order or request.

    Clients take some of these for the end of the order, which lives on. Without a text, IB's.
    """

    code: int
    text: str = ""
    #: send it before whatever the message causes
    first: bool = False

    def __call__(self, hit: Hit) -> None:
        if not self.first:
            hit.proceed()
        hit.tell_error(self.code, self.text or text_of(self.code))
        if self.first:
            hit.proceed()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reject:
    """The request is not carried out; the client gets this error instead.

    A refused change of an order is followed by the order as it still stands, as gateways do.
    """

    code: int
    text: str = ""
    #: what the client gets as advancedOrderRejectJson
    advanced: str = ""

    def __call__(self, hit: Hit) -> None:
        hit.tell_error(self.code, self.text or text_of(self.code), self.advanced)
        order, session = hit.order, hit.session
        if hit.message.name == "placeOrder" and session is not None:
            session.desk.order_ids.use(session.client_id, hit.message.fields["orderId"])
            if order is not None and not order.is_done:
                tell(session, order)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pacing:
    """The request counts as one too many: error 100, and the third time the connection ends."""

    def __call__(self, hit: Hit) -> None:
        hit.connection.violate_pace(rate=51)
