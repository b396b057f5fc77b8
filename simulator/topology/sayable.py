"""What the routers' languages have a way to say of a route that they originate, and what a route needs said.

What a language cannot say is refused, and never left out in silence: by `turnup validate` with the line of the route,
and by every renderer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from ipaddress import IPv4Address
from typing import Final

from simulator.places.errors import LabError
from simulator.topology.route import RouterRoute
from simulator.wire.path import AsSegment, SegmentKind


class Says(Enum):
    """Something that a route may need said beyond its prefix, a sequence of ASNs, MED and communities."""

    AS_SET = "an AS_SET in as-path"
    CONFEDERATION = "a confederation segment in as-path"
    EGP = "origin egp"
    INCOMPLETE = "origin incomplete"
    NEXT_HOP = "a next-hop that is not its own address"
    ATOMIC_AGGREGATE = "atomic-aggregate"
    AGGREGATOR = "aggregator"
    AGGREGATOR4 = "an aggregator with an ASN of four octets"
    TARGET = "an extended-community that is a route target or a route origin"
    EXTENDED = "an extended-community of this type"
    OTC = "Only to Customer (attribute 0x23)"
    ATTRIBUTE = "an attribute by its number"
    PARTIAL = "an attribute with its Partial bit"


_ORIGINS: Final = frozenset({Says.EGP, Says.INCOMPLETE})
_LEARNED: Final = frozenset({Says.AS_SET})
"""These languages originate nothing with a path: such a route is a customer's, who is named with its path."""

SAYS: Final[dict[str, tuple[str, frozenset[Says]]]] = {
    "bird": ("BIRD", _ORIGINS | {Says.TARGET, Says.EXTENDED, Says.OTC}),
    "frr": ("FRR", _ORIGINS | {Says.ATOMIC_AGGREGATE, Says.AGGREGATOR, Says.TARGET}),  # 8.4 sends another large ASN
    "openbgpd": ("OpenBGPD", _ORIGINS | {Says.TARGET}),
    "gobgp": ("GoBGP", _ORIGINS | {Says.AS_SET, Says.AGGREGATOR, Says.AGGREGATOR4}),
    "exabgp": ("ExaBGP", frozenset(Says) - {Says.CONFEDERATION, Says.PARTIAL}),
    "junos": ("Junos", _LEARNED | _ORIGINS | {Says.TARGET}),
    "iosxr": ("IOS XR", _LEARNED | _ORIGINS | {Says.TARGET}),
    "ios": ("IOS", _LEARNED | {Says.INCOMPLETE, Says.TARGET}),
    "eos": ("EOS", _LEARNED | _ORIGINS | {Says.TARGET}),
    "routeros": ("RouterOS", _LEARNED),
    "vyos": ("VyOS", _LEARNED | _ORIGINS | {Says.ATOMIC_AGGREGATE, Says.AGGREGATOR, Says.TARGET}),
}
"""Format → the router's name, and what its language can say. The first five were tried with the daemons themselves."""


def needs(route: RouterRoute) -> Iterator[tuple[Says, str]]:
    """What a route needs said, each with its value in words."""
    for part in route.as_path:
        if isinstance(part, AsSegment):
            yield (Says.AS_SET if part.kind is SegmentKind.SET else Says.CONFEDERATION), str(part)
    if route.origin:
        yield (Says.EGP, "") if route.origin == 1 else (Says.INCOMPLETE, "")
    if route.next_hop is not None:
        yield Says.NEXT_HOP, route.next_hop
    if route.atomic_aggregate:
        yield Says.ATOMIC_AGGREGATE, ""
    if route.aggregator is not None:
        asn, _ = route.aggregator
        yield (Says.AGGREGATOR4 if asn > 0xFFFF else Says.AGGREGATOR), ":".join(map(str, route.aggregator))
    for value in route.extended_communities:
        yield (Says.EXTENDED if target(value) is None else Says.TARGET), f"0x{value.hex()}"
    if route.otc is not None:
        yield Says.OTC, str(route.otc)
    for _, code, value in route.unknown:
        yield Says.ATTRIBUTE, f"0x{code:02x}, value 0x{value.hex()}"
    for code in route.partial:
        yield Says.PARTIAL, f"0x{code:02x}"


def target(value: bytes) -> tuple[str, str] | None:
    """`("rt", "64496:100")` or `("soo", …)` for a route target or route origin that all languages write alike.

    None for any other extended community, also for a four-octet form of an ASN that two octets hold.
    """
    kind = {2: "rt", 3: "soo"}.get(value[1])
    if kind is None or value[0] > 2:
        return None
    if value[0] == 0:
        return kind, f"{int.from_bytes(value[2:4], 'big')}:{int.from_bytes(value[4:], 'big')}"
    local = int.from_bytes(value[6:], "big")
    if value[0] == 1:
        return kind, f"{IPv4Address(value[2:6])}:{local}"
    asn = int.from_bytes(value[2:6], "big")
    return (kind, f"{asn}:{local}") if asn > 0xFFFF else None


def unsayable(format_: str, route: RouterRoute) -> str | None:
    """Why a language cannot say a route, and what to do; None where it can, or where it is none of these."""
    title, says = SAYS.get(format_, ("", frozenset(Says)))
    for what, value in needs(route):
        if what not in says:
            able = [name for name, (_, theirs) in SAYS.items() if what in theirs and name in _DAEMONS]
            told = f"{what.value} ({value})" if value else what.value
            instead = "write next-hop self" if what is Says.NEXT_HOP else "leave it out"
            routers = " or ".join(("simulated", *able))
            return (
                f"route {route.prefix} cannot be written for {title} with {told}: {instead}, or give the peer the "
                f"router {routers}"
            )
    return None


_DAEMONS: Final = ("bird", "frr", "openbgpd", "gobgp", "exabgp")


def require(format_: str, routes: Iterable[RouterRoute]) -> None:
    """Raises LabError for the first route that a language has no way to say."""
    for route in routes:
        reason = unsayable(format_, route)
        if reason is not None:
            raise LabError(reason)
