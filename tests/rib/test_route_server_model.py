"""The route server's difference streams against a model that works out every client's table from nothing, each time."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.rib.route_server.client import RouteServerSettings
from simulator.rib.route_server.control import BLACKHOLE, GRACEFUL_SHUTDOWN, NO_EXPORT
from simulator.rib.route_server.transparent import MessageFormat
from simulator.wire.attribute_codec import AsSegment, PathAttributes, SegmentKind
from tests.examples import examples
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


numbers = st.integers(1, COUNT)
chosen = st.sets(st.integers(0, 3), min_size=1)
steps = st.one_of(
    numbers.flatmap(lambda n: st.tuples(st.just("announce"), st.just(n), attributes(n), chosen)),
    st.tuples(st.just("withdraw"), numbers, st.none(), chosen),
    st.tuples(st.just("down"), numbers, st.none(), st.none()),
    st.tuples(st.just("join"), numbers, st.sampled_from(FORMATS), st.none()),
    st.tuples(st.just("leave"), numbers, st.none(), st.none()),
    st.tuples(st.just("tell"), st.just(0), st.none(), st.none()),
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


@settings(max_examples=examples(400), deadline=None)
@given(family=st.sampled_from([V4, V6]), script=st.lists(steps, max_size=25))
def test_every_client_holds_what_the_model_says(family: Any, script: list[Any]) -> None:
    exchange = Exchange(family, RouteServerSettings(RS_AS, {V4: HOP}))
    for number in range(1, COUNT + 1):
        exchange.client(
            number,
            ASNS[number],
            refuses=REFUSED.get(number, frozenset()),
            blackholes=number not in NO_BLACKHOLES,
        )
        if number % 2:
            exchange.join(number, FORMATS[number // 2])
    model: dict[str, dict[int, PathAttributes]] = {prefix: {} for prefix in PREFIXES[family]}
    for what, number, given_, which in [*script, ("tell", 0, None, None)]:
        touched = [PREFIXES[family][index] for index in sorted(which)] if which else []
        if what == "announce":
            exchange.announce(number, given_, *touched)
            for prefix in touched:
                model[prefix][number] = given_
        elif what == "withdraw":
            exchange.withdraw(number, *touched)
            for prefix in touched:
                model[prefix].pop(number, None)
        elif what == "down":
            exchange.down(number)
            for routes in model.values():
                routes.pop(number, None)
        elif what == "join":
            exchange.join(number, given_)
        elif what == "leave":
            exchange.tell()
            exchange.formats.pop(number, None)
        else:
            exchange.tell()
            check(exchange, model, family)


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
