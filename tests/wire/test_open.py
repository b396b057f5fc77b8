from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.session.messages import AS_TRANS, Capabilities, Family, Open, Role
from simulator.wire.framing import Framer, ProtocolError
from simulator.wire.open import decode_open, encode_open
from tests.examples import examples

FIXED = bytes.fromhex("04fc00005ac0000201")
"""Version 4, AS64512, hold time 90, 192.0.2.1."""
ASN4 = bytes.fromhex("410400061a80")
MP_IPV4 = bytes.fromhex("010400010001")
MP_IPV6 = bytes.fromhex("010400020001")


def with_parameters(*parameters: bytes) -> bytes:
    block = b"".join(b"\x02" + bytes((len(p),)) + p for p in parameters)
    return FIXED + bytes((len(block),)) + block


def extended(*parameters: bytes, old_length: int = 255) -> bytes:
    block = b"".join(b"\x02" + len(p).to_bytes(2, "big") + p for p in parameters)
    return FIXED + bytes((old_length, 255)) + len(block).to_bytes(2, "big") + block


def body_of(open: Open) -> bytes:
    framer = Framer()
    framer.feed(encode_open(open))
    [(type_, body)] = framer
    assert type_ == 1
    return body


@st.composite
def opens(draw: st.DrawFn) -> Open:
    asn4 = draw(st.booleans())
    capabilities = Capabilities(
        families=frozenset(draw(st.sets(st.sampled_from(list(Family)), min_size=1))),
        asn4=asn4,
        route_refresh=draw(st.booleans()),
        enhanced_route_refresh=draw(st.booleans()),
        extended_message=draw(st.booleans()),
        role=draw(st.none() | st.sampled_from(list(Role))),
    )
    return Open(
        asn=draw(st.integers(0, 2**32 - 1 if asn4 else 2**16 - 1)),
        hold_time=draw(st.integers(0, 65535)),
        bgp_identifier=IPv4Address(draw(st.integers(0, 2**32 - 1))),
        capabilities=capabilities,
    )


@settings(deadline=None)
@given(opens())
def test_round_trip(open: Open) -> None:
    body = body_of(open)
    assert decode_open(body) == open
    assert int.from_bytes(body[1:3], "big") == (open.asn if open.asn < 65536 else AS_TRANS)


def test_what_is_never_sent() -> None:
    claims = Capabilities(families=frozenset(Family), graceful_restart=True, other=(5, 69, 73))
    decoded = decode_open(body_of(Open(64512, 90, IPv4Address("192.0.2.1"), claims)))
    assert not decoded.capabilities.graceful_restart
    assert decoded.capabilities.other == ()


def test_no_multiprotocol_capability_means_ipv4() -> None:
    bare = Capabilities(families=frozenset(), asn4=False, route_refresh=False)
    decoded = decode_open(body_of(Open(64512, 90, IPv4Address("192.0.2.1"), bare)))
    assert decoded.capabilities.families == {Family.IPV4}
    assert decode_open(with_parameters()).capabilities.families == {Family.IPV4}


def test_only_foreign_families_mean_none_of_ours() -> None:
    vpnv4 = bytes.fromhex("010400010080")
    assert decode_open(with_parameters(vpnv4)).capabilities.families == frozenset()


def test_four_octet_asn_needs_its_capability() -> None:
    with pytest.raises(ValueError, match="AS400000 cannot"):
        encode_open(Open(400000, 90, IPv4Address("192.0.2.1"), Capabilities(asn4=False)))


EVERYTHING = (
    MP_IPV4,
    MP_IPV6,
    bytes.fromhex("0200"),
    bytes.fromhex("0600"),
    bytes.fromhex("090104"),
    bytes.fromhex("4006007800010180"),
    ASN4,
    bytes.fromhex("4600"),
    bytes.fromhex("4700"),
    bytes.fromhex("490203ff"),  # a host name that claims more octets than there are
    bytes.fromhex("4501ff"),  # ADD-PATH with half an entry
)


