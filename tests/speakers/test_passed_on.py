"""What was judged is what is passed on: whatever octets a client of a route server sends, the others are sent what its
attribute set says, which is what the policy judged, but for the changes that docs/route-server.md lists.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from simulator.peer.attribute_sets import AttributeSets
from simulator.peer.events import NeighborConfig
from simulator.places.endpoint import Endpoint
from simulator.policy.policy import Policy
from simulator.policy.rule import PolicyContext
from simulator.rib.attribute_set import AttributeSet
from simulator.rib.route_server.client import RouteServerSettings
from simulator.rib.route_server.control import BLACKHOLE, NO_ADVERTISE, NO_EXPORT
from simulator.rib.route_server.transparent import MessageFormat
from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.attribute_block import walk
from simulator.wire.attribute_checks import CHECKS, DECODED, AttributeCode
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, decode, encode
from simulator.wire.checked_attributes import NlriLocation
from simulator.wire.received_update import read_update
from simulator.wire.update_faults import AttributeFault, UpdateError
from tests.examples import examples
from tests.rib.route_server_model import prepends
from tests.rib.route_server_support import RS_AS, V4, V6, Exchange, address

HOP = IPv4Address("192.0.2.66")
PREFIX = {V4: "198.51.7.0/24", V6: "2001:db8:7::/48"}
FORMATS = {
    2: MessageFormat(True, 4096),
    3: MessageFormat(False, 4096),
    4: MessageFormat(True, 65535, RS_AS),
    5: MessageFormat(False, 65535, RS_AS),
}
ASNS = {1: 65001, 2: 65002, 3: 65003, 4: 65003, 5: 65005}

# --- octets: every attribute that has a check, and some that nobody knows ---

U32 = st.integers(0, 2**32 - 1)
NUMBER = st.sampled_from([1, 23456, 64999, 65001, 65535, 65536, 4200000000, 2**32 - 1])


def _of(width: int) -> st.SearchStrategy[bytes]:
    return st.integers(0, 256**width - 1).map(lambda number: number.to_bytes(width, "big"))


def _numbers(width: int) -> st.SearchStrategy[bytes]:
    return NUMBER.map(lambda number: (number % 256**width).to_bytes(width, "big"))


def _many(one: st.SearchStrategy[bytes], most: int) -> st.SearchStrategy[bytes]:
    return st.lists(one, min_size=1, max_size=most).map(b"".join)


def _path(width: int, kinds: st.SearchStrategy[int]) -> st.SearchStrategy[bytes]:
    asns = st.lists(_numbers(width), min_size=1, max_size=4)
    segment = st.builds(lambda kind, found: bytes((kind, len(found))) + b"".join(found), kinds, asns)
    own = st.just(bytes((2, 1)) + (65001).to_bytes(width, "big"))
    return st.tuples(own, st.lists(segment, max_size=2).map(b"".join)).map(b"".join)


COMMUNITY = st.sampled_from([BLACKHOLE, NO_EXPORT, NO_ADVERTISE, 65002, RS_AS << 16 | 65002, 65501 << 16, 7, 8]) | U32
LARGE = st.tuples(
    st.sampled_from([RS_AS, RS_AS, 1]), st.sampled_from([0, 1, 101, 103, 9]), st.sampled_from([0, 65002, 65003, 5])
)
HOPS = st.sampled_from(["192.0.2.1", "192.0.2.1", "192.0.2.2", "198.51.100.9", "0.0.0.0", "224.0.0.1"])


def values(code: int, asn4: bool) -> st.SearchStrategy[bytes]:
    """Sound values of an attribute."""
    width = 4 if asn4 else 2
    sound: dict[int, st.SearchStrategy[bytes]] = {
        1: st.sampled_from([b"\0", b"\1", b"\2"]),
        2: _path(width, st.sampled_from([1, 2])),
        3: HOPS.map(lambda text: IPv4Address(text).packed),
        4: _of(4),
        5: _of(4),
        6: st.just(b""),
        7: st.tuples(_numbers(width), _of(4)).map(b"".join),
        8: _many(COMMUNITY.map(lambda value: value.to_bytes(4, "big")), 4),
        9: _of(4),
        10: _many(_of(4), 2),
        16: _many(_of(8), 3),
        17: _path(4, st.sampled_from([1, 2, 2, 3, 4])),
        18: st.tuples(_numbers(4), _of(4)).map(b"".join),
        22: st.just(bytes(5)),
        32: _many(LARGE.map(lambda value: b"".join(part.to_bytes(4, "big") for part in value)), 4),
        35: _numbers(4),
    }
    return sound.get(code, st.binary(min_size=1, max_size=40))


@st.composite
def attribute(draw: st.DrawFn, code: int, asn4: bool, odd: bool) -> bytes:
    """`odd`: it may have other flags or another value than it should."""
    check = CHECKS.get(code)
    flags = check.flags if check is not None else draw(st.sampled_from([0xC0, 0xE0, 0x80]))
    if flags & 0x80:
        flags |= draw(st.sampled_from([0, 0, 0x20]))
    flags |= draw(st.sampled_from([0, 0, 0, 0x0F]))
    value = draw(values(code, asn4))
    if odd:
        flags ^= draw(st.sampled_from([0, 0, 0, 0x40, 0x80]))
        value = draw(st.just(value) | st.binary(max_size=9) | _path(4 if asn4 else 2, st.integers(0, 5)))
    if draw(st.sampled_from([False, False, True])):
        return bytes((flags | 0x10, code)) + len(value).to_bytes(2, "big") + value
    return bytes((flags & ~0x10, code, len(value))) + value


MANDATORY = (1, 2, 3)
CODES = st.sampled_from([*(set(CHECKS) - set(MANDATORY)), 0, 41, 99, 200, 255])


@st.composite
def updates(draw: st.DrawFn, family: Family, asn4: bool) -> bytes:
    """The body of an UPDATE that announces the prefix of a family, in the NLRI field or in MP_REACH_NLRI, or both."""
    odd = not draw(st.integers(0, 5))
    codes = [code for code in MANDATORY if not odd or draw(st.integers(0, 5))]
    codes += draw(st.lists(CODES | st.sampled_from([4, 7, 8, 16, 32, 35]), max_size=6, unique=not odd))
    blocks = [draw(attribute(code, asn4, odd and draw(st.booleans()))) for code in codes]
    key = nlri.key(PREFIX[family])[1]
    place = "mp" if family is V6 else draw(st.sampled_from(["field", "field", "mp", "both"]))
    if place in ("mp", "both"):
        hops = [b"\xc0\0\2\1", b"\xc0\0\2\2", b"\xe0\0\0\1"]
        if family is V6:
            first, second = (IPv6Address(f"2001:db8::{number}").packed for number in (1, 2))
            hops = [first, second, first + IPv6Address("fe80::1").packed, IPv6Address("ff02::1").packed]
        hop = draw(st.sampled_from(hops))
        value = family.afi.to_bytes(2, "big") + bytes((family.safi, len(hop))) + hop + b"\0" + key
        blocks.append(bytes((0x80, 14, len(value))) + value)
    blocks = draw(st.permutations(blocks))
    block = b"".join(blocks)
    return b"\0\0" + len(block).to_bytes(2, "big") + block + (key if place in ("field", "both") else b"")


# --- the documented changes, one field at a time ---


def expected(of: PathAttributes, number: int, format_: MessageFormat, family: Family) -> PathAttributes:
    """docs/route-server.md: Transparency."""
    blackhole = BLACKHOLE in of.communities
    communities = tuple(c for c in of.communities if c >> 16 not in (0, RS_AS, 65501, 65502, 65503))
    if blackhole and not {NO_EXPORT, NO_ADVERTISE} & set(communities):
        communities += (NO_EXPORT,)
    as_path, count = of.as_path, prepends(of, number)
    if count and of.first_as is not None:
        as_path = (AsSegment(SegmentKind.SEQUENCE, (of.first_as,) * count + as_path[0].asns), *as_path[1:])
    replaced = blackhole and family is V4
    return replace(
        of,
        as_path=as_path,
        next_hop=HOP if replaced else of.next_hop,
        communities=communities,
        large_communities=tuple(c for c in of.large_communities if c[0] != RS_AS),
        otc=format_.otc if of.otc is None else of.otc,
        unknown=tuple((flags | 0x20, code, value) for flags, code, value in of.unknown),
        discarded=(),
    )


def as_sent(of: PathAttributes) -> PathAttributes:
    """Without what says nothing any more: a Partial bit of an attribute that is gone."""
    there = {7: of.aggregator, 8: of.communities, 16: of.extended_communities, 32: of.large_communities, 35: of.otc}
    return replace(of, partial=tuple(code for code in of.partial if there[code] not in (None, ())))


def comparable(of: PathAttributes, format_: MessageFormat) -> PathAttributes:
    """For a client of two octets the segments of a path may be cut otherwise (RFC 6793 §4.2.3)."""
    return of if format_.asn4 else replace(of, as_path=(AsSegment(SegmentKind.SEQUENCE, of.asns),))


def config(family: Family) -> NeighborConfig:
    here, there = address(200, family), address(1, family)
    return NeighborConfig(
        id="c1",
        local_as=RS_AS,
        router_id="192.0.2.200",
        local_address=here,
        peer_address=there,
        peer_as=65001,
        local=Endpoint(here, 179),
        remote=Endpoint(there, 179),
    )


def taken(body: bytes, family: Family, asn4: bool) -> list[AttributeSet]:
    """The attribute sets of a session that gets this UPDATE; none where RFC 7606 refuses it."""
    policy = Policy("exchange", PolicyContext(65001, str(address(1, family)), RS_AS))
    sets, found = AttributeSets(config(family)), []
    try:
        reading = read_update(body)
    except UpdateError:
        return []
    for part in reading.announced:
        try:
            found.append(sets.get(reading.attributes, part, policy, asn4=asn4))
        except AttributeFault:
            continue
    return found


def check_octets(of: AttributeSet, family: Family) -> None:
    """Octets that may be passed on say what was judged, and nothing else."""
    if not of.raw:
        return
    hop = b""
    if family is V6:
        assert of.path.next_hop is not None
        hop = of.path.next_hop.packed + (of.path.link_local.packed if of.path.link_local else b"")
    reach = NlriLocation.MP_REACH if hop else NlriLocation.NLRI_FIELD
    assert decode(of.raw, asn4=True, reach=reach, next_hop=hop) == of.path
    codes = [code for _, code, _ in walk(of.raw)]
    assert len(codes) == len(set(codes)) and set(codes) <= DECODED
    assert (AttributeCode.NEXT_HOP in codes) == (family is V4)


@settings(max_examples=examples(600), deadline=None)
@given(st.data(), st.sampled_from([V4, V6]), st.booleans())
def test_what_a_client_gets_is_what_was_judged(data: st.DataObject, family: Family, asn4: bool) -> None:
    body = data.draw(updates(family, asn4))
    for found in taken(body, family, asn4):
        event(f"octets passed on: {bool(found.raw)}, discarded: {bool(found.path.discarded)}")
        check_octets(found, family)
        path = found.path
        # Loc-RIB, and whoever writes it down.
        kept = replace(path, discarded=())
        again = decode(encode(path, asn4=True), asn4=True, external=False)
        assert replace(again, next_hop=None) == replace(kept, next_hop=None, link_local=None)
        exchange = Exchange(family, RouteServerSettings(RS_AS, {V4: HOP}))
        for number in range(1, 6):
            exchange.client(number, ASNS[number])
            if number in FORMATS:
                exchange.join(number, FORMATS[number])
        exchange.table.take(exchange.clients[1], {nlri.key(PREFIX[family])[1]: found})
        exchange.tell()
        for number in exchange.who_has(PREFIX[family]):
            format_ = FORMATS[number]
            got = exchange.got(number, PREFIX[family])
            assert got is not None
            wanted = as_sent(expected(path, number, format_, family))
            assert comparable(got, format_) == comparable(wanted, format_), f"client {number}"
            assert got.path_length == wanted.path_length


STRAY = pytest.mark.parametrize("stray", ["192.0.2.2", "0.0.0.0", "224.0.0.1", "192.0.2.1"])


@STRAY
@pytest.mark.parametrize("number", FORMATS)
def test_a_stray_next_hop_is_sent_to_nobody(stray: str, number: int) -> None:
    """RFC 4760 §3: beside MP_REACH_NLRI it is ignored. The policy judges the other one (RFC 7948 §4.8)."""
    key = nlri.key(PREFIX[V4])[1]
    value = bytes((0, 1, 1, 4, 192, 0, 2, 1, 0)) + key
    block = bytes.fromhex("40010100" + "40020602010000fde9" + "400304") + IPv4Address(stray).packed
    block += bytes((0x80, 14, len(value))) + value
    (found,) = taken(b"\0\0" + len(block).to_bytes(2, "big") + block, V4, True)
    assert "next-hop" not in {hit.rule for hit in found.hits}
    assert found.path.next_hop == address(1) and found.raw == b""
    exchange = Exchange(V4)
    for each in (1, number):
        exchange.client(each, ASNS[each])
    exchange.join(number, FORMATS[number])
    exchange.table.take(exchange.clients[1], {key: found})
    got = exchange.got(number, PREFIX[V4])
    assert got is not None and got.next_hop == address(1)
