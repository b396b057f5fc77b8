"""What the routers' languages have a way to say of a route that they originate, and what a route needs said.

What a language cannot say is refused, and never left out in silence: by `turnup validate` with the line of the route,
and by every renderer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address

from simulator.places.errors import LabError
from simulator.topology.kinds import KINDS, LANGUAGES, Says
from simulator.topology.route import RouterRoute
from simulator.wire.path_attributes import AsSegment, SegmentKind


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
    """Why a language cannot say a route, and what to do; None: it can, or its language is not known here."""
    language = LANGUAGES.get(format_)
    if language is None:
        return None
    for what, value in needs(route):
        if what not in language.says:
            told = f"{what.value} ({value})" if value else what.value
            instead = "write next-hop self" if what is Says.NEXT_HOP else "leave it out"
            return (
                f"route {route.prefix} cannot be written for {language.title} with {told}: {instead}, or give the peer "
                f"the router {' or '.join(_able(what))}"
            )
    return None


def _able(what: Says) -> Iterator[str]:
    """The kinds of router that can announce it: those that turnup plays, and daemons whose language can say it."""
    yield from (name for name, kind in KINDS.items() if kind.is_played and kind.may_be_customer)
    yield from (name for name, language in LANGUAGES.items() if name in KINDS and what in language.says)


def require(format_: str, routes: Iterable[RouterRoute]) -> None:
    """Raises LabError for the first route that a language has no way to say."""
    for route in routes:
        reason = unsayable(format_, route)
        if reason is not None:
            raise LabError(reason)
