from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind
from simulator.wire.route_syntax import ParsedRoute, RouteSyntaxError, parse_routes
from tests.examples import examples

V4, V6 = IPv4Address("192.0.2.1"), IPv6Address("2001:db8::1")


def parse(*lines: str) -> list[ParsedRoute]:
    return parse_routes(lines, next_hop_v4=V4, next_hop_v6=V6)


def prefixes(routes: list[ParsedRoute]) -> list[str]:
    return [nlri.text(route.family, route.key) for route in routes]


def sequence(*asns: int) -> AsSegment:
    return AsSegment(SegmentKind.SEQUENCE, asns)


def test_the_whole_syntax() -> None:
    line = (
        "route 198.51.100.0/24 next-hop self as-path [ 64496 64500 ] ( 64501 64502 ) community [ 8075:8007 no-export ] "
        "large-community [ 64496:1:2 64496:3:4 ] extended-community [ target:64496:7 ] med 10 local-preference 200 "
        "origin egp atomic-aggregate aggregator ( 64500:192.0.2.9 ) attribute [ 0x23 0xc0 0x0000fbf0 ] "
        "attribute [ 0x63 0xe0 0xbeef ]"
    )
    assert parse(line) == [
        ParsedRoute(
            Family.IPV4,
            nlri.key("198.51.100.0/24")[1],
            PathAttributes(
                origin=1,
                as_path=(sequence(64496, 64500), AsSegment(SegmentKind.SET, (64501, 64502))),
                next_hop=V4,
                med=10,
                local_pref=200,
                atomic_aggregate=True,
                aggregator=(64500, IPv4Address("192.0.2.9")),
                communities=(8075 << 16 | 8007, 0xFFFFFF01),
                extended_communities=(bytes.fromhex("0002fbf000000007"),),
                large_communities=((64496, 1, 2), (64496, 3, 4)),
                otc=64496,
                unknown=((0xE0, 0x63, b"\xbe\xef"),),
            ),
            next_hop_self=True,
        )
    ]


@pytest.mark.parametrize("form", ["{}", "announce {}", "  {} ;", "{};", "{} # as agreed", "\t{}"])
def test_forms_of_a_line(form: str) -> None:
    [route] = parse(form.format("route 2001:db8:1::/48 next-hop self"))
    assert prefixes([route]) == ["2001:db8:1::/48"]
    assert route.attributes == PathAttributes(next_hop=V6)


def test_explicit_next_hops() -> None:
    routes = parse("route 10.0.0.0/8 next-hop 192.0.2.7", "route 2001:db8::/32 next-hop 2001:db8::7")
    assert [str(route.attributes.next_hop) for route in routes] == ["192.0.2.7", "2001:db8::7"]


def test_several_routes_blank_lines_and_comments() -> None:
    routes = parse("", "   ", "# route 1.0.0.0/8", "route 10.0.0.0/8 next-hop self; route 11.0.0.0/8 next-hop self")
    assert prefixes(routes) == ["10.0.0.0/8", "11.0.0.0/8"]
    assert parse() == []


def test_one_set_of_attributes_for_many_prefixes() -> None:
    routes = parse("announce attributes next-hop self med 5 nlri 10.0.0.0/24 10.0.1.0/24")
    assert prefixes(routes) == ["10.0.0.0/24", "10.0.1.0/24"]
    assert {route.attributes.med for route in routes} == {5}


def test_split_down_to_addresses() -> None:
    assert len(parse("route 10.0.0.0/30 next-hop self split /32")) == 4
    assert len(parse("route 2001:db8::/127 next-hop self split /128")) == 2


def test_split() -> None:
    routes = parse("route 10.0.0.0/22 next-hop self med 1 split /24")
    assert prefixes(routes) == ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]
    assert {route.attributes.med for route in routes} == {1}


@pytest.mark.parametrize("text", ["as-path 64496", "as-path [64496]", "as-path [ 64496 ]"])
def test_as_path_of_one(text: str) -> None:
    [route] = parse(f"route 10.0.0.0/8 next-hop self {text}")
    assert route.attributes.as_path == (sequence(64496),)


def test_dotted_and_four_octet_asns() -> None:
    [route] = parse("route 10.0.0.0/8 next-hop self as-path [ 1.1 400000 ]")
    assert route.attributes.asns == (65537, 400000)


def test_empty_as_path() -> None:
    [route] = parse("route 10.0.0.0/8 next-hop self as-path [ ]")
    assert route.attributes.as_path == ()


@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
def test_self_without_an_address(family: str) -> None:
    prefix = "10.0.0.0/8" if family == "IPv4" else "2001:db8::/32"
    with pytest.raises(RouteSyntaxError, match=f"'next-hop self' needs an {family} address"):
        parse_routes(
            [f"route {prefix} next-hop self"],
            next_hop_v4=None if family == "IPv4" else V4,
            next_hop_v6=None if family == "IPv6" else V6,
        )


