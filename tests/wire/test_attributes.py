from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.session.messages import AS_TRANS
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, decode, encode
from simulator.wire.checked_attributes import check_attributes
from simulator.wire.update_faults import AttributeFault, ErrorHandling
from tests.examples import examples

SET, SEQUENCE = SegmentKind.SET, SegmentKind.SEQUENCE
U32 = st.integers(0, 2**32 - 1)
ASN = st.integers(1, 2**32 - 1)
ADDRESS = st.builds(IPv4Address, U32)
SEGMENT = st.builds(AsSegment, st.sampled_from([SET, SEQUENCE]), st.lists(ASN, min_size=1, max_size=8).map(tuple))
UNKNOWN = st.dictionaries(
    st.integers(41, 255).filter(lambda code: code != 128),
    st.tuples(st.sampled_from([0xC0, 0xE0]), st.binary(min_size=1, max_size=300)),
    max_size=3,
).map(lambda found: tuple((flags, code, value) for code, (flags, value) in sorted(found.items())))
ATTRIBUTES = st.builds(
    PathAttributes,
    origin=st.integers(0, 2),
    as_path=st.lists(SEGMENT, max_size=4).map(tuple),
    next_hop=st.none() | ADDRESS,
    med=st.none() | U32,
    local_pref=st.none() | U32,
    atomic_aggregate=st.booleans(),
    aggregator=st.none() | st.tuples(ASN, ADDRESS),
    communities=st.lists(U32, max_size=80).map(tuple),
    extended_communities=st.lists(st.binary(min_size=8, max_size=8), max_size=40).map(tuple),
    large_communities=st.lists(st.tuples(U32, U32, U32), max_size=30, unique=True).map(tuple),
    otc=st.none() | U32,
    unknown=UNKNOWN,
)

ORIGIN = "40010100"
AS_PATH = "40020602010000fc00"
MANDATORY = bytes.fromhex(ORIGIN + AS_PATH)


def path(*asns: int) -> tuple[AsSegment, ...]:
    return (AsSegment(SEQUENCE, asns),)


@settings(deadline=None)
@given(ATTRIBUTES)
def test_round_trip_with_four_octet_asns(attributes: PathAttributes) -> None:
    raw = encode(attributes, asn4=True)
    assert decode(raw, asn4=True, external=False) == attributes
    assert encode(decode(raw, asn4=True, external=False), asn4=True) == raw


@settings(deadline=None)
@given(ATTRIBUTES)
def test_round_trip_with_two_octet_asns(attributes: PathAttributes) -> None:
    if attributes.aggregator and attributes.aggregator[0] == AS_TRANS:
        attributes = replace(attributes, aggregator=None)
    decoded = decode(encode(attributes, asn4=False), asn4=False, external=False)
    # A real AGGREGATOR beside an AS4_PATH says nothing about the path; the AS4 attributes are kept (RFC 6793 §4.2.3).
    assert decoded.asns == attributes.asns
    assert decoded.path_length == attributes.path_length
    assert replace(decoded, as_path=()) == replace(attributes, as_path=())


@given(ATTRIBUTES, st.booleans())
@settings(deadline=None)
def test_codes_are_in_order(attributes: PathAttributes, asn4: bool) -> None:
    codes = [code for _, code, _ in tlvs(encode(attributes, asn4=asn4))]
    assert codes == sorted(codes)
    assert len(set(codes)) == len(codes)


def tlvs(raw: bytes) -> list[tuple[int, int, bytes]]:
    found = []
    while raw:
        size, start = (int.from_bytes(raw[2:4], "big"), 4) if raw[0] & 0x10 else (raw[2], 3)
        found.append((raw[0], raw[1], raw[start : start + size]))
        raw = raw[start + size :]
    return found


def test_ipv6_next_hop_is_not_in_the_block() -> None:
    attributes = PathAttributes(as_path=path(64512), next_hop=IPv6Address("2001:db8::1"))
    assert encode(attributes, asn4=True) == MANDATORY


