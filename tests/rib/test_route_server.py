"""The route server's core: RFC 7947, control communities, blackholes, graceful shutdown, and what it shares."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from simulator.rib.attribute_set import AttributeSet
from simulator.rib.route_server.client import RouteServerSettings
from simulator.rib.route_server.control import BLACKHOLE, GRACEFUL_SHUTDOWN, NO_ADVERTISE, NO_EXPORT
from simulator.rib.route_server.transparent import MessageFormat
from simulator.session.messages import Family
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind, encode
from tests.rib.route_server_support import (
    RS_AS,
    V4,
    V6,
    Exchange,
    address,
    attribute_set,
    community,
    key,
    large,
    path,
    several,
)

P, Q = "198.51.0.0/24", "198.51.1.0/24"


@pytest.fixture
def exchange() -> Exchange:
    return several(Exchange(), 4)


# --- transparency (RFC 7947 §2.2) ---


def test_octets_in_are_octets_out(exchange: Exchange) -> None:
    sent = path(
        65001,
        70000,
        next_hop=address(1),
        med=17,
        origin=2,
        atomic_aggregate=True,
        aggregator=(70000, IPv4Address("10.1.1.1")),
        communities=(community("65001:7"), NO_EXPORT, community("8075:8007")),
        extended_communities=(bytes.fromhex("0002fde900000001"),),
        large_communities=((65001, 1, 2), (0, 0, 0)),
        otc=65001,
    )
    exchange.announce(1, sent, P)
    assert {exchange.octets(number, P) for number in (2, 3, 4)} == {encode(sent, asn4=True)}


def test_an_unusual_order_and_unusual_flags_stay(exchange: Exchange) -> None:
    """COMMUNITIES before ORIGIN, extended length where none is needed, Partial set."""
    hop = address(1).packed
    raw = bytes.fromhex("e00804fde90007 500100010040020602010000fde9 400304".replace(" ", "")) + hop
    exchange.table.take(
        exchange.clients[1],
        {key(P): AttributeSet(path(65001, next_hop=address(1), communities=(community("65001:7"),)), (), raw)},
    )
    assert exchange.octets(2, P) == raw


def test_its_own_asn_is_in_no_path(exchange: Exchange) -> None:
    exchange.announce(1, path(65001, 70000), P)
    found = exchange.got(2, P)
    assert found is not None
    assert found.asns == (65001, 70000)
    assert found.next_hop == address(1)


def test_an_announcer_never_gets_its_own_route(exchange: Exchange) -> None:
    exchange.announce(1, path(65001), P)
    assert exchange.who_has(P) == {2, 3, 4}


def test_unknown_attributes(exchange: Exchange) -> None:
    """RFC 4271 §5: transitive ones are passed on with Partial set."""
    base = encode(path(65001, next_hop=address(1)), asn4=True)
    of = path(65001, next_hop=address(1), unknown=((0xC0, 97, b""), (0xE0, 99, b"\7")))
    exchange.table.take(exchange.clients[1], {key(P): AttributeSet(of, ())})
    assert exchange.octets(2, P) == base + bytes((0xE0, 97, 0)) + bytes((0xE0, 99, 1, 7))


def test_ipv6_keeps_both_next_hops() -> None:
    exchange = several(Exchange(V6), 2)
    link_local = IPv6Address("fe80::1")
    exchange.announce(1, path(65001, next_hop=address(1, V6), link_local=link_local), "2001:db8:1::/48")
    found = exchange.got(2, "2001:db8:1::/48")
    assert found is not None
    assert (found.next_hop, found.link_local) == (address(1, V6), link_local)
    exchange.withdraw(1, "2001:db8:1::/48")
    assert exchange.who_has("2001:db8:1::/48") == set()


def test_ipv4_that_came_in_mp_reach_gets_a_next_hop_attribute(exchange: Exchange) -> None:
    of = path(65001, next_hop=address(1), med=3)
    exchange.table.take(exchange.clients[1], {key(P): AttributeSet(of, ())})
    assert exchange.octets(2, P) == encode(of, asn4=True)


def test_a_client_of_two_octets_gets_as_trans(exchange: Exchange) -> None:
    exchange.join(3, MessageFormat(False, 4096))
    exchange.announce(1, path(65001, 200000), P)
    found = exchange.got(3, P)
    assert found is not None
    assert found.asns == (65001, 200000)
    assert exchange.octets(3, P) == encode(path(65001, 200000, next_hop=address(1)), asn4=False)
    assert exchange.octets(2, P) == encode(path(65001, 200000, next_hop=address(1)), asn4=True)


def test_what_came_from_a_client_of_two_octets_is_written_anew(exchange: Exchange) -> None:
    of = path(65001, 200000, next_hop=address(1))
    exchange.table.take(exchange.clients[1], {key(P): AttributeSet(of, ())})
    assert exchange.octets(2, P) == encode(of, asn4=True)


# --- path hiding (RFC 7947 §2.3) ---


def test_the_best_path_of_each_client_is_its_own(exchange: Exchange) -> None:
    """The best route is not for client 3; the second is, and is not hidden by it."""
    exchange.announce(1, path(65001, communities=(community("0:65003"),)), P)
    exchange.announce(2, path(65002, 70000), P)
    got = {number: exchange.got(number, P) for number in (1, 2, 3, 4)}
    assert {number: found.asns for number, found in got.items() if found} == {
        1: (65002, 70000),
        2: (65001,),
        3: (65002, 70000),
        4: (65001,),
    }


def test_a_client_that_refuses_an_announcer_gets_the_next_best() -> None:
    exchange = several(Exchange(), 3)
    exchange.client(4, refuses=frozenset({65001}))
    exchange.join(4)
    exchange.announce(1, path(65001), P, Q)
    assert exchange.who_has(P) == {2, 3}
    exchange.announce(2, path(65002, 70000), P)
    found = exchange.got(4, P)
    assert found is not None and found.first_as == 65002
    assert exchange.who_has(Q) == {2, 3}


def test_the_best_goes_and_the_second_replaces_it_without_a_withdrawal(exchange: Exchange) -> None:
    exchange.announce(1, path(65001), P)
    exchange.announce(2, path(65002, 70000), P)
    exchange.tell()
    exchange.withdraw(1, P)
    exchange.tell()
    assert [piece.announces for piece in exchange.pieces] == [True, False], "2, who had no other, has none now"
    assert exchange.who_has(P) == {1, 3, 4}
    exchange.withdraw(2, P)
    assert exchange.who_has(P) == set()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (path(65001, 70001), path(65002, communities=(GRACEFUL_SHUTDOWN,))),
        (path(65001), path(65002, 70000)),
        (path(65001, origin=0), path(65002, origin=2)),
        (path(65001, med=50), path(65002, med=10)),
        (path(65001), path(65002)),
    ],
    ids=["local preference", "path length", "origin", "MED of two ASes tells nothing", "identifier"],
)
def test_the_decision_process(exchange: Exchange, one: PathAttributes, other: PathAttributes) -> None:
    """RFC 4271 §9.1: the first of these is preferred, whichever came first."""
    for order in ((1, 2), (2, 1)):
        for number in order:
            exchange.announce(number, one if number == 1 else other, P)
        found = exchange.got(3, P)
        assert found is not None and found.first_as == 65001
        exchange.down(1)
        exchange.down(2)


def test_med_is_compared_within_one_as() -> None:
    exchange = several(Exchange(), 1)
    for number, med in ((2, 20), (3, 10)):
        exchange.client(number, asn=65009)
        exchange.announce(number, path(65009, med=med), P)
    found = exchange.got(1, P)
    assert found is not None and found.med == 10


def test_a_set_counts_as_one_as(exchange: Exchange) -> None:
    segments = (AsSegment(SegmentKind.SEQUENCE, (65001,)), AsSegment(SegmentKind.SET, (1, 2, 3)))
    exchange.announce(1, PathAttributes(as_path=segments), P)
    exchange.announce(2, path(65002, 70000, 70001), P)
    found = exchange.got(3, P)
    assert found is not None and found.first_as == 65001


# --- control communities ---

BOTH = pytest.mark.parametrize("form", ["standard", "large"])


def asking(form: str, standard: tuple[str, ...], long: tuple[str, ...]) -> PathAttributes:
    if form == "standard":
        return path(65001, communities=tuple(map(community, standard)))
    return path(65001, large_communities=tuple(map(large, long)))


@BOTH
@pytest.mark.parametrize(
    ("standard", "long", "to"),
    [
        (("64500:64500",), ("64500:1:0",), {2, 3, 4}),
        (("0:64500",), ("64500:0:0",), set()),
        (("0:65002",), ("64500:0:65002",), {3, 4}),
        (("0:64500", "64500:65003"), ("64500:0:0", "64500:1:65003"), {3}),
        (("0:65002", "64500:65002"), ("64500:0:65002", "64500:1:65002"), {3, 4}),
        (("0:64500", "64500:64500"), ("64500:0:0", "64500:1:0"), set()),
    ],
    ids=["all", "none", "not to one", "only to one", "a refusal wins", "a refusal of all wins"],
)
def test_who_gets_it(
    exchange: Exchange, form: str, standard: tuple[str, ...], long: tuple[str, ...], to: set[int]
) -> None:
    exchange.announce(1, asking(form, standard, long), P)
    assert exchange.who_has(P) == to
    for number in to:
        assert exchange.octets(number, P) == encode(path(65001, next_hop=address(1)), asn4=True), "scrubbed"


@BOTH
@pytest.mark.parametrize(
    ("standard", "long", "prepends"),
    [
        (("65501:0",), ("64500:101:0",), {2: 1, 3: 1, 4: 1}),
        (("65503:0",), ("64500:103:0",), {2: 3, 3: 3, 4: 3}),
        (("65502:65003",), ("64500:102:65003",), {2: 0, 3: 2, 4: 0}),
        (("65501:0", "65503:65002"), ("64500:101:0", "64500:103:65002"), {2: 3, 3: 1, 4: 1}),
        (("65503:65002", "65502:65002"), ("64500:103:65002", "64500:102:65002"), {2: 2, 3: 0, 4: 0}),
    ],
    ids=["all once", "all thrice", "one twice", "one wins over all", "the fewest win"],
)
def test_prepends(
    exchange: Exchange, form: str, standard: tuple[str, ...], long: tuple[str, ...], prepends: dict[int, int]
) -> None:
    """The announcer's ASN, not the route server's."""
    exchange.announce(1, asking(form, standard, long), P)
    for number, count in prepends.items():
        expected = path(*[65001] * (count + 1), next_hop=address(1))
        assert exchange.octets(number, P) == encode(expected, asn4=True)


def test_prepends_do_not_make_a_longer_segment_than_there_is(exchange: Exchange) -> None:
    exchange.announce(1, path(*[65001] * 254, large_communities=((RS_AS, 103, 0),)), P)
    found = exchange.got(2, P)
    assert found is not None
    assert found.asns == (65001,) * 257
    assert [len(segment.asns) for segment in found.as_path] == [3, 254]


def test_prepends_do_not_count_in_the_decision(exchange: Exchange) -> None:
    """They are the export's, behind the decision process."""
    exchange.announce(1, path(65001, large_communities=((RS_AS, 103, 0),)), P)
    exchange.announce(2, path(65002, 70000), P)
    found = exchange.got(3, P)
    assert found is not None and found.asns == (65001,) * 4