@pytest.mark.parametrize(
    ("line", "offence"),
    [
        ("route", "no next-hop"),
        ("route 10.0.0.0/8", "no next-hop"),
        ("route 10.0.0.0/8 next-hop", "next-hop"),
        ("route 10.0.0.0/8 next-hop 2001:db8::1", "next hop 2001:db8::1 is not an IPv4 address"),
        ("route 2001:db8::/32 next-hop 192.0.2.1", "next hop 192.0.2.1 is not an IPv6 address"),
        ("route 10.0.0.1/8 next-hop self", "10.0.0.1"),
        ("route 10.0.0.0/33 next-hop self", "10.0.0.0/33"),
        ("route 999.0.0.0/8 next-hop self", "999.0.0.0/8"),
        ("route x next-hop self", "'x/32'"),
        ("route 224.0.0.0/8 next-hop self", "not a unicast prefix"),
        ("route 10.0.0.0/8 next-hop self med 4294967296", "4294967296"),
        ("route 10.0.0.0/8 next-hop self med ten", "ten"),
        ("route 10.0.0.0/8 next-hop self origin foo", "foo"),
        ("route 10.0.0.0/8 next-hop self colour blue", "colour"),
        ("route 10.0.0.0/8 next-hop self as-path", "as-path"),
        ("route 10.0.0.0/8 next-hop self as-path [ 1 2", "as-path"),
        ("route 10.0.0.0/8 next-hop self as-path [ 4294967296 ]", "4294967296"),
        ("route 10.0.0.0/8 next-hop self community", "community"),
        ("route 10.0.0.0/8 next-hop self community [", "community"),
        ("route 10.0.0.0/8 next-hop self community [ 1:1", "1:1"),
        ("route 10.0.0.0/8 next-hop self community [ 2:2 1:70000 ]", "1:70000"),
        ("route 10.0.0.0/8 next-hop self community 70000:1", "70000:1"),
        ("route 10.0.0.0/8 next-hop self large-community [ 1:2:4294967296 ]", "1:2:4294967296"),
        ("route 10.0.0.0/8 next-hop self large-community [ 1:2 ]", "near '1:2'"),
        ("route 10.0.0.0/8 next-hop self aggregator ( x )", "aggregator"),
        ("route 10.0.0.0/8 next-hop self attribute [ 0x02 0x40 0x0200 ]", "an empty segment"),
        ("route 10.0.0.0/8 next-hop self attribute [ 0x07 0xc0 0x00 ]", "AGGREGATOR: 1 octet"),
        ("route 10.0.0.0/8 next-hop self attribute [ 0x63 0x80 0x00 ]", "attribute 99 is not transitive"),
        ("route 10.0.0.0/8 next-hop self originator-id 192.0.2.1", "attribute 9 is not transitive"),
        ("route 10.0.0.0/8 next-hop self aigp 5", "attribute 26 is not transitive"),
        ("route 10.0.0.0/8 next-hop self label 5", "'label' is not supported"),
        ("route 10.0.0.0/8 rd 1:1 next-hop self", "'rd' is not supported"),
        ("route 10.0.0.0/8 next-hop self path-information 1", "'path-information' is not supported"),
        ("route 10.0.0.0/8 next-hop self withdraw", "'withdraw' is not supported"),
        ("route 0.0.0.0/0 next-hop self split /32", "more than 65536 routes"),
        ("route ::/0 next-hop self split /128", "more than 65536 routes"),
        ("route 10.0.0.0/32 next-hop self split /34", "'split /34' is longer than an address"),
        ("route 2001:db8::/128 next-hop self split /129", "'split /129' is longer than an address"),
        ("withdraw route 10.0.0.0/8 next-hop self", "not 'withdraw'"),
        ("neighbor 192.0.2.1 next-hop self", "not 'neighbor'"),
        ("route 10.0.0.0/8 { next-hop self; }", "braces"),
        ('route 10.0.0.0/8 next-hop self name "x', "x ;"),
    ],
)
def test_one_clear_line(line: str, offence: str) -> None:
    with pytest.raises(RouteSyntaxError) as caught:
        parse("route 11.0.0.0/8 next-hop self", line)
    text = str(caught.value)
    assert text.startswith(repr(line))
    assert offence in text.removeprefix(repr(line))
    assert "\n" not in text


WORDS = st.sampled_from(
    """announce route attributes 10.0.0.0/8 10.0.0.0/33 ::/0 next-hop self 192.0.2.1 as-path [ ] ( ) { } ; , # 64496
    4294967296 community 8075:8007 no-export large-community 1:2:3 extended-community target:1:2 med 10 origin igp
    split /9 /40 attribute 0x23 0xc0 0x0000fbf0 nlri aggregator 1:192.0.2.1 name " ' \\ -1 aigp cluster-list
    """.split()  # noqa: SIM905  (a list literal of these is a page long)
)


@settings(deadline=None, max_examples=examples(400))
@given(st.lists(WORDS, max_size=14).map(" ".join) | st.text(max_size=40), st.booleans())
def test_whatever_is_written(line: str, well_begun: bool) -> None:
    try:
        routes = parse("route 10.0.0.0/8 next-hop self " + line if well_begun else line)
    except RouteSyntaxError as error:
        assert "\n" not in str(error)
    else:
        for route in routes:
            assert nlri.split(route.key, route.family) == [route.key]
            assert route.attributes.next_hop is not None
