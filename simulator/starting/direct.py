"""From what is known to a Direct peering: private links, each to an edge of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from itertools import zip_longest
from typing import Final

from simulator.addresses import IpAddress, IpNetwork
from simulator.starting.facts import RouterFacts, StartError
from simulator.starting.plan import NOWHERE, PLACEHOLDER_ASN, StartPlan, Wishes, asn_of, prefixes_of

LENGTHS: Final = {4: (31, 30), 6: (127, 126)}
"""sessionPrefixV4 and V6, the likelier first."""
_PLACEHOLDERS: Final = ("192.0.2.0/31", "192.0.2.2/31", "2001:db8:0:1::/127", "2001:db8:0:2::/127")


def direct_plan(wishes: Wishes, own: RouterFacts | None) -> StartPlan:
    """Raises StartError."""
    for option, given in (
        ("--exchange", wishes.exchange),
        ("--lan", wishes.lan),
        ("--microsoft", wishes.microsoft),
        ("--address", wishes.addresses),
    ):
        if given:
            raise StartError(f"{option}: a Direct peering has no exchange: give the prefix of each private --link")
    missing = set[str]()
    asn = asn_of(wishes, own)
    if asn is None:
        missing.add("asn")
    links = wishes.links or tuple(_of_file(own))
    if not links:
        links = tuple(map(ip_network, _PLACEHOLDERS))
        missing.add("links")
    for link in links:
        if link.prefixlen not in LENGTHS[link.version]:
            fitting = " or ".join(f"/{length}" for length in reversed(LENGTHS[link.version]))
            raise StartError(f"--link {link}: the IPv{link.version} prefix of a private link is a {fitting}")
    ipv4, ipv6 = ([each for each in dict.fromkeys(links) if each.version == version] for version in (4, 6))
    pairs = tuple(zip_longest(ipv4, ipv6))
    prefixes = prefixes_of(wishes, {each.version for each in links}, missing)
    return StartPlan(
        kind="Direct",
        exchange=NOWHERE,
        lan=(),
        edges=tuple((None, None) for _ in pairs),
        name=wishes.name or "mine",
        asn=asn or PLACEHOLDER_ASN,
        addresses=(),
        router=wishes.router or (own.kind if own is not None else "simulated"),
        prefixes=prefixes,
        own=own,
        placeholders=frozenset(missing),
        links=pairs,
    )


def _of_file(own: RouterFacts | None) -> Iterator[IpNetwork]:
    """The networks of the file's own interfaces, else the smallest that hold Microsoft's address and one of its own."""
    if own is None:
        return
    for address in own.microsoft:
        stated = (each for each in own.lan if address in each and each.prefixlen in LENGTHS[address.version])
        found = next(stated, None) or _between(address, own.addresses)
        if found is None:
            raise StartError(
                f"{own.file}: nobody says which link leads to {address}: give the prefix of each link with --link"
            )
        yield found


def _between(address: IpAddress, ours: Iterable[IpAddress]) -> IpNetwork | None:
    for length in LENGTHS[address.version]:
        found = ip_network(f"{address}/{length}", strict=False)
        if any(each in found and each != address for each in ours):
            return found
    return None
