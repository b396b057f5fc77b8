"""From what is known to an IxRs peering: an exchange's route servers, its members, and Microsoft as their client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_network
from itertools import zip_longest
from typing import Final

from simulator.addresses import IpAddress, IpNetwork
from simulator.starting.facts import MICROSOFT, ExchangeFacts, MemberPort, RouterFacts, StartError
from simulator.starting.plan import StartMember, StartPlan, Wishes, exchange_plan, free_addresses, taken_addresses
from simulator.topology.kinds import KINDS, RouteServerRole

_MEMBER_ASNS: Final = (64500, 64501)
"""RFC 5398."""
_MEMBER_PREFIXES: Final = ("198.51.100.0/24", "203.0.113.0/24", "2001:db8:100::/48", "2001:db8:200::/48")


def ixrs_plan(wishes: Wishes, exports: Sequence[ExchangeFacts], own: RouterFacts | None) -> StartPlan:
    """Raises StartError."""
    if own is not None:
        raise StartError(
            f"{own.file}: a route server's own file needs its members too: start without it, and put it into the "
            f"topology with `router: {{kind: {own.kind}, config: FILE}}`"
        )
    if wishes.router and KINDS[wishes.router].route_server is not RouteServerRole.ALWAYS:
        raise StartError(
            f"--router {wishes.router}: turnup plays the route servers (route-server) until you put a file of your own "
            f"into the topology: `router: {{kind: {wishes.router}, config: FILE}}`"
        )
    wishes = replace(wishes, asn=wishes.asn or _server_asn(exports))
    base = exchange_plan(
        replace(wishes, prefixes=wishes.prefixes or tuple(map(ip_network, _MEMBER_PREFIXES))), exports, None
    )
    versions = tuple(each.version for each in base.addresses)
    servers = (
        [port for port in base.exchange.ports_of(base.asn) if port.is_route_server] if not wishes.addresses else []
    )
    ours = [address for port in servers for address in port.addresses] or [*wishes.addresses]
    missing = set(base.placeholders) - ({"prefixes"} if wishes.prefixes else set())
    if not wishes.prefixes:
        missing.add("prefixes")
    used = [*taken_addresses(base.exchange), *(each for edge in base.edges for each in edge if each is not None), *ours]
    if not ours:
        ours = [each for prefix in base.lan for _, each in zip(range(2), free_addresses(prefix, used), strict=False)]
        missing.add("addresses")
    pairs = _pairs(ours, versions)
    used += ours
    members, are_known = _members(base, used, versions)
    if not are_known:
        missing.add("members")
    return replace(
        base,
        kind="IxRs",
        router=wishes.router or "route-server",
        addresses=tuple(each for each in pairs[0] if each is not None),
        servers=pairs,
        members=tuple(
            replace(member, prefixes=tuple(_share(base.prefixes, number, len(members))))
            for number, member in enumerate(members)
        ),
        placeholders=frozenset(missing),
    )


def _server_asn(exports: Sequence[ExchangeFacts]) -> int | None:
    """That of the route servers, where the exports know one alone."""
    found = {port.asn for each in exports for port in each.route_servers}
    return found.pop() if len(found) == 1 else None


def _pairs(
    addresses: Sequence[IpAddress], versions: Sequence[int]
) -> tuple[tuple[IpAddress | None, IpAddress | None], ...]:
    """The addresses of each route server, which has every family of the peering. Raises StartError."""
    ipv4, ipv6 = ([each for each in addresses if each.version == version and version in versions] for version in (4, 6))
    if ipv4 and ipv6 and len(ipv4) != len(ipv6):
        raise StartError(
            f"{len(ipv4)} IPv4 and {len(ipv6)} IPv6 addresses of route servers: give each --address of both"
        )
    return tuple(zip_longest(ipv4, ipv6))


def _members(base: StartPlan, used: Sequence[IpAddress], versions: Sequence[int]) -> tuple[list[StartMember], bool]:
    """Two members that the export knows with all families, else two that stand in for them."""
    found = [
        StartMember(f"member-{port.asn}", port.asn, tuple(each for each in port.addresses if each.version in versions))
        for port in base.exchange.ports
        if _may_be_member(port, base.asn) and {each.version for each in port.addresses} >= set(versions)
    ]
    different = list({each.asn: each for each in found}.values())[:2]
    if len(different) == 2:
        return different, True
    free = [free_addresses(prefix, used) for prefix in base.lan]
    asns = [asn for asn in (*_MEMBER_ASNS, 64502) if asn != base.asn][:2]
    return [StartMember(f"member-{asn}", asn, tuple(map(next, free))) for asn in asns], False


def _may_be_member(port: MemberPort, servers: int) -> bool:
    return not port.is_route_server and port.asn not in (MICROSOFT, servers)


def _share(prefixes: Sequence[IpNetwork], number: int, of: int) -> Iterator[IpNetwork]:
    """Each member has its part of each family."""
    for version in (4, 6):
        yield from [each for each in prefixes if each.version == version][number::of]
