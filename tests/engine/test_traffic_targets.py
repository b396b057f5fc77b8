"""Whom traffic goes to is found in routes that change while it is looked for."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from simulator.addresses import IpAddress
from simulator.engine.traffic_targets import MOST, NamedRoute, Own, host_in, targets
from simulator.wire import nlri

HOPS = [IPv4Address(f"192.0.2.{number}") for number in range(1, 13)]
ROUTES = st.dictionaries(st.integers(0, 255), st.sampled_from(range(len(HOPS))), max_size=20)


def key_of(number: int) -> bytes:
    return nlri.key(f"203.0.{number}.0/24")[1]


@given(st.lists(ROUTES, min_size=1, max_size=6), st.booleans())
async def test_routes_may_change_while_a_router_is_asked(tables: list[dict[int, int]], one_known: bool) -> None:
    """Of the routes as they are at last, one address behind each router: as if nothing had changed."""
    table, later = dict(tables[0]), iter(tables[1:])
    asked: list[str] = []

    def routes() -> Iterator[NamedRoute]:
        for number, hop in table.items():
            yield key_of(number), HOPS[hop], f"r{hop}"

    async def ask(router: str) -> Own:
        asked.append(router)
        table.update(next(later, {}))  # a session's dictionary is one and the same for ever
        return frozenset({IPv4Address("203.0.0.1")})

    known: dict[str, Own] = {"r0": frozenset({IPv4Address("203.0.0.1")})} if one_known else {}
    found = await targets(4, routes, known, ask)
    expected: dict[str, IpAddress] = {}
    for number, hop in table.items():
        if len(expected) < MOST or f"r{hop}" in expected:
            first = IPv4Address("203.0.0.2") if number == 0 else IPv4Address(f"203.0.{number}.1")
            expected.setdefault(f"r{hop}", first)
    assert found == expected
    assert len(asked) == len(set(asked)), "each is asked one time"
    assert not set(asked) & set(known)


async def test_a_router_s_own_addresses_and_an_edge_s_own_links_are_no_target() -> None:
    def routes() -> Iterator[NamedRoute]:
        yield nlri.key("192.0.2.0/24")[1], HOPS[0], "contoso"  # on the edge's link
        yield nlri.key("203.0.1.1/32")[1], HOPS[0], "contoso"  # on the router's loopback
        yield nlri.key("203.0.2.0/24")[1], HOPS[0], "contoso"

    async def ask(router: str) -> Own:
        return frozenset({IPv4Address("203.0.1.1"), IPv4Address("203.0.2.1")})

    found = await targets(4, routes, {}, ask, [ip_network("192.0.2.0/24")])
    assert found == {"contoso": IPv4Address("203.0.2.2")}


def test_a_host_has_an_address_that_nobody_has() -> None:
    taken = [ip_address("192.0.2.1"), ip_address("192.0.2.2")]
    for prefix, without, with_others in (
        ("192.0.2.0/24", "192.0.2.1", "192.0.2.3"),
        ("192.0.2.2/32", "192.0.2.2", None),
        ("192.0.2.0/31", "192.0.2.1", None),
        ("2001:db8::/32", "2001:db8::1", "2001:db8::1"),
    ):
        version, (_, key) = ip_network(prefix).version, nlri.key(prefix)
        assert host_in(version, key) == ip_address(without)
        assert host_in(version, key, taken) == (ip_address(with_others) if with_others else None)
