"""The messages of the TWS API as tables, with one reader and one writer for all of them.

Payloads and a negotiated version come in, `Message`s go out, and the other way round. There is no
socket, no clock and no trading here.

    >>> from ibkr_simulator.codec import Message, decode_request, encode_reply
    >>> decode_request(b"8\\0001\\0001\\0", version=178)
    Message(name='reqIds', fields={'version': 1, 'numIds': 1})
    >>> encode_reply(Message("nextValidId", {"id": 7}), version=178)
    b'9\\x001\\x007\\x00'

* A decoded message has every field of its table, with the default where the wire had none.
* A message to encode needs only what differs from the defaults; an unknown name is an error.
* Numbers with a fraction are `Decimal`, unset ones None; groups are tuples of dicts.
* Too many, too few or impossible texts raise a `CodecError` that names message, version, field and
  position, and keeps what was read before (`partial`), which is where a session finds the id to
  answer to.

A new message is a row in `requests.py` or `replies.py`; orders are in `orders.py`. `spec.py` has
the words a table is written in, `kinds.py` the kinds of value; `steps.py`, `shapes.py` and
`plan.py` are the reader and writer.
"""

from .errors import (
    BadValue,
    CodecError,
    LeftoverFields,
    MissingFields,
    UnknownField,
    UnknownMessage,
)
from .kinds import Verbatim
from .messages import (
    REPLY_NAMES,
    REQUEST_NAMES,
    Message,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
    reply_name,
    request_name,
)

__all__ = [
    "REPLY_NAMES",
    "REQUEST_NAMES",
    "BadValue",
    "CodecError",
    "LeftoverFields",
    "Message",
    "MissingFields",
    "UnknownField",
    "UnknownMessage",
    "Verbatim",
    "decode_reply",
    "decode_request",
    "encode_reply",
    "encode_request",
    "reply_name",
    "request_name",
]
