"""Values in their texts: what unset, unlimited, impossible and foreign ones become."""

import doctest
from decimal import Decimal
from typing import Any

import pytest

from ibkr_simulator import codec
from ibkr_simulator.codec import (
    BadValue,
    CodecError,
    Message,
    MissingFields,
    UnknownField,
    UnknownMessage,
    Verbatim,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from ibkr_simulator.frames import MalformedPayload, join_fields, split_fields

#: Where these stand in a placeOrder, the message id being 0.
POSITIONS = {"orderId": 1, "strike": 6, "totalQuantity": 17, "lmtPrice": 19, "tif": 21}
POSITIONS |= {"origin": 25, "transmit": 27, "parentId": 28, "outsideRth": 33}


def order_with(field: str, text: str) -> bytes:
    """A plain order in which one field has this text."""
    plain = Message("placeOrder", {"orderId": 7, "symbol": "AAPL", "secType": "STK"})
    texts = split_fields(encode_request(plain, 178))
    texts[POSITIONS[field]] = text
    return join_fields(texts)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("lmtPrice", "187.35", Decimal("187.35")),
        ("lmtPrice", "1e-05", Decimal("0.00001")),
        ("lmtPrice", "-.5", Decimal("-0.5")),
        ("lmtPrice", "", None),
        ("lmtPrice", "1.7976931348623157E308", None),
        ("lmtPrice", "1.7976931348623157e+308", None),  # how Python prints it
        ("totalQuantity", "", Decimal(0)),
        ("totalQuantity", "2.5", Decimal("2.5")),
        ("origin", "", 0),
        ("parentId", "-12", -12),
        ("outsideRth", "", False),
        ("outsideRth", "1", True),
        ("tif", "GTC", "GTC"),
    ],
)
def test_a_text_is_read_as_the_value_it_means(field: str, text: str, value: Any) -> None:
    read = decode_request(order_with(field, text), 178).fields[field]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *(("lmtPrice", text) for text in ("nan", "NaN", "inf", "Infinite", "-inf", "1,5", " 1")),
        *(("lmtPrice", text) for text in ("1_0", "\u0661", "1e400", "1e9999", "9" * 100, "0x1")),
        ("totalQuantity", "nan"),
        ("strike", "abc"),
        *(("parentId", text) for text in ("5.0", "nan", "2147483648", "1" * 5000, "\u0665")),
        *(("transmit", text) for text in ("2", "True", "yes")),
    ],
)
def test_an_impossible_text_is_refused_with_its_place(field: str, text: str) -> None:
    with pytest.raises(BadValue) as caught:
        decode_request(order_with(field, text), 178)
    error = caught.value
    assert (error.message, error.version, error.field) == ("placeOrder", 178, field)
    assert error.position == POSITIONS[field]
    assert error.partial["orderId"] == 7
    assert len(str(error)) < 200


def test_a_refusal_says_where_and_why() -> None:
    with pytest.raises(BadValue) as caught:
        decode_request(order_with("lmtPrice", "nan"), 178)
    assert str(caught.value) == (
        "placeOrder at version 178, field lmtPrice (position 19): 'nan' is not a number"
    )


def test_an_offset_without_limit_is_read_as_clients_write_it_and_written_as_they_read_it() -> None:
    best = {"orderType": "PEG BEST", "competeAgainstBestOffset": Decimal("Infinity")}
    written = encode_request(Message("placeOrder", best), 178)
    asked = decode_request(written.replace(b"Infinity", b"Infinite"), 178)
    assert asked.fields["competeAgainstBestOffset"] == Decimal("Infinity")
    assert b"\0Infinity\0" in encode_reply(Message("openOrder", best), 178)


def test_the_name_of_a_contract_is_escaped_for_clients_that_unescape_it() -> None:
    name = "CRÉDIT \\ 株 \U0001f600"
    payload = encode_reply(Message("contractDetails", {"longName": name}), 178)
    assert b"\0CR\\u00c9DIT \\\\ \\u682a \\U0001f600\0" in payload
    assert decode_reply(payload, 178).fields["longName"] == name


def test_a_permanent_id_beyond_32_bits_is_kept() -> None:
    payload = encode_reply(Message("orderStatus", {"permId": 2**40}), 178)
    assert decode_reply(payload, 178).fields["permId"] == 2**40


def test_an_unset_parent_is_the_largest_long() -> None:
    payload = encode_reply(Message("completedOrder", {}), 178)
    assert b"\x009223372036854775807\x00" in payload
    assert decode_reply(payload, 178).fields["parentPermId"] is None