def test_known_bytes() -> None:
    attributes = PathAttributes(
        origin=2,
        as_path=(AsSegment(SEQUENCE, (64512, 400000)), AsSegment(SET, (1, 2))),
        next_hop=IPv4Address("192.0.2.1"),
        med=10,
        communities=(8075 << 16 | 8007,),
        large_communities=((64496, 1, 2),),
        otc=64512,
        unknown=((0xE0, 99, b"x"),),
    )
    assert encode(attributes, asn4=True).hex() == (
        "40010102" + "400214" + "02020000fc0000061a80" + "01020000000100000002" + "400304c0000201" + "8004040000000a"
        "c008041f8b1f47" + "c0200c0000fbf00000000100000002" + "c023040000fc00" + "e0630178"
    )
    assert encode(attributes, asn4=False).hex() == (
        "40010102" + "40020c" + "0202fc005ba0" + "010200010002" + "400304c0000201" + "8004040000000a"
        "c008041f8b1f47" + "c01114" + "02020000fc0000061a80" + "01020000000100000002"
        "c0200c0000fbf00000000100000002" + "c023040000fc00" + "e0630178"
    )


def test_long_paths_are_cut_into_segments_of_255() -> None:
    attributes = PathAttributes(as_path=path(*range(1, 601)))
    decoded = decode(encode(attributes, asn4=True), asn4=True)
    assert [len(segment.asns) for segment in decoded.as_path] == [255, 255, 90]
    assert decoded.asns == attributes.asns
    assert decoded.path_length == 600


def test_extended_length_only_where_needed() -> None:
    short = encode(PathAttributes(communities=tuple(range(63))), asn4=True)
    long = encode(PathAttributes(communities=tuple(range(64))), asn4=True)
    assert [flags for flags, code, _ in tlvs(short) if code == 8] == [0xC0]
    assert [flags for flags, code, _ in tlvs(long) if code == 8] == [0xD0]


def test_the_order_and_repetition_of_communities_survive() -> None:
    attributes = PathAttributes(communities=(3, 1, 2, 1), large_communities=((2, 0, 0), (1, 0, 0)))
    assert decode(encode(attributes, asn4=True), asn4=True) == attributes


@pytest.mark.parametrize("code", [7, 8, 16, 32, 35])
@pytest.mark.parametrize("asn4", [True, False])
def test_the_partial_bit_stays(code: int, asn4: bool) -> None:
    """RFC 4271 §5: once set, nobody may take it away."""
    attributes = PathAttributes(
        aggregator=(70000, IPv4Address("192.0.2.1")),
        communities=(1,),
        extended_communities=(bytes(8),),
        large_communities=((1, 2, 3),),
        otc=64500,
        partial=(code,),
    )
    raw = encode(attributes, asn4=asn4)
    assert {found for flags, found, _ in tlvs(raw) if flags & 0x20} == ({7, 18} if code == 7 and not asn4 else {code})
    assert decode(raw, asn4=asn4) == attributes


def test_large_communities_are_read_and_written_once() -> None:
    """RFC 8092 §3: what is repeated is removed on receipt, and never transmitted."""
    values = ((2, 0, 0), (1, 0, 0))
    octets = b"".join(number.to_bytes(4, "big") for value in (*values, *values[::-1], values[0]) for number in value)
    raw = MANDATORY + bytes((0xC0, 32, len(octets))) + octets
    found = decode(raw, asn4=True)
    assert found.large_communities == values and not found.discarded
    written = encode(replace(found, large_communities=(*values, *values)), asn4=True)
    assert written == encode(replace(found, large_communities=values), asn4=True)


def test_views_of_the_path() -> None:
    attributes = PathAttributes(
        as_path=(AsSegment(SEQUENCE, (64496, 64500)), AsSegment(SET, (64501, 64502))), communities=(529211207,)
    )
    assert attributes.as_path_text == "64496 64500 {64501 64502}"
    assert attributes.asns == (64496, 64500, 64501, 64502)
    assert attributes.path_length == 3
    assert (attributes.first_as, attributes.origin_as) == (64496, None)
    assert attributes.communities_text == ("8075:8007",)
    assert PathAttributes().as_path_text == ""
    assert (PathAttributes().first_as, PathAttributes().origin_as, PathAttributes().path_length) == (None, None, 0)
    behind_set = PathAttributes(as_path=(AsSegment(SET, (1, 2)), AsSegment(SEQUENCE, (3, 4))))
    assert (behind_set.first_as, behind_set.origin_as) == (None, 4)
    confederation = PathAttributes(
        as_path=(AsSegment(SegmentKind.CONFED_SEQUENCE, (1, 2)), AsSegment(SegmentKind.CONFED_SET, (3,)))
    )
    assert confederation.as_path_text == "(1 2) [3]"
    assert confederation.path_length == 0


