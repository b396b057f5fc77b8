"""`decode` beside ExaBGP and beside its own careful way: the same values from the same octets."""

from __future__ import annotations

from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any

import pytest
from exabgp.bgp.message.update.attribute import Aggregator, AS4Path, ASPath, Attributes
from exabgp.bgp.message.update.attribute.community import Communities, LargeCommunities
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.wire.attribute_block import walk
from simulator.wire.attribute_checks import SessionAddresses
from simulator.wire.attribute_codec import PathAttributes, PlainBlocks, _left_by, decode, encode
from simulator.wire.checked_attributes import NlriLocation, check_attributes
from simulator.wire.update_faults import AttributeFault
from tests.wire.test_attributes import ATTRIBUTES

SESSIONS: dict[bool, Any] = {asn4: SimpleNamespace(asn4=asn4) for asn4 in (False, True)}


def exabgp_path(raw: bytes, asn4: bool) -> list[tuple[int, list[int]]]:
    """The AS path by ExaBGP alone."""
    values = {code: value for _, code, value in walk(raw)}
    path = ASPath.unpack(values[2], None, SESSIONS[asn4])
    if path is None:
        return []
    segments = path.aspath
    if 17 in values and not asn4:
        segments = Attributes._reconstruct_as_path(path, AS4Path.unpack(values[17], None, SESSIONS[asn4]))
    return [(segment.ID, [int(asn) for asn in segment]) for segment in segments]


@settings(deadline=None)
@given(ATTRIBUTES, st.booleans())
def test_as_paths(attributes: PathAttributes, asn4: bool) -> None:
    raw = encode(attributes, asn4=asn4)
    found = decode(raw, asn4=asn4, external=False)
    assert [(int(segment.kind), list(segment.asns)) for segment in found.as_path] == exabgp_path(raw, asn4)


@settings(deadline=None)
@given(ATTRIBUTES)
def test_communities_and_aggregator(attributes: PathAttributes) -> None:
    raw = encode(attributes, asn4=True)
    values = {code: value for _, code, value in walk(raw)}
    found = decode(raw, asn4=True, external=False)
    if 8 in values:  # ExaBGP sorts them
        theirs = Communities.unpack(values[8], None, SESSIONS[True]).communities
        assert sorted(value.to_bytes(4, "big") for value in found.communities) == [one.pack() for one in theirs]
    if 32 in values:  # and drops what is repeated
        large = LargeCommunities.unpack(values[32], None, SESSIONS[True]).communities
        ours = {b"".join(part.to_bytes(4, "big") for part in value) for value in found.large_communities}
        assert ours == {one.pack() for one in large}
    if 7 in values:
        aggregator = Aggregator.unpack(values[7], None, SESSIONS[True])
        assert found.aggregator == (int(aggregator.asn), IPv4Address(aggregator.speaker.pack()))


def both_ways(raw: bytes, *, asn4: bool, external: bool, reach: NlriLocation, addresses: SessionAddresses) -> None:
    """Whatever the scanner reads, the judgement finds faultless and reads the same."""
    scanner = PlainBlocks(asn4, external, reach is NlriLocation.NLRI_FIELD, addresses)
    for _ in range(2):  # the second time from what it remembers
        found = scanner.scan(raw)
        if found is None:
            continue
        judgement = check_attributes(raw, asn4=asn4, external=external, reach=reach, addresses=addresses)
        assert not judgement.faults
        assert PathAttributes(**found) == PathAttributes(**_left_by(judgement, asn4))


@settings(deadline=None)
@given(
    ATTRIBUTES,
    st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=3),
    st.booleans(),
    st.booleans(),
    st.sampled_from(NlriLocation),
    st.sampled_from([SessionAddresses(), SessionAddresses(own=bytes((192, 0, 2, 1)))]),
)
def test_both_ways_agree(
    attributes: PathAttributes,
    changes: list[tuple[int, int]],
    asn4: bool,
    external: bool,
    reach: NlriLocation,
    addresses: SessionAddresses,
) -> None:
    raw = bytearray(encode(attributes, asn4=asn4))
    for at, octet in changes:
        raw[at % len(raw)] = octet
    both_ways(bytes(raw), asn4=asn4, external=external, reach=reach, addresses=addresses)


@settings(deadline=None)
@given(st.binary(max_size=40), st.booleans())
def test_both_ways_agree_on_anything(tail: bytes, asn4: bool) -> None:
    head = bytes.fromhex("40010100" + ("40020602010000fc00" if asn4 else "4002040201fc00"))
    both_ways(head + tail, asn4=asn4, external=True, reach=NlriLocation.MP_REACH, addresses=SessionAddresses())


ORIGIN_AND_PATH = bytes.fromhex("40010100" + "50020006" + "02010000fc00")


def test_the_scanner_takes_what_daemons_send() -> None:
    """FRR gives AS_PATH the extended length whether it needs it or not."""
    scanner = PlainBlocks(True, True, True, SessionAddresses())
    found = scanner.scan(ORIGIN_AND_PATH + bytes.fromhex("400304c0000202" + "800404" + "0000000a" + "c008041f8b1f47"))
    assert found is not None
    assert (found["med"], found["communities"]) == (10, (8075 << 16 | 8007,))


@pytest.mark.parametrize(
    "rest",
    [
        "",  # no NEXT_HOP
        "4003047f000001",  # no host address
        "400304c0000202" * 2,  # twice
        "400304c0000202" + "c0630101",  # unknown
        "400304c00002",  # cut short
    ],
)
def test_the_scanner_leaves_all_else_to_the_judgement(rest: str) -> None:
    assert PlainBlocks(True, True, True, SessionAddresses()).scan(ORIGIN_AND_PATH + bytes.fromhex(rest)) is None


def test_a_short_attribute_cut_by_the_end_is_not_remembered() -> None:
    """Its octets with the same header and one more are another attribute."""
    scanner = PlainBlocks(True, True, False, SessionAddresses())
    assert scanner.scan(ORIGIN_AND_PATH + bytes.fromhex("8004040000")) is None
    assert scanner.scan(ORIGIN_AND_PATH + bytes.fromhex("8004040000")) is None
    with pytest.raises(AttributeFault, match="runs past"):
        decode(ORIGIN_AND_PATH + bytes.fromhex("8004040000"), asn4=True)