@pytest.mark.parametrize("text", ["NaN", "", "1e999"])
def test_a_text_can_be_written_where_a_number_belongs(text: str) -> None:
    tick = {"reqId": 1, "tickType": 1, "size": Decimal(2)}
    payload = encode_reply(Message("tickPrice", {**tick, "price": Verbatim(text)}), 178)
    assert payload == f"1\0006\0001\0001\000{text}\0002\0000\000".encode()
    with pytest.raises(BadValue, match="price"):
        encode_reply(Message("tickPrice", {**tick, "price": "NaN"}), 178)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("filled", 1.5),
        ("filled", "1"),
        ("filled", None),
        ("filled", Decimal("NaN")),
        ("orderId", Decimal(1)),
        ("orderId", True),
        ("status", 3),
    ],
)
def test_a_value_of_the_wrong_type_is_not_written(field: str, value: Any) -> None:
    with pytest.raises(BadValue) as caught:
        encode_reply(Message("orderStatus", {field: value}), 178)
    assert (caught.value.field, caught.value.position) == (field, None)


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("openOrder", {"whatIf": 1}, "whatIf"),
        ("openOrder", {"conditions": ({"type": 1, "price": 1.5},)}, "price"),
        ("secDefOptParams", {"strikes": (1.5,)}, "strikes"),
        ("tickSize", {"size": Decimal("NaN")}, "size"),
    ],
)
def test_a_bad_value_is_named_wherever_it_stands(
    name: str, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadValue) as caught:
        encode_reply(Message(name, values), 157)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("text", "field", "error"),
    [
        ("78|x|", "codes", BadValue),
        ("78|-1|", "codes", BadValue),
        ("78|100001|", "codes", BadValue),
        ("78|1|DU1|", "code", MissingFields),
        ("75|3|CBOE|9|SPX|100|2|20261120|", "expirations", MissingFields),
        ("75|3|CBOE|9|SPX|100|0|1|abc|", "strikes", BadValue),
    ],
)
def test_a_bad_count_or_member_is_refused(text: str, field: str, error: type[CodecError]) -> None:
    with pytest.raises(error) as caught:
        decode_reply(text.replace("|", "\0").encode(), 178)
    assert caught.value.field == field


def test_a_condition_of_an_unknown_type_is_refused() -> None:
    values = {"conditions": ({"type": 3, "time": "x"},)}
    payload = encode_request(Message("placeOrder", values), 178)
    with pytest.raises(BadValue, match="'2' is not one of"):
        decode_request(payload.replace(b"\x003\0a\0", b"\x002\0a\0"), 178)


def test_a_field_that_the_message_does_not_have_is_named() -> None:
    with pytest.raises(UnknownField) as caught:
        encode_reply(Message("orderStatus", {"orderId": 1, "filed": Decimal(1)}), 178)
    assert caught.value.field == "filed"


@pytest.mark.parametrize("payload", [b"21\x001\0", b"x\0", b"\0"])
def test_an_unknown_message_is_named_by_its_number(payload: bytes) -> None:
    with pytest.raises(UnknownMessage, match="#"):
        decode_request(payload, 178)


@pytest.mark.parametrize(("name", "version"), [("hello", 178), ("reqIds", 156), ("reqIds", 179)])
def test_a_message_without_a_table_is_not_written(name: str, version: int) -> None:
    with pytest.raises(UnknownMessage):
        encode_request(Message(name, {}), version)


def test_a_nul_in_a_text_is_not_written() -> None:
    with pytest.raises(MalformedPayload):
        encode_reply(Message("errMsg", {"advancedOrderRejectJson": "a\0b"}), 178)


def test_a_decoded_message_has_every_field_of_its_table() -> None:
    message = decode_request(encode_request(Message("placeOrder", {}), 157), 157)
    absent = {"duration", "manualOrderTime", "minTradeQty", "comboLegs", "dnConId", "hedgeParam"}
    assert absent <= message.fields.keys()


def test_the_public_names_are_these() -> None:
    assert sorted(codec.__all__) == sorted(
        [
            *("BadValue", "CodecError", "LeftoverFields", "Message", "MissingFields"),
            *("REPLY_NAMES", "REQUEST_NAMES", "UnknownField", "UnknownMessage", "Verbatim"),
            *("decode_reply", "decode_request", "encode_reply", "encode_request"),
            *("reply_name", "request_name"),
        ]
    )
    assert all(hasattr(codec, name) for name in codec.__all__)


def test_the_example_in_the_documentation_works() -> None:
    outcome = doctest.testmod(codec)
    assert (outcome.attempted, outcome.failed) == (3, 0)