def test_plain_integers_leave_the_package() -> None:
    decoded = decode(encode(PathAttributes(as_path=path(64512), aggregator=(5, IPv4Address(1))), asn4=True), asn4=True)
    assert decoded.aggregator is not None
    assert {type(decoded.asns[0]), type(decoded.aggregator[0]), type(decoded.origin)} == {int}


@pytest.mark.parametrize(
    ("as_path", "as4_path", "expected"),
    [
        # RFC 6793 §4.2.3: the leading ASNs of the shorter history are kept.
        ("0203fc005ba00007", "020200061a8000000007", (64512, 400000, 7)),
        ("02025ba00007", "020200061a8000000007", (400000, 7)),
        # More ASNs than in AS_PATH: AS4_PATH is ignored.
        ("0201fc00", "020200061a8000000007", (64512,)),
        # Confederation segments in it are dropped, the rest is used (RFC 6793 §6).
        ("0201 5ba0", "03010000fde8 020100061a80", (400000,)),
        # Malformed: ignored, not a fault (RFC 6793 §6).
        ("02025ba00007", "0202 00061a80", (AS_TRANS, 7)),
        ("02025ba00007", "0200", (AS_TRANS, 7)),
        ("02025ba00007", "", (AS_TRANS, 7)),
    ],
)
def test_as4_path(as_path: str, as4_path: str, expected: tuple[int, ...]) -> None:
    two, four = bytes.fromhex(as_path), bytes.fromhex(as4_path)
    raw = bytes.fromhex(ORIGIN) + b"\x40\x02" + bytes((len(two),)) + two + b"\xc0\x11" + bytes((len(four),)) + four
    decoded = decode(raw, asn4=False)
    assert decoded.asns == expected
    malformed = expected[0] == AS_TRANS or as4_path.startswith("03")
    assert bool(decoded.discarded) is malformed


TWO_OCTET = ORIGIN + "40020402015ba0"