@pytest.mark.parametrize(
    "body",
    [
        with_parameters(b"".join(EVERYTHING)),
        with_parameters(*EVERYTHING),
        with_parameters(*EVERYTHING, *EVERYTHING),
        extended(b"".join(EVERYTHING)),
        extended(*EVERYTHING),
        extended(*EVERYTHING, old_length=4),
        extended(*EVERYTHING, *[bytes.fromhex("80fe") + bytes(254)] * 3),
    ],
    ids=["one parameter", "many", "repeated", "RFC 9072", "RFC 9072 many", "RFC 9072 length ignored", "beyond 255"],
)
def test_every_layout_decodes(body: bytes) -> None:
    decoded = decode_open(body)
    assert (decoded.asn, decoded.hold_time, decoded.bgp_identifier) == (400000, 90, IPv4Address("192.0.2.1"))
    capabilities = decoded.capabilities
    assert capabilities.families == frozenset(Family)
    assert capabilities.asn4 and capabilities.route_refresh and capabilities.enhanced_route_refresh
    assert capabilities.extended_message and capabilities.graceful_restart
    assert capabilities.role is Role.PEER
    assert set(capabilities.other) == {69, 71, 73} | ({128} if len(body) > 500 else set())


def test_empty_capabilities_parameter() -> None:
    assert decode_open(with_parameters(b"", ASN4)).asn == 400000


def test_a_role_without_a_name_is_reported_as_unknown() -> None:
    capabilities = decode_open(with_parameters(bytes.fromhex("09010a"))).capabilities
    assert capabilities.role is None
    assert capabilities.other == (9,)


def test_asn_hold_time_and_identifier_are_not_judged() -> None:
    decoded = decode_open(bytes.fromhex("04000000010000000000"))
    assert (decoded.asn, decoded.hold_time, int(decoded.bgp_identifier)) == (0, 1, 0)


@pytest.mark.parametrize(
    ("body", "subcode", "data"),
    [
        (b"\x03" + FIXED[1:] + b"\x00", 1, b"\x00\x04"),
        (b"\x05" + FIXED[1:] + b"\x00", 1, b"\x00\x04"),
        (FIXED + bytes.fromhex("0401020000"), 4, b""),
        (FIXED + bytes.fromhex("020300"), 4, b""),
        (FIXED + bytes.fromhex("00") + MP_IPV4, 0, b""),
        (FIXED + bytes.fromhex("08") + b"\x02\x06" + MP_IPV4[:4], 0, b""),
        (FIXED + bytes.fromhex("0402060104"), 0, b""),
        (FIXED + bytes.fromhex("0102"), 0, b""),
        (with_parameters(b"\x41\x04\x00\x06"), 0, b""),
        (with_parameters(b"\x41\x02\xfc\x00"), 0, b""),
        (with_parameters(b"\x01\x03\x00\x01\x00"), 0, b""),
        (with_parameters(b"\x01\x05\x00\x01\x00\x01\x00"), 0, b""),
        (with_parameters(b"\x02"), 0, b""),
        (with_parameters(b"\x09\x00"), 0, b""),
        (with_parameters(b"\x09\x01\x04\x09\x01\x03"), 11, b""),
        (FIXED + b"\xff\xff\x00", 0, b""),
        (FIXED + b"\xff\xff\x00\x04\x02\x00\x02\x02", 0, b""),
        (FIXED + b"\xff\xff\x00\x02\x02\x00", 0, b""),
    ],
)
def test_malformed(body: bytes, subcode: int, data: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_open(body)
    n = caught.value.notification
    assert (n.code, n.subcode, n.data) == (2, subcode, data)
    assert caught.value.reason


@pytest.mark.parametrize("size", [0, 1, 9])
def test_too_short(size: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_open((FIXED + b"\x00")[:size])
    n = caught.value.notification
    assert (n.code, n.subcode, n.data) == (1, 2, (19 + size).to_bytes(2, "big"))


@settings(deadline=None)
@given(st.binary(max_size=120), st.sampled_from([b"", FIXED]))
def test_random_octets(data: bytes, start: bytes) -> None:
    try:
        decode_open(start + data)
    except ProtocolError as error:
        assert error.notification.code in (1, 2)


@settings(deadline=None, max_examples=examples(300))
@given(opens(), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=4))
def test_mutated_messages(open: Open, changes: list[tuple[int, int]]) -> None:
    body = bytearray(body_of(open))
    for position, octet in changes:
        body[position % len(body)] = octet
    try:
        decode_open(bytes(body))
    except ProtocolError as error:
        assert error.notification.code == 2
