"""Adj-RIB-Out images, read back message by message."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.rib.adj_out import Image, Images, export, render
from simulator.rib.announcement import Announcement
from simulator.session.messages import Family
from simulator.session.negotiation import Negotiated
from simulator.wire import nlri
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, decode
from simulator.wire.framing import Framer, MessageType
from simulator.wire.update import split_update
from tests.examples import examples
from tests.rib.support import HOPS, keys, sequence

V4, V6 = Family.IPV4, Family.IPV6
AGREED = Negotiated(64496, "10.0.0.2", 90, frozenset(Family), True, True, True, 4096, None)
BOTH = pytest.mark.parametrize("family", list(Family))


def messages(octets: bytes, limit: int) -> list[bytes]:
    """UPDATE bodies; the framer refuses what is longer than the limit."""
    framer = Framer()
    framer.max_size = limit
    framer.feed(octets)
    found = list(framer)
    assert {kind for kind, _ in found} <= {MessageType.UPDATE}
    assert sum(len(body) + 19 for _, body in found) == len(octets), "no octet is left over"
    return [body for _, body in found]


def replay(family: Family, octets: bytes, limit: int = 4096) -> list[tuple[bytes, PathAttributes]]:
    """(key, attributes) in the order of the wire."""
    found: list[tuple[bytes, PathAttributes]] = []
    for body in messages(octets, limit):
        parts = split_update(body)
        path = decode(parts.attributes, asn4=True)
        field = parts.announced
        if family is V6:
            assert parts.reach is not None and not field and path.next_hop is None
            field, path = parts.reach.nlri, replace(path, next_hop=ip_address(parts.reach.next_hop))
        found += [(key, path) for key in nlri.split(field, family)]
    return found


def withdrawn(family: Family, octets: bytes, limit: int = 4096) -> list[bytes]:
    found: list[bytes] = []
    for body in messages(octets, limit):
        parts = split_update(body)
        field = parts.withdrawn if family is V4 else (parts.unreach.nlri if parts.unreach else b"")
        assert field and not parts.announced and parts.reach is None
        found += nlri.split(field, family)
    return found


def rendered(family: Family, *announcements: Announcement, limit: int = 4096, asn4: bool = True) -> Image:
    return render(announcements, family, replace(AGREED, message_size=limit, asn4=asn4), 8075, HOPS[family])


# --- what leaves an external session ---


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((), (sequence(8075),)),
        ((sequence(64500, 64501),), (sequence(8075, 64500, 64501),)),
        ((sequence(*range(1, 255)),), (sequence(8075, *range(1, 255)),)),
        ((sequence(*range(1, 256)),), (sequence(8075), sequence(*range(1, 256)))),
        (
            (AsSegment(SegmentKind.SET, (64500, 64501)), sequence(3)),
            (sequence(8075), AsSegment(SegmentKind.SET, (64500, 64501)), sequence(3)),
        ),
    ],
    ids=["empty", "sequence", "254 ASNs", "a full segment", "a leading AS_SET"],
)
def test_own_as_is_prepended(before: tuple[AsSegment, ...], after: tuple[AsSegment, ...]) -> None:
    """RFC 4271 §5.1.2."""
    assert export(PathAttributes(as_path=before), 8075, HOPS[V4]).as_path == after
    image = rendered(V4, Announcement(V4, PathAttributes(as_path=before), (b"\x08\x14",)))
    assert replay(V4, image.announce)[0][1].as_path == after


def test_next_hop_self_and_no_local_pref() -> None:
    path = PathAttributes(local_pref=200, med=5, communities=(1, 2), large_communities=((1, 2, 3),))
    sent = export(path, 8075, HOPS[V4])
    assert (sent.next_hop, sent.local_pref) == (HOPS[V4], None)
    assert (sent.med, sent.communities, sent.large_communities) == (5, (1, 2), ((1, 2, 3),))


def test_a_next_hop_of_its_own_stays() -> None:
    """RFC 4271 §5.1.3: another router of the LAN, where the route names it."""
    hops = {V4: ip_address("192.0.2.77"), V6: ip_address("2001:db8::77")}
    for family, other in hops.items():
        image = rendered(family, Announcement(family, PathAttributes(next_hop=other), (b"\x08\x20",)))
        assert [path.next_hop for _, path in replay(family, image.announce)] == [other]


@BOTH
def test_equal_attributes_share_a_message_wherever_they_stand(family: Family) -> None:
    """RFC 4271 §4.3: an UPDATE has one set of attributes and every prefix that has it."""
    paths = [PathAttributes(med=number % 3) for number in range(30)]
    image = rendered(family, *(Announcement(family, path, (bytes((8, n + 1)),)) for n, path in enumerate(paths)))
    assert len(messages(image.announce, 4096)) == 3
    assert [path.med for _, path in replay(family, image.announce)] == [0] * 10 + [1] * 10 + [2] * 10
    assert len(image.keys) == 30


@BOTH
def test_a_later_announcement_of_a_prefix_replaces_an_earlier_one_among_equals(family: Family) -> None:
    one, two = PathAttributes(med=1), PathAttributes(med=2)
    a, b = b"\x08\x14", b"\x08\x15"
    image = rendered(
        family, Announcement(family, one, (a, b)), Announcement(family, two, (a,)), Announcement(family, one, (a, b))
    )
    assert {key: path.med for key, path in replay(family, image.announce)} == {a: 1, b: 1}
    assert len(messages(image.announce, 4096)) == 1


def test_two_octet_peers_get_two_octet_paths() -> None:
    path = PathAttributes(as_path=(sequence(4200000001),))
    image = rendered(V4, Announcement(V4, path, (b"\x08\x14",)), asn4=False)
    (body,) = messages(image.announce, 4096)
    assert decode(split_update(body).attributes, asn4=False).asns == (8075, 4200000001)


# --- images ---


@BOTH
@settings(deadline=None, max_examples=examples(60))
@given(data=st.data(), limit=st.sampled_from([4096, 65535]))
def test_no_prefix_is_lost_or_sent_twice(family: Family, data: st.DataObject, limit: int) -> None:
    groups = data.draw(st.lists(st.lists(keys(family), max_size=40), max_size=5))
    many = [
        bytes((family.max_length,)) + n.to_bytes(family.max_length // 8, "big")
        for n in range(data.draw(st.integers(0, 4000)))
    ]
    announcements = [
        Announcement(family, PathAttributes(med=number), tuple(group)) for number, group in enumerate([*groups, many])
    ]
    last = {key: number for number, group in enumerate([*groups, many]) for key in group}
    image = rendered(family, *announcements, limit=limit)
    sent = replay(family, image.announce, limit)
    assert len(sent) == len(last), "each prefix is sent once"
    assert {key: path.med for key, path in sent} == last, "a later announcement replaces an earlier one"
    assert sorted(image.keys) == sorted(last)
    assert sorted(withdrawn(family, image.withdraw, limit)) == sorted(last), "the withdraw covers the same prefixes"
    assert image.left_out == ()


@BOTH
def test_a_prefix_named_twice_in_one_announcement(family: Family) -> None:
    image = rendered(family, Announcement(family, PathAttributes(), (b"\x08\x14", b"\x08\x15", b"\x08\x14")))
    assert [key for key, _ in replay(family, image.announce)] == [b"\x08\x14", b"\x08\x15"]
    assert len(image.keys) == 2


def test_the_other_family_stays_out() -> None:
    both = (Announcement(V4, PathAttributes(), (b"\x08\x14",)), Announcement(V6, PathAttributes(), (b"\x10\x2a\x00",)))
    assert [key for key, _ in replay(V4, rendered(V4, *both).announce)] == [b"\x08\x14"]
    assert [key for key, _ in replay(V6, rendered(V6, *both).announce)] == [b"\x10\x2a\x00"]


@BOTH
def test_nothing_to_announce(family: Family) -> None:
    assert rendered(family) == Image(family, b"", b"", ())


@BOTH
@pytest.mark.parametrize("limit", [4096, 65535])
def test_messages_are_filled(family: Family, limit: int) -> None:
    size = family.max_length // 8
    crowd = tuple(bytes((family.max_length,)) + n.to_bytes(size, "big") for n in range(40_000))
    image = rendered(family, Announcement(family, PathAttributes(), crowd), limit=limit)
    sizes = [len(body) + 19 for body in messages(image.announce, limit)]
    assert min(sizes[:-1]) > limit - size - 1, "a message is closed when the next prefix does not fit"
    assert len(replay(family, image.announce, limit)) == 40_000


def test_what_fits_no_message_is_left_out_and_the_rest_is_sent() -> None:
    crowd = Announcement(V4, PathAttributes(communities=tuple(range(1200))), (b"\x08\x14", b"\x08\x15"))
    rest = Announcement(V4, PathAttributes(), (b"\x08\x16",))
    image = rendered(V4, crowd, rest)
    assert image.left_out == (b"\x08\x14", b"\x08\x15")
    assert image.keys == (b"\x08\x16",) == tuple(withdrawn(V4, image.withdraw))
    assert [key for key, _ in replay(V4, image.announce)] == [b"\x08\x16"]
    assert len(rendered(V4, crowd, rest, limit=65535).keys) == 3


def test_sessions_share_an_image_when_it_fits_both() -> None:
    images = Images([Announcement(V4, PathAttributes(), (b"\x08\x14",))])
    first = images.get(V4, AGREED, 8075, HOPS[V4])
    assert images.get(V4, replace(AGREED, peer_as=64499, hold_time=3), 8075, HOPS[V4]) is first
    others = [
        images.get(V4, replace(AGREED, asn4=False), 8075, HOPS[V4]),
        images.get(V4, replace(AGREED, message_size=65535), 8075, HOPS[V4]),
        images.get(V4, AGREED, 8076, HOPS[V4]),
        images.get(V4, AGREED, 8075, HOPS[V4] + 1),
        images.get(V6, AGREED, 8075, HOPS[V6]),
    ]
    assert all(other is not first for other in others)
    assert replay(V4, others[2].announce)[0][1].asns == (8076,)