@pytest.mark.parametrize(
    ("aggregator", "as4_aggregator", "expected", "asns"),
    [
        ("5ba0c0000201", "00061a80c0000201", (400000, "192.0.2.1"), (400000,)),
        ("fc00c0000202", "00061a80c0000201", (64512, "192.0.2.2"), (AS_TRANS,)),
        ("fc00c0000202", None, (64512, "192.0.2.2"), (400000,)),
        ("5ba0c0000201", "061a80c0000201", (AS_TRANS, "192.0.2.1"), (400000,)),
        (None, "00061a80c0000201", None, (400000,)),
    ],
)
def test_as4_aggregator(
    aggregator: str | None, as4_aggregator: str | None, expected: tuple[int, str] | None, asns: tuple[int, ...]
) -> None:
    raw = bytes.fromhex(TWO_OCTET + "c01106020100061a80")
    for code, value in ((7, aggregator), (18, as4_aggregator)):
        if value is not None:
            raw += bytes((0xC0, code, len(value) // 2)) + bytes.fromhex(value)
    decoded = decode(raw, asn4=False)
    assert decoded.aggregator == (expected and (expected[0], IPv4Address(expected[1])))
    assert decoded.asns == asns


def test_as4_attributes_from_a_four_octet_speaker_are_discarded() -> None:
    decoded = decode(MANDATORY + bytes.fromhex("c01106020100061a80" + "c0120800061a80c0000201"), asn4=True)
    assert (decoded.asns, decoded.aggregator) == ((64512,), None)
    assert [(fault.code, fault.clause) for fault in decoded.discarded] == [(17, "RFC 6793 §4.1"), (18, "RFC 6793 §4.1")]


def test_the_same_bytes_mean_different_things_to_different_sessions() -> None:
    raw = bytes.fromhex(ORIGIN + "40020a" + "0202" + "00010002" + "0201" + "0003")
    for _ in range(2):
        assert decode(raw, asn4=False).asns == (1, 2, 3)
        assert decode(raw, asn4=True).asns == (65538, 33619971)


FAULTS = {
    "header cut short": ("40", None, "cut short"),
    "no length": (ORIGIN + "4002", 2, "cut short"),
    "no second length octet": (ORIGIN + "500200", 2, "cut short"),
    "overrun": (ORIGIN + "4002060201", 2, "runs past"),
    "extended overrun": (ORIGIN + "5002000702010000fc00", 2, "runs past"),
    "ORIGIN length": ("4001020000" + AS_PATH, 1, "ORIGIN: 2 octets"),
    "ORIGIN empty": ("400100" + AS_PATH, 1, "ORIGIN: it is empty"),
    "ORIGIN value": ("40010103" + AS_PATH, 1, "ORIGIN: undefined value 3"),
    "ORIGIN flags": ("c0010100" + AS_PATH, 1, "flags 0xc0"),
    "ORIGIN not transitive": ("00010100" + AS_PATH, 1, "flags 0x00"),
    "AS_PATH flags": (ORIGIN + "80020602010000fc00", 2, "flags 0x80"),
    "AS_PATH type 0": (ORIGIN + "40020600010000fc00", 2, "segment type 0"),
    "AS_PATH type 5": (ORIGIN + "40020605010000fc00", 2, "segment type 5"),
    "AS_PATH empty segment": (ORIGIN + "4002080200" + "02010000fc00", 2, "empty segment"),
    "AS_PATH overrun": (ORIGIN + "40020602020000fc00", 2, "runs past"),
    "AS_PATH underrun": (ORIGIN + "40020702010000fc0002", 2, "without a length"),
    "AS_PATH two-octet ASNs": (ORIGIN + "4002040201fc00", 2, "runs past"),
    "NEXT_HOP length": (ORIGIN + AS_PATH + "400303c00002", 3, "3 octets instead of 4"),
    "NEXT_HOP flags": (ORIGIN + AS_PATH + "c00304c0000201", 3, "flags"),
    "MED length": (ORIGIN + AS_PATH + "80040500000000" + "0a", 4, "5 octets"),
    "MED flags": (ORIGIN + AS_PATH + "c0040400000001", 4, "flags"),
    "COMMUNITIES length": (ORIGIN + AS_PATH + "c008051f8b1f4700", 8, "multiple of 4"),
    "COMMUNITIES empty": (ORIGIN + AS_PATH + "c00800", 8, "it is empty"),
    "COMMUNITIES flags": (ORIGIN + AS_PATH + "8008041f8b1f47", 8, "flags"),
    "EXTENDED length": (ORIGIN + AS_PATH + "c0100700020000000000", 16, "multiple of 8"),
    "LARGE length": (ORIGIN + AS_PATH + "c0200b" + "00" * 11, 32, "multiple of 12"),
    "LARGE empty": (ORIGIN + AS_PATH + "c02000", 32, "it is empty"),
    "OTC length": (ORIGIN + AS_PATH + "c02305" + "00" * 5, 35, "5 octets"),
    "AGGREGATOR flags": (ORIGIN + AS_PATH + "400708" + "00" * 8, 7, "flags"),
    "AS_PATH with AS 0": (ORIGIN + "40020a0202" + "0000fc0000000000", 2, "AS 0"),
    "AS_PATH with a confederation": (ORIGIN + "40020603010000fc00", 2, "confederation"),
    "no ORIGIN": (AS_PATH, 1, "ORIGIN is missing"),
    "no AS_PATH": (ORIGIN, 2, "AS_PATH is missing"),
    "nothing": ("", 1, "ORIGIN is missing"),
}


@pytest.mark.parametrize(("raw", "code", "reason"), FAULTS.values(), ids=FAULTS.keys())
def test_treat_as_withdraw(raw: str, code: int | None, reason: str) -> None:
    with pytest.raises(AttributeFault, match=reason) as caught:
        decode(bytes.fromhex(raw), asn4=True)
    assert (caught.value.fault.code, caught.value.outcome) == (code, ErrorHandling.TREAT_AS_WITHDRAW)
    assert caught.value.reason == str(caught.value) == caught.value.fault.reason


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        ("40060100", "ATOMIC_AGGREGATE"),
        ("c00706fc00c0000201", "AGGREGATOR"),
        ("c00700", "AGGREGATOR"),
        ("400504000000c8", "LOCAL_PREF"),
        ("400503000000", "LOCAL_PREF"),
    ],
)
def test_attribute_discard(extra: str, name: str) -> None:
    decoded = decode(MANDATORY + bytes.fromhex(extra), asn4=True)
    assert replace(decoded, discarded=()) == PathAttributes(as_path=path(64512))
    assert [fault.reason.split(":")[0] for fault in decoded.discarded] == [name]


