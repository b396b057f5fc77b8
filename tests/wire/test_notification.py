from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.session.messages import Notification
from simulator.wire.framing import STANDARD_MAX, Framer, ProtocolError
from simulator.wire.notification import decode_notification, encode_notification

PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=300)
OCTET = st.integers(0, 255)


def body_of(n: Notification) -> bytes:
    framer = Framer()
    framer.feed(encode_notification(n))
    [(type_, body)] = framer
    assert type_ == 3
    return body


@given(OCTET, OCTET, st.binary(max_size=300))
def test_data_round_trip(code: int, subcode: int, data: bytes) -> None:
    decoded = decode_notification(body_of(Notification(code, subcode, data)))
    assert (decoded.code, decoded.subcode, decoded.data) == (code, subcode, data)


@given(st.sampled_from([2, 4]), PRINTABLE)
def test_communication_round_trip_up_to_255_octets(subcode: int, text: str) -> None:
    decoded = decode_notification(body_of(Notification(6, subcode, communication=text)))
    kept = decoded.communication
    assert text.startswith(kept)
    raw = kept.encode()
    assert decoded.data == bytes((len(raw),)) + raw
    if kept != text:
        assert len(raw) + len(text[len(kept)].encode()) > 255
    assert body_of(decoded) == body_of(Notification(6, subcode, communication=text))


def test_truncation_stops_at_a_character() -> None:
    text = "a" + "☕" * 100  # 1 + 3 * 84 = 253 octets fit, a 254th and 255th would split a character
    body = body_of(Notification(6, 2, communication=text))
    assert body[2] == 253
    assert decode_notification(body).communication == "a" + "☕" * 84


def test_all_255_octets_are_used() -> None:
    assert decode_notification(body_of(Notification(6, 4, communication="x" * 256))).communication == "x" * 255


@pytest.mark.parametrize(("code", "subcode"), [(6, 3), (6, 9), (4, 0), (2, 2)])
def test_other_codes_carry_no_text(code: int, subcode: int) -> None:
    assert body_of(Notification(code, subcode, communication="no")) == bytes((code, subcode))
    assert decode_notification(bytes((code, subcode, 2)) + b"no").communication == ""


def test_data_longer_than_a_message_is_cut() -> None:
    assert len(encode_notification(Notification(7, 1, bytes(STANDARD_MAX)))) == STANDARD_MAX


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"\x00", ""),
        (b"\x03bye", "bye"),
        (b"\xc8bye", "bye"),
        (b"\x02bye", "by"),
        (b"\x03b\xffe", "b\N{REPLACEMENT CHARACTER}e"),
        (b"\x05a\r\n\x1bb", "a   b"),
        ("\x06a\N{RIGHT-TO-LEFT OVERRIDE}bc".encode(), "a bc"),
    ],
)
def test_a_peers_text_is_read_as_far_as_it_goes(data: bytes, text: str) -> None:
    decoded = decode_notification(b"\x06\x02" + data)
    assert decoded.communication == text
    assert decoded.data == data


@given(st.binary(max_size=600))
def test_two_octets_or_more_always_decode(body: bytes) -> None:
    if len(body) >= 2:
        decoded = decode_notification(body)
        assert (decoded.code, decoded.subcode, decoded.data) == (body[0], body[1], body[2:])
        assert not any(c in decoded.communication for c in "\r\n\x1b")
    else:
        with pytest.raises(ProtocolError) as caught:
            decode_notification(body)
        n = caught.value.notification
        assert (n.code, n.subcode, n.data) == (1, 2, (19 + len(body)).to_bytes(2, "big"))


@given(st.binary(max_size=300))
def test_shutdown_bodies_always_decode(data: bytes) -> None:
    assert len(decode_notification(b"\x06\x02" + data).communication) <= 255