def test_other_communities_stay_where_control_communities_go(exchange: Exchange) -> None:
    mine = (community("65001:1"), NO_EXPORT)
    sent = path(
        65001,
        communities=(mine[0], community("0:65002"), mine[1], community("65501:65003")),
        large_communities=((65001, 0, 65002), (RS_AS, 0, 65009), (RS_AS, 1101, 3)),
    )
    exchange.announce(1, sent, P)
    assert exchange.who_has(P) == {3, 4}
    expected = path(65001, next_hop=address(1), communities=mine, large_communities=((65001, 0, 65002),))
    assert exchange.octets(4, P) == encode(expected, asn4=True)


def test_a_route_server_of_four_octets_has_no_standard_form() -> None:
    exchange = several(Exchange(settings=RouteServerSettings(200000)), 3)
    exchange.announce(1, path(65001, communities=(community("0:65002"), community("65501:0"))), P)
    assert exchange.who_has(P) == {2, 3}
    found = exchange.got(2, P)
    assert found is not None and found.communities == (community("0:65002"), community("65501:0"))
    exchange.announce(1, path(65001, large_communities=((200000, 0, 65002),)), P)
    assert exchange.who_has(P) == {3}


def test_a_control_community_that_changes(exchange: Exchange) -> None:
    exchange.announce(1, path(65001), P)
    assert exchange.who_has(P) == {2, 3, 4}
    exchange.announce(1, path(65001, large_communities=((RS_AS, 0, 65003),)), P)
    assert exchange.who_has(P) == {2, 4}
    exchange.announce(1, path(65001, large_communities=((RS_AS, 0, 0), (RS_AS, 1, 65003))), P)
    assert exchange.who_has(P) == {3}
    exchange.announce(1, path(65001), P)
    assert exchange.who_has(P) == {2, 3, 4}