def test_local_pref_of_an_internal_peer_is_checked() -> None:
    good = bytes.fromhex("400504000000c8")
    assert decode(MANDATORY + good, asn4=True, external=False).local_pref == 200
    with pytest.raises(AttributeFault, match="LOCAL_PREF: 3 octets"):
        decode(MANDATORY + bytes.fromhex("400503000000"), asn4=True, external=False)


@pytest.mark.parametrize(
    ("extra", "outcome", "clause"),
    [
        ("800904c0000201", None, ""),
        ("800903c00002", ErrorHandling.TREAT_AS_WITHDRAW, "RFC 7606 §7.9"),
        ("800a05c000020100", ErrorHandling.TREAT_AS_WITHDRAW, "RFC 7606 §7.10"),
        ("800a00", ErrorHandling.TREAT_AS_WITHDRAW, "RFC 7606 §4, RFC 7606 §7.10"),
        ("c0280a01000700000000000005", None, ""),
        ("c0280401000700", ErrorHandling.DISCARD, "RFC 8669 §6"),
        ("c0170800080004" + "0402aabb", None, ""),
        ("801a0b01000b0000000000000005", None, ""),
    ],
)
def test_an_internal_peer_may_send_more(extra: str, outcome: ErrorHandling | None, clause: str) -> None:
    judgement = check_attributes(MANDATORY + bytes.fromhex(extra), asn4=True, external=False)
    assert [(fault.outcome, fault.clause) for fault in judgement.faults] == ([(outcome, clause)] if outcome else [])
    assert judgement.usable is (outcome is not ErrorHandling.TREAT_AS_WITHDRAW)


def test_a_block_of_nothing_but_repetitions_is_told_once_for_each_code() -> None:
    raw = MANDATORY + bytes.fromhex("806300") * 20_000
    [fault] = check_attributes(raw, asn4=True).faults
    assert fault.reason == "attribute 99 appears 20,000 times"


def test_sets_inside_sets_are_no_burden() -> None:
    value = b""
    for _ in range(4000):
        value = bytes.fromhex("0000fc00") + (b"\xd0\x80" + len(value).to_bytes(2, "big") + value if value else b"")
        if len(value) > 30_000:
            break
    raw = MANDATORY + b"\xd0\x80" + len(value).to_bytes(2, "big") + value
    assert check_attributes(raw, asn4=True).faults == ()


def test_what_is_only_judged_is_passed_on() -> None:
    opaque = "c016090006000000c0000201", "c01914" + "00" * 20, "c080080000fbf040010100"
    raw = MANDATORY + b"".join(map(bytes.fromhex, opaque))
    assert [code for _, code, _ in decode(raw, asn4=True).unknown] == [22, 25, 128]


def test_the_first_of_repeated_attributes_counts_even_before_a_malformed_one() -> None:
    raw = MANDATORY + bytes.fromhex("80040400000001" + "80040400000002" + "40010107" + "c00700" + "c00708" + "00" * 8)
    decoded = decode(raw, asn4=True)
    assert (decoded.med, decoded.origin, decoded.aggregator) == (1, 0, None)
    assert [(fault.code, fault.octets.hex()) for fault in decoded.discarded] == [
        (7, "c00700"),
        (4, "80040400000002"),
        (1, "40010107"),
        (7, "c00708" + "00" * 8),
    ]


def test_unused_flag_bits_extended_length_and_partial_are_no_fault() -> None:
    raw = bytes.fromhex("5f01000100" + "50020006" + "02010000fc00" + "e008041f8b1f47" + "f06300" + "0178")
    decoded = decode(raw, asn4=True)
    assert decoded.communities_text == ("8075:8007",)
    assert decoded.unknown == ((0xE0, 99, b"x"),)


def test_unknown_non_transitive_attributes_are_ignored() -> None:
    raw = MANDATORY + bytes.fromhex("800b04c0000201" + "801d04c0000201")
    assert decode(raw, asn4=True) == PathAttributes(as_path=path(64512))


def test_many_communities_are_no_burden() -> None:
    value = b"".join(n.to_bytes(4, "big") for n in range(16_000, 0, -1))
    raw = MANDATORY + b"\xd0\x08" + len(value).to_bytes(2, "big") + value
    assert decode(raw, asn4=True).communities == tuple(range(16_000, 0, -1))


