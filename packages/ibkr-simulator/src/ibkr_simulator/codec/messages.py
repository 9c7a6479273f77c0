"""Messages to payloads and back: requests of a client, replies of the server.

A `Message` and the negotiated version go in, a payload comes out, or the other way round. Both
directions insist that every text is used and every field is there.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ibkr_simulator.frames import MAX_VERSION, MIN_VERSION, split_fields

from .errors import CodecError, Fault, LeftoverFields, UnknownMessage
from .plan import Plan, compile_table
from .replies import REPLIES
from .requests import REQUESTS
from .spec import Table


class Message(NamedTuple):
    """One message: its name and its values by field name.

    A decoded message has every field of its table, with the default where the wire had none; a
    message to encode needs only those that differ from their defaults.
    """

    name: str
    fields: Mapping[str, Any]


class _Direction:
    """The tables of one direction, compiled as they are first used."""

    def __init__(self, tables: tuple[Table, ...]) -> None:
        self._by_name = {table.name: table for table in tables}
        self._by_number = {str(table.number): table for table in tables}
        self._plans: dict[tuple[str, int], Plan] = {}
        self.names = tuple(self._by_name)

    def name(self, payload: bytes) -> str:
        """The name that goes with the payload's number, "" if there is none."""
        number = payload.partition(b"\0")[0].decode("ascii", "replace")
        table = self._by_number.get(number)
        return "" if table is None else table.name

    def decode(self, payload: bytes, version: int) -> Message:
        texts = split_fields(payload)
        table = self._by_number.get(texts[0])
        if table is None:
            raise _unknown(f"#{texts[0][:20]}", version)
        name = table.name
        try:
            values, end = self._plan(table, version).read_message(texts)
        except Fault as fault:
            raise _located(fault, name, version, fault.partial) from fault
        if end < len(texts):
            leftover = Fault(LeftoverFields, f"it has {len(texts)} fields, not {end}", "", end)
            raise _located(leftover, name, version, values)
        return Message(name, values)

    def encode(self, message: Message, version: int) -> bytes:
        name = message.name
        table = self._by_name.get(name)
        if table is None:
            raise _unknown(name, version)
        try:
            return self._plan(table, version).payload(str(table.number), message.fields)
        except Fault as fault:
            raise _located(fault, name, version, message.fields) from fault

    def _plan(self, table: Table, version: int) -> Plan:
        key = table.name, version
        plan = self._plans.get(key)
        if plan is None:
            if not MIN_VERSION <= version <= MAX_VERSION:
                raise _unknown(table.name, version)
            plan = self._plans[key] = compile_table(table, version)
        return plan


def _unknown(name: str, version: int) -> UnknownMessage:
    return UnknownMessage("there is no table for it", message=name, version=version)


def _located(fault: Fault, name: str, version: int, partial: Mapping[str, Any]) -> CodecError:
    return fault.error(
        fault.reason,
        message=name,
        version=version,
        field=fault.field,
        position=fault.position,
        partial=partial,
    )


_REQUESTS = _Direction(REQUESTS)
_REPLIES = _Direction(REPLIES)

#: The names of all messages, in the order of their numbers.
REQUEST_NAMES = _REQUESTS.names
REPLY_NAMES = _REPLIES.names


def decode_request(payload: bytes, version: int) -> Message:
    """What a client sent. Raises `CodecError`, or `MalformedPayload` if it is not fields at all."""
    return _REQUESTS.decode(payload, version)


def encode_request(message: Message, version: int) -> bytes:
    """The payload a client would send. Raises `CodecError`."""
    return _REQUESTS.encode(message, version)


def encode_reply(message: Message, version: int) -> bytes:
    """The payload the server sends. Raises `CodecError`."""
    return _REPLIES.encode(message, version)


def decode_reply(payload: bytes, version: int) -> Message:
    """What a server sent. Raises `CodecError`, or `MalformedPayload` if it is not fields at all."""
    return _REPLIES.decode(payload, version)


def request_name(payload: bytes) -> str:
    """The name of a client's message, without reading the rest; "" if there is no table for it."""
    return _REQUESTS.name(payload)


def reply_name(payload: bytes) -> str:
    """The name of a server's message, without reading the rest; "" if there is no table for it."""
    return _REPLIES.name(payload)
