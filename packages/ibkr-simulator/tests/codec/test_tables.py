"""Every table at every version: whole, with a field too many, and with fields missing."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibkr_simulator.codec import (
    REPLY_NAMES,
    REQUEST_NAMES,
    LeftoverFields,
    Message,
    MissingFields,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from ibkr_simulator.codec import kinds as k
from ibkr_simulator.codec.replies import REPLIES
from ibkr_simulator.codec.requests import REQUESTS
from ibkr_simulator.codec.spec import Field, Items, Listing, Maybe, Repeat, When
from ibkr_simulator.frames import join_fields, split_fields

VERSIONS = (157, 163, 164, 166, 169, 170, 176, 177, 178)
Encode = Callable[[Message, int], bytes]
Decode = Callable[[bytes, int], Message]
EVERY_MESSAGE = [
    *(pytest.param(encode_request, decode_request, name, id=name) for name in REQUEST_NAMES),
    *(pytest.param(encode_reply, decode_reply, name, id=name) for name in REPLY_NAMES),
]
TABLES = {table.name: table.items for table in (*REQUESTS, *REPLIES)}

#: Message ids that ib_async and the product need, from the protocol's description.
REQUEST_IDS = {
    *(71, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15, 16, 17, 18, 19, 20, 25, 49, 50, 51, 58, 59),
    *(61, 62, 63, 64, 74, 75, 76, 77, 78, 80, 81, 82, 83, 85, 87, 90, 91, 92, 93, 94, 95, 96),
    *(97, 98, 99, 104),
}
REPLY_IDS = {
    *(
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        9,
        10,
        11,
        15,
        16,
        17,
        45,
        46,
        49,
        50,
        52,
        53,
        54,
        55,
        57,
        58,
        59,
        61,
    ),
    *(
        62,
        63,
        64,
        71,
        72,
        73,
        74,
        75,
        76,
        78,
        79,
        80,
        81,
        82,
        85,
        88,
        93,
        94,
        95,
        101,
        102,
        103,
        107,
    ),
}


def test_every_needed_message_has_one_table() -> None:
    assert sorted(table.number for table in REQUESTS) == sorted(REQUEST_IDS)
    assert sorted(table.number for table in REPLIES) == sorted(REPLY_IDS)
    assert len(set(REQUEST_NAMES)) == len(REQUESTS)
    assert len(set(REPLY_NAMES)) == len(REPLIES)


@pytest.mark.parametrize(("encode", "decode", "name"), EVERY_MESSAGE)
def test_a_message_of_defaults_comes_back(encode: Encode, decode: Decode, name: str) -> None:
    for version in VERSIONS:
        payload = encode(Message(name, {}), version)
        message = decode(payload, version)
        assert message.name == name
        assert encode(message, version) == payload


@pytest.mark.parametrize(("encode", "decode", "name"), EVERY_MESSAGE)
def test_one_field_too_many_is_refused(encode: Encode, decode: Decode, name: str) -> None:
    for version in VERSIONS:
        payload = encode(Message(name, {}), version)
        with pytest.raises(LeftoverFields) as caught:
            decode(payload + b"extra\0", version)
        assert caught.value.message == name
        assert caught.value.version == version
        assert caught.value.position == len(split_fields(payload))


@pytest.mark.parametrize(("encode", "decode", "name"), EVERY_MESSAGE)
def test_every_missing_tail_is_refused(encode: Encode, decode: Decode, name: str) -> None:
    for version in VERSIONS:
        texts = split_fields(encode(Message(name, {}), version))
        for length in range(1, len(texts)):
            with pytest.raises(MissingFields) as caught:
                decode(join_fields(texts[:length]), version)
            assert caught.value.field
            assert caught.value.position == length


@pytest.mark.parametrize(
    ("name", "fields", "counts"),
    [
        ("openOrder", {}, {157: 120, 176: 128, 177: 127, 178: 127}),
        ("openOrder", {"deltaNeutralOrderType": "None"}, {176: 136}),
        ("execDetails", {}, {157: 31, 177: 31, 178: 32}),
        ("contractDetails", {"secIdList": ({"tag": "ISIN"},)}, {157: 41, 176: 42, 178: 42}),
        ("completedOrder", {"deltaNeutralOrderType": "None"}, {157: 96, 176: 101, 177: 100}),
        ("tickPrice", {}, {157: 7, 178: 7}),
        ("updatePortfolio", {}, {157: 20, 178: 20}),
        ("errMsg", {}, {157: 5, 164: 5, 166: 6}),
    ],
)
def test_a_reply_has_as_many_fields_as_real_clients_expect(
    name: str, fields: Mapping[str, Any], counts: Mapping[int, int]
) -> None:
    found = {
        version: len(split_fields(encode_reply(Message(name, fields), version)))
        for version in counts
    }
    assert found == counts


def test_a_plain_order_has_as_many_fields_as_real_clients_send() -> None:
    order = Message("placeOrder", {"secType": "STK", "orderType": "LMT"})
    found = {v: len(split_fields(encode_request(order, v))) for v in (157, 176, 177, 178)}
    assert found == {157: 110, 176: 115, 177: 114, 178: 114}


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
_NUMBER = st.builds(Decimal, st.integers(-(10**12), 10**12)).map(lambda n: n.scaleb(-5))
_INT32 = st.integers(-(2**31), 2**31 - 2)
_INT64 = st.integers(-(2**63), 2**63 - 2)
_PAIR = st.fixed_dictionaries({"tag": st.text("abc"), "value": st.text("xyz=")})
_VALUES: dict[k.Kind, st.SearchStrategy[Any]] = {
    k.INT: _INT32,
    k.LONG: _INT64,
    k.OPTIONAL_INT: st.none() | _INT32,
    k.OPTIONAL_LONG: st.none() | _INT64,
    k.DECIMAL: _NUMBER,
    k.WHOLE: _NUMBER,
    k.OPTIONAL_DECIMAL: st.none() | _NUMBER,
    k.DECIMAL_OR_ZERO: st.none() | _NUMBER,
    k.DECIMAL_OR_MAX: st.none() | _NUMBER,
    k.LIMITLESS: st.none() | _NUMBER,
    k.BOOL: st.booleans(),
    k.OPTIONAL_BOOL: st.none() | st.booleans(),
    k.TEXT: _TEXT,
    k.ESCAPED_TEXT: _TEXT,
    k.TAG_VALUES: st.lists(_PAIR, max_size=3).map(tuple),
}


def _values(items: Items) -> st.SearchStrategy[dict[str, Any]]:
    given_for: dict[str, st.SearchStrategy[Any]] = {}
    for item in items:
        match item:
            case Field(name, kind):
                given_for[name] = _VALUES.get(kind, st.sampled_from((1, 3, 4, 5, 6, 7)))
            case When(_, inner):
                given_for |= {i.name: _value(i) for i in inner if not isinstance(i, When)}
            case _:
                given_for[item.name] = _value(item)
    return st.fixed_dictionaries({}, optional=given_for)


def _value(item: Field | Repeat | Listing | Maybe) -> st.SearchStrategy[Any]:
    match item:
        case Field(_, kind):
            return _VALUES[kind]
        case Repeat(_, inner):
            return st.lists(_values(inner), max_size=2).map(tuple)
        case Listing(_, kind):
            return st.lists(_VALUES[kind], max_size=3).map(tuple)
        case Maybe(_, inner):
            return st.none() | _values(inner)


@pytest.mark.parametrize(("encode", "decode", "name"), EVERY_MESSAGE)
def test_any_values_are_read_back_as_they_were_written(
    encode: Encode, decode: Decode, name: str
) -> None:
    @settings(deadline=None, max_examples=settings().max_examples // 20)
    @given(values=_values(TABLES[name]), version=st.sampled_from(VERSIONS))
    def check(values: dict[str, Any], version: int) -> None:
        payload = encode(Message(name, values), version)
        message = decode(payload, version)
        assert encode(message, version) == payload

    check()