@settings(deadline=None, max_examples=examples(300))
@given(st.binary(max_size=150), st.booleans(), st.booleans(), st.booleans())
def test_random_octets(data: bytes, asn4: bool, external: bool, behind_mandatory: bool) -> None:
    raw = (bytes.fromhex(ORIGIN + AS_PATH if asn4 else TWO_OCTET) + data) if behind_mandatory else data
    try:
        decode(raw, asn4=asn4, external=external)
    except AttributeFault as fault:
        assert fault.reason and fault.outcome >= ErrorHandling.TREAT_AS_WITHDRAW


@settings(deadline=None, max_examples=examples(300))
@given(
    ATTRIBUTES,
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=3),
    st.integers(0, 30),
)
def test_mutated_blocks(attributes: PathAttributes, asn4: bool, changes: list[tuple[int, int]], cut: int) -> None:
    raw = bytearray(encode(attributes, asn4=asn4))
    for position, octet in changes:
        raw[position % len(raw)] = octet
    try:
        decoded = decode(bytes(raw)[: -cut or None], asn4=asn4)
    except AttributeFault as fault:
        assert fault.reason and fault.outcome >= ErrorHandling.TREAT_AS_WITHDRAW
    else:
        # What was accepted can be sent on.
        assert decode(encode(decoded, asn4=True), asn4=True).asns == decoded.asns


MLDP = bytes.fromhex("06" + "0001" + "04" + "c0000201" + "0007" + "01000400000001")


@pytest.mark.parametrize(
    ("value", "sound"),
    [
        (bytes((0, 0, 0, 0, 0)), True),
        *((bytes((0, kind, 0, 0, 0)) + bytes(8), True) for kind in (3, 4, 5)),
        *((bytes((0, kind, 0, 0, 0)) + bytes(7), False) for kind in (1, 3, 4, 5, 6)),
        *((bytes((0, 1, 0, 0, 0)) + bytes(size), True) for size in (12, 24)),
        *((bytes((0, 6, 0, 0, 0)) + bytes(size), True) for size in (4, 16)),
        *((bytes((0, kind, 0, 0, 0)) + MLDP, True) for kind in (2, 7)),
        *((bytes((0, kind, 0, 0, 0)) + MLDP[:-1], False) for kind in (2, 7)),
        (bytes((0, 2, 0, 0, 0)) + bytes.fromhex("06 0003 04 c0000201 0000"), False),
        (bytes((0, 2, 0, 0, 0)) + bytes.fromhex("06 0002 04 c0000201 0000"), False),
        *((bytes((0, kind, 0, 0, 0)), True) for kind in (8, 10, 11, 12, 13, 0x7B, 0x7E, 0xFB, 0xFE, 0xFF)),
        *((bytes((0, kind, 0, 0, 0)) + bytes(8), False) for kind in (9, 14, 0x7A, 0x7F, 0x89, 0x8E, 0xFA)),
        # Composite tunnels: a label before the identifier, and neither no tunnel nor ingress replication.
        *((bytes((0, 0x80 | kind, 0, 0, 0)) + bytes(3 + 8), True) for kind in (3, 4, 5, 8, 10, 11, 12, 13)),
        *((bytes((0, 0x80 | kind, 0, 0, 0)) + bytes(8), False) for kind in (1, 3, 4, 5)),
        *((bytes((0, 0x80 | kind, 0, 0, 0)) + bytes(3) + MLDP, True) for kind in (2, 7)),
        *((bytes((0, 0x80 | kind, 0, 0, 0)) + MLDP, False) for kind in (2, 7)),
        *((bytes((0, 0x80 | kind, 0, 0, 0)) + bytes(size), False) for kind in (0, 6) for size in (0, 3, 4, 7)),
        (bytes((0, 0x88, 0, 0, 0)) + bytes(2), False),
    ],
)
def test_pmsi_tunnels(value: bytes, sound: bool) -> None:
    """RFC 6514 §5: undefined tunnel types and identifiers that are none."""
    raw = MANDATORY + bytes((0xC0, 22, len(value))) + value
    faults = check_attributes(raw, asn4=True).faults
    assert bool(faults) is not sound
    if not sound:
        assert faults[0].outcome is ErrorHandling.TREAT_AS_WITHDRAW and faults[0].clause == "RFC 6514 §5"
