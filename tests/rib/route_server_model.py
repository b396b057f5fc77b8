"""What clients of a route server should hold: a model that works out every client's table from nothing, each time."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from hypothesis import strategies as st

from simulator.rib.route_server.control import BLACKHOLE, GRACEFUL_SHUTDOWN, NO_EXPORT
from simulator.rib.route_server.transparent import MessageFormat
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind
from tests.rib.route_server_support import RS_AS, V4, V6, Exchange, address, key, path

COUNT = 5
ASNS = {1: 65001, 2: 65002, 3: 65003, 4: 65003, 5: 65005}
"""Two clients share one."""
REFUSED = {5: frozenset({65001})}
NO_BLACKHOLES = {2}
HOP = IPv4Address("192.0.2.66")
PREFIXES = {
    V4: [f"198.51.{n}.0/24" for n in range(4)],
    V6: [f"2001:db8:{n}::/48" for n in range(1, 5)],
}
FORMATS = [MessageFormat(True, 4096), MessageFormat(False, 4096), MessageFormat(True, 65535, RS_AS)]

peers = st.sampled_from([0, 65002, 65003, 65004])
larges = st.tuples(st.just(RS_AS), st.sampled_from([0, 1, 101, 102, 103, 1101]), peers)
standards = st.one_of(
    st.sampled_from([BLACKHOLE, GRACEFUL_SHUTDOWN, 65001 << 16 | 7]),
    st.builds(lambda high, low: high << 16 | low, st.sampled_from([0, RS_AS, 65501, 65502, 65503]), peers),
    st.sampled_from([RS_AS, RS_AS << 16 | RS_AS]),
)


@st.composite
def attributes(draw: st.DrawFn, number: int) -> PathAttributes:
    return path(
        ASNS[number],
        *draw(st.lists(st.sampled_from([65001, 70000]), max_size=2)),
        origin=draw(st.sampled_from([0, 0, 2])),
        med=draw(st.sampled_from([None, 0, 5, 10])),
        communities=tuple(draw(st.lists(standards, max_size=3))),
        large_communities=tuple(draw(st.lists(larges, max_size=3))),
    )


# --- the model: words of the documentation, one route and one client at a time ---


def texts(of: PathAttributes) -> set[str]:
    """Every control community in its large form."""
    found = {f"{one}:{two}:{three}" for one, two, three in of.large_communities if one == RS_AS}
    for high, low in ((value >> 16, value & 0xFFFF) for value in of.communities):
        if high == 0 and low:
            found.add(f"{RS_AS}:0:{0 if low == RS_AS else low}")
        elif high == RS_AS and low:
            found.add(f"{RS_AS}:1:{0 if low == RS_AS else low}")
        elif high in (65501, 65502, 65503):
            found.add(f"{RS_AS}:{high - 65400}:{low}")
    return found


def goes(of: PathAttributes, announcer: int, number: int) -> bool:
    asn, asked = ASNS[number], texts(of)
    if announcer == number or ASNS[announcer] in REFUSED.get(number, ()):
        return False
    if BLACKHOLE in of.communities and number in NO_BLACKHOLES:
        return False
    if f"{RS_AS}:0:{asn}" in asked:
        return False
    return f"{RS_AS}:1:{asn}" in asked or f"{RS_AS}:0:0" not in asked


def prepends(of: PathAttributes, number: int) -> int:
    for peer in (ASNS[number], 0):
        for count in (1, 2, 3):
            if f"{RS_AS}:{100 + count}:{peer}" in texts(of):
                return count
    return 0


def chosen_of(routes: dict[int, PathAttributes]) -> int:
    """RFC 4271 §9.1.2.2 by elimination."""
    left = set(routes)

    def keep(rank: Any) -> None:
        best = min(rank(n) for n in left)
        for n in [n for n in left if rank(n) != best]:
            left.discard(n)

    keep(lambda n: 1 if GRACEFUL_SHUTDOWN in routes[n].communities else 0)
    keep(lambda n: len(routes[n].asns))
    keep(lambda n: routes[n].origin)
    for n in list(left):
        rivals = [m for m in left if ASNS[m] == ASNS[n]]
        if any((routes[m].med or 0) < (routes[n].med or 0) for m in rivals):
            left.discard(n)
    return min(left)


def exported(of: PathAttributes, announcer: int, number: int, format_: MessageFormat, family: Any) -> PathAttributes:
    blackhole = BLACKHOLE in of.communities
    kept = tuple(c for c in of.communities if c >> 16 not in (0, RS_AS, 65501, 65502, 65503))
    if blackhole and NO_EXPORT not in kept:
        kept += (NO_EXPORT,)
    asns = (ASNS[announcer],) * prepends(of, number) + of.asns
    return replace(
        of,
        as_path=(AsSegment(SegmentKind.SEQUENCE, asns),),
        next_hop=HOP if blackhole and family is V4 else address(announcer, family),
        communities=kept,
        large_communities=tuple(c for c in of.large_communities if c[0] != RS_AS),
        otc=format_.otc,
    )


def check(exchange: Exchange, model: dict[str, dict[int, PathAttributes]], family: Any) -> None:
    for number, format_ in exchange.formats.items():
        expected = {}
        for prefix, routes in model.items():
            eligible = {n: of for n, of in routes.items() if goes(of, n, number)}
            if eligible:
                winner = chosen_of(eligible)
                expected[key(prefix)] = exported(eligible[winner], winner, number, format_, family)
        held = {k: exchange.decoded(found, format_) for k, found in exchange.held[number].items()}
        assert held == expected, f"client {number}"
        assert exchange.receivers[number].count == len(expected)
    assert len(exchange.table) == sum(1 for routes in model.values() if routes)
