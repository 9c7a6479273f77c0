"""Framing: bytes to payloads wherever the stream is cut, and the opening handshake."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibkr_simulator.frames import (
    CLIENT_PREFIX,
    BadPrefix,
    ClientHello,
    FrameDecoder,
    FrameTooLong,
    MalformedHello,
    MalformedPayload,
    encode_frame,
    join_fields,
    negotiate,
    parse_client_hello,
    split_fields,
)

#: What ib_async 2.1.0 writes first, and then for startApi with client id 7.
OPENING = b"API\0\x00\x00\x00\x09v157..178\x00\x00\x00\x0871\x002\x007\x00\x00"
OPENING_PAYLOADS = [b"v157..178", b"71\x002\x007\x00\x00"]


def test_an_opening_is_read_when_it_arrives_at_once() -> None:
    assert list(FrameDecoder(prefix=CLIENT_PREFIX).feed(OPENING)) == OPENING_PAYLOADS


def test_an_opening_is_read_when_it_arrives_byte_by_byte() -> None:
    decoder = FrameDecoder(prefix=CLIENT_PREFIX)
    pieces = (OPENING[i : i + 1] for i in range(len(OPENING)))
    assert [payload for piece in pieces for payload in decoder.feed(piece)] == OPENING_PAYLOADS


@pytest.mark.parametrize("cut", range(len(OPENING) + 1))
def test_an_opening_is_read_when_it_is_cut_anywhere(cut: int) -> None:
    decoder = FrameDecoder(prefix=CLIENT_PREFIX)
    first, second = decoder.feed(OPENING[:cut]), decoder.feed(OPENING[cut:])
    assert [*first, *second] == OPENING_PAYLOADS


@settings(deadline=None)
@given(payloads=st.lists(st.binary(max_size=40)), data=st.data())
def test_any_payloads_survive_any_split(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(encode_frame(payload) for payload in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    decoder = FrameDecoder()
    found: list[bytes] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += decoder.feed(stream[start:end])
    assert found == payloads


def test_a_payload_not_taken_from_the_iterator_is_kept() -> None:
    decoder = FrameDecoder()
    taken = next(decoder.feed(encode_frame(b"one") + encode_frame(b"two")))
    assert [taken, *decoder.feed(b"")] == [b"one", b"two"]


def test_the_length_of_a_frame_is_four_bytes_big_endian() -> None:
    assert encode_frame(b"x" * 258)[:4] == b"\x00\x00\x01\x02"


def test_a_frame_that_announces_too_much_is_refused_after_those_before_it() -> None:
    payloads = FrameDecoder(max_payload=5).feed(b"\0\0\0\x02ok" + b"\0\0\0\x06")
    assert next(payloads) == b"ok"
    with pytest.raises(FrameTooLong, match="announces 6 bytes; at most 5") as caught:
        next(payloads)
    assert (caught.value.length, caught.value.limit) == (6, 5)


def test_a_browser_is_refused_at_its_first_byte() -> None:
    with pytest.raises(BadPrefix, match="opens with b'G'"):
        list(FrameDecoder(prefix=CLIENT_PREFIX).feed(b"G"))


def test_fields_are_texts_each_ended_by_nul() -> None:
    assert split_fields(b"4\x002\x00-1\x00\x00") == ["4", "2", "-1", ""]
    assert join_fields(["4", "2", "-1", ""]) == b"4\x002\x00-1\x00\x00"


def test_fields_are_utf_8() -> None:
    assert split_fields("Zürich\0".encode()) == ["Zürich"]
    assert join_fields(["Zürich"]) == "Zürich\0".encode()


@pytest.mark.parametrize("payload", [b"", b"71\x002", b"\xff\xfe\0"])
def test_a_payload_that_is_not_fields_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedPayload):
        split_fields(payload)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_a_text_that_no_field_can_hold_is_refused(text: str) -> None:
    with pytest.raises(MalformedPayload):
        join_fields(["1", text])


@pytest.mark.parametrize(
    ("payload", "hello"),
    [
        (b"v157..178", ClientHello(157, 178, "")),
        (b"v178", ClientHello(178, 178, "")),
        (b"v100..187 +PACEAPI", ClientHello(100, 187, "+PACEAPI")),
        (b"v176 +PACEAPI more", ClientHello(176, 176, "+PACEAPI more")),
    ],
)
def test_a_client_names_the_versions_it_speaks(payload: bytes, hello: ClientHello) -> None:
    assert parse_client_hello(payload) == hello


@pytest.mark.parametrize("payload", [b"", b"v", b"157..178", b"v157..", b"v157-178", b"v\xff"])
def test_an_opening_without_versions_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedHello, match="not with v<min>"):
        parse_client_hello(payload)


@pytest.mark.parametrize(
    ("client", "server_max", "version"),
    [
        ((157, 178), 178, 178),  # ib_async 2.1.0
        ((100, 157), 178, 157),  # the official client 9.81
        ((100, 187), 178, 178),  # the official client 10.30
        ((157, 176), 178, 176),  # ib_insync 0.9.86
        ((157, 178), 163, 163),
        ((157, 178), 158, 157),  # 158 is never answered
        ((158, 158), 178, None),
        ((100, 156), 178, None),
        ((179, 200), 178, None),
        ((178, 157), 178, None),
    ],
)
def test_the_highest_version_that_both_speak_is_negotiated(
    client: tuple[int, int], server_max: int, version: int | None
) -> None:
    assert negotiate(*client, server_max=server_max) == version