def test_who_joins_late_gets_what_is_for_it(exchange: Exchange) -> None:
    exchange.announce(1, path(65001, large_communities=((RS_AS, 0, 65005),)), P)
    exchange.announce(1, path(65001), Q)
    for number in (5, 6):
        exchange.client(number)
        exchange.join(number)
    assert set(exchange.held[5]) == {key(Q)}
    assert set(exchange.held[6]) == {key(P), key(Q)}


# --- blackholes (RFC 7999), graceful shutdown (RFC 8326), OTC (RFC 9234) ---


def test_a_blackhole_goes_to_those_who_want_it() -> None:
    exchange = several(Exchange(), 2)
    exchange.client(3, blackholes=False)
    exchange.join(3)
    exchange.announce(1, path(65001, communities=(BLACKHOLE,)), P)
    assert exchange.who_has(P) == {2}
    found = exchange.got(2, P)
    assert found is not None
    assert found.communities == (BLACKHOLE, NO_EXPORT) and found.next_hop == address(1)


@pytest.mark.parametrize("limit", [NO_EXPORT, NO_ADVERTISE])
def test_a_blackhole_that_is_limited_is_not_limited_again(exchange: Exchange, limit: int) -> None:
    exchange.announce(1, path(65001, communities=(limit, BLACKHOLE)), P)
    found = exchange.got(2, P)
    assert found is not None and found.communities == (limit, BLACKHOLE)


