from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.wire.framing import (
    EXTENDED_MAX,
    HEADER_SIZE,
    KEEPALIVE,
    MARKER,
    STANDARD_MAX,
    Framer,
    MessageType,
    ProtocolError,
    frame,
)

BODIES = {1: st.binary(min_size=10, max_size=60), 2: st.binary(min_size=4, max_size=300), 3: st.binary(min_size=2)}
MESSAGES = st.one_of(
    *(st.tuples(st.just(type_), body) for type_, body in BODIES.items()),
    st.just((4, b"")),
    st.tuples(st.just(5), st.binary(min_size=4, max_size=4)),
)


def header(length: int, type_: int = 2) -> bytes:
    return MARKER + length.to_bytes(2, "big") + bytes((type_,))


def refusal(data: bytes, max_size: int = STANDARD_MAX) -> ProtocolError:
    framer = Framer()
    framer.max_size = max_size
    framer.feed(data)
    with pytest.raises(ProtocolError) as caught:
        list(framer)
    return caught.value


@settings(deadline=None)
@given(st.lists(MESSAGES, max_size=20), st.lists(st.integers(1, 400), max_size=60))
def test_any_cut_of_the_stream_gives_the_same_messages(messages: list[tuple[int, bytes]], cuts: list[int]) -> None:
    stream = b"".join(frame(type_, body) for type_, body in messages)
    framer = Framer()
    seen: list[tuple[int, bytes]] = []
    for cut in [*cuts, len(stream)]:
        framer.feed(stream[:cut])
        stream = stream[cut:]
        seen.extend(framer)
    framer.feed(stream)
    seen.extend(framer.messages())
    assert seen == messages


def test_one_octet_at_a_time() -> None:
    framer = Framer()
    seen: list[tuple[int, bytes]] = []
    for octet in frame(MessageType.UPDATE, b"abcd") + KEEPALIVE:
        framer.feed(bytes((octet,)))
        seen.extend(framer)
    assert seen == [(2, b"abcd"), (4, b"")]


def test_bulk_feed_of_many_messages() -> None:
    framer = Framer()
    framer.feed(KEEPALIVE * 20_000)
    assert sum(1 for _ in framer) == 20_000


def test_a_reader_may_stop_and_feed_in_between() -> None:
    framer = Framer()
    framer.feed(frame(2, b"1111") + frame(2, b"2222")[:20])
    reader = iter(framer)
    assert next(reader) == (2, b"1111")
    framer.feed(frame(2, b"2222")[20:] + KEEPALIVE)
    assert next(reader) == (2, b"2222")
    assert list(framer) == [(4, b"")]


def test_the_maximum_may_grow_between_two_messages() -> None:
    framer = Framer()
    framer.feed(frame(1, bytes(10)) + frame(2, bytes(5000)))
    seen = []
    for type_, body in framer:
        seen.append((type_, len(body)))
        framer.max_size = EXTENDED_MAX
    assert seen == [(1, 10), (2, 5000)]


@pytest.mark.parametrize("position", range(16))
def test_marker(position: int) -> None:
    bad = bytearray(KEEPALIVE)
    bad[position] = 0xFE
    error = refusal(bytes(bad))
    assert (error.notification.code, error.notification.subcode) == (1, 1)
    assert "marker" in error.reason


@pytest.mark.parametrize(
    ("length", "type_"),
    [
        (0, 2),
        (18, 2),
        (22, 2),
        (STANDARD_MAX + 1, 2),
        (EXTENDED_MAX, 2),
        (28, 1),
        (20, 4),
        (20, 3),
        (18, 5),
        (18, 77),
    ],
)
def test_length(length: int, type_: int) -> None:
    error = refusal(header(length, type_))  # judged from the header alone, without waiting for a body
    assert (error.notification.code, error.notification.subcode) == (1, 2)
    assert error.notification.data == length.to_bytes(2, "big")


@pytest.mark.parametrize(("type_", "refused"), [(1, True), (4, True), (2, False), (3, False), (5, False)])
def test_open_and_keepalive_stay_short_with_extended_messages(type_: int, refused: bool) -> None:
    data = header(STANDARD_MAX + 1, type_)
    if refused:
        assert refusal(data, EXTENDED_MAX).notification.subcode == 2
        return
    framer = Framer()
    framer.max_size = EXTENDED_MAX
    framer.feed(data)
    assert list(framer) == []
    framer.feed(bytes(STANDARD_MAX + 1 - HEADER_SIZE))
    assert [(t, len(body)) for t, body in framer] == [(type_, STANDARD_MAX + 1 - HEADER_SIZE)]


@pytest.mark.parametrize("type_", [0, 6, 255])
def test_type(type_: int) -> None:
    error = refusal(header(19, type_))
    assert (error.notification.code, error.notification.subcode) == (1, 3)
    assert error.notification.data == bytes((type_,))


def test_messages_before_the_bad_one_are_delivered_and_the_error_repeats() -> None:
    framer = Framer()
    framer.feed(KEEPALIVE + header(5))
    seen = []
    for _ in range(2):
        with pytest.raises(ProtocolError):
            for message in framer:
                seen.append(message)
    assert seen == [(4, b"")]


def test_frame_refuses_what_the_length_field_cannot_hold() -> None:
    assert len(frame(2, bytes(EXTENDED_MAX - HEADER_SIZE))) == EXTENDED_MAX
    with pytest.raises(ValueError, match="65536 octets"):
        frame(2, bytes(EXTENDED_MAX - HEADER_SIZE + 1))


@settings(deadline=None)
@given(st.binary(max_size=400), st.sampled_from([STANDARD_MAX, EXTENDED_MAX]), st.booleans())
def test_random_octets_end_in_messages_or_a_header_error(data: bytes, max_size: int, with_marker: bool) -> None:
    framer = Framer()
    framer.max_size = max_size
    framer.feed(MARKER + data if with_marker else data)
    try:
        for type_, body in framer:
            assert type_ in set(MessageType)
            assert len(body) + HEADER_SIZE <= max_size
    except ProtocolError as error:
        assert error.notification.code == 1