@pytest.mark.parametrize("family", [V4, V6], ids=["IPv4", "IPv6"])
def test_a_blackhole_next_hop(family: Family) -> None:
    hops: dict[Family, IPv4Address | IPv6Address] = {V4: IPv4Address("192.0.2.66"), V6: IPv6Address("2001:db8::66")}
    exchange = several(Exchange(family, RouteServerSettings(RS_AS, hops, blackhole_no_export=False)), 2)
    prefix = "198.51.0.1/32" if family is V4 else "2001:db8:1::1/128"
    exchange.announce(1, path(65001, communities=(BLACKHOLE,)), prefix)
    found = exchange.got(2, prefix)
    assert found is not None
    assert found.next_hop == hops[family] and found.communities == (BLACKHOLE,)


def test_graceful_shutdown_moves_traffic_and_is_passed_on(exchange: Exchange) -> None:
    exchange.announce(1, path(65001), P)
    exchange.announce(2, path(65002, 70000, 70001), P)
    exchange.announce(1, path(65001, communities=(GRACEFUL_SHUTDOWN,)), P)
    found = exchange.got(3, P)
    assert found is not None and found.first_as == 65002
    exchange.withdraw(2, P)
    found = exchange.got(3, P)
    assert found is not None and found.communities == (GRACEFUL_SHUTDOWN,)


def test_otc_is_added_where_there_is_a_role(exchange: Exchange) -> None:
    exchange.join(3, MessageFormat(True, 4096, RS_AS))
    exchange.announce(1, path(65001), P)
    exchange.announce(1, path(65001, otc=65001), Q)
    assert exchange.octets(3, P) == encode(path(65001, next_hop=address(1), otc=RS_AS), asn4=True)
    assert exchange.octets(3, Q) == encode(path(65001, next_hop=address(1), otc=65001), asn4=True)
    assert exchange.octets(2, P) == encode(path(65001, next_hop=address(1)), asn4=True)


# --- sessions that go ---


def test_a_client_that_is_down_is_withdrawn_from_all_others(exchange: Exchange) -> None:
    prefixes = [f"198.51.{n}.0/24" for n in range(50)]
    exchange.announce(1, path(65001), *prefixes)
    exchange.announce(2, path(65002, 70000), *prefixes[:10])
    exchange.announce(1, path(65001, large_communities=((RS_AS, 0, 65003),)), *prefixes[40:])
    exchange.tell()
    assert {number: len(held) for number, held in exchange.held.items()} == {1: 10, 2: 50, 3: 40, 4: 50}
    exchange.down(1)
    exchange.tell()
    assert {number: len(held) for number, held in exchange.held.items()} == {1: 10, 2: 0, 3: 10, 4: 10}
    assert len(exchange.table) == 10
    exchange.table.remove(exchange.clients[1])


def test_what_was_never_announced_is_not_withdrawn(exchange: Exchange) -> None:
    exchange.announce(1, path(65001), P)
    exchange.tell()
    exchange.withdraw(2, P)
    exchange.withdraw(1, Q)
    assert exchange.table.changes == []


def test_the_same_again_is_not_told_again(exchange: Exchange) -> None:
    attributes = attribute_set(path(65001, next_hop=address(1)))
    for _ in range(2):
        exchange.table.take(exchange.clients[1], {key(P): attributes})
    assert len(exchange.table.changes) == 1


# --- what is shared ---


def test_everybody_gets_the_same_octets_but_its_own() -> None:
    """Routes that nothing sets apart are rendered once an announcer, whoever they are for."""
    exchange = several(Exchange(), 20)
    for number in range(1, 21):
        exchange.announce(number, path(65000 + number), *(f"198.{number}.{n}.0/24" for n in range(30)))
    exchange.tell()
    assert len(exchange.pieces) == 20
    assert all(len(piece.keys) == 30 and piece.to is None for piece in exchange.pieces)
    assert {len(held) for held in exchange.held.values()} == {570}
    exchange.down(7)
    exchange.tell()
    assert len(exchange.pieces) == 1


def test_a_view_is_made_once_until_something_changes(exchange: Exchange) -> None:
    exchange.announce(1, path(65001), P)
    exchange.announce(2, path(65002), Q)
    one, other = exchange.clients[1], exchange.clients[2]
    before = exchange.table.plain(one), exchange.table.plain(other)
    assert exchange.table.plain(one) is before[0]
    exchange.announce(2, path(65002, 70000), Q)
    assert exchange.table.plain(one) is before[0]
    assert exchange.table.plain(other) is not before[1]


def test_attributes_that_fit_no_message_are_not_announced(exchange: Exchange) -> None:
    """RFC 8654 §4: who has the old message size has the route withdrawn."""
    exchange.join(3, MessageFormat(True, 65535))
    long = path(65001, communities=tuple(range(65001 << 16, (65001 << 16) + 1100)))
    exchange.announce(1, path(65001), P)
    assert exchange.who_has(P) == {2, 3, 4}
    exchange.announce(1, long, P, Q)
    assert exchange.who_has(P) == {3}
    assert exchange.who_has(Q) == {3}
    exchange.announce(1, path(65001), P)
    assert exchange.who_has(P) == {2, 3, 4}
    exchange.down(1)
    assert exchange.who_has(P) == exchange.who_has(Q) == set()
