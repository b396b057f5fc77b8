"""From what is known to one exchange peering: each value with where it is from, and what stands in for the rest.

Nothing is guessed in silence: a value that nobody gave is a placeholder, and says so in the file that is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from itertools import islice, zip_longest
from typing import Final

from simulator.addresses import IpAddress, IpNetwork
from simulator.policy.registries import BOGON_ASNS, DOCUMENTATION_ASNS
from simulator.starting.facts import MICROSOFT, ExchangeFacts, MemberPort, RouterFacts, StartError
from simulator.topology.locations import ExchangeLocation, embedded

DOCUMENTATION: Final = tuple(
    map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"))
)
"""RFC 5737, RFC 3849, RFC 9637: bogons to a real filter."""
PLACEHOLDER_ASN: Final = 64496
"""RFC 5398."""
_PLACEHOLDER_PREFIXES: Final = ("198.51.100.0/24", "203.0.113.0/24", "2001:db8:100::/48")
NOWHERE: Final = ExchangeFacts(
    "A lab exchange", "", lan=(ip_network("192.0.2.0/24"), ip_network("2001:db8:2::/64")), metro=""
)
_OUR_PORTS: Final = ("192.0.2.75", "192.0.2.76", "2001:db8:2::8075:1", "2001:db8:2::8075:2")
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was said on the command line, or answered; nothing of it has to be."""

    exchange: str = ""
    """PeeringDB's number, or a part of the name."""
    asn: int | None = None
    addresses: tuple[IpAddress, ...] = ()
    microsoft: tuple[IpAddress, ...] = ()
    lan: tuple[IpNetwork, ...] = ()
    router: str = ""
    prefixes: tuple[IpNetwork, ...] = ()
    name: str = ""
    kind: str = ""
    """One of the peering kinds of topologies; Exchange where nobody says."""
    links: tuple[IpNetwork, ...] = ()
    """The session prefixes of a Direct peering's links."""


@dataclass(frozen=True, slots=True)
class StartMember:
    """A member of an exchange, behind its route servers."""

    name: str
    asn: int
    addresses: tuple[IpAddress, ...]
    prefixes: tuple[IpNetwork, ...] = ()


@dataclass(frozen=True, slots=True)
class StartPlan:
    """One peering, complete."""

    exchange: ExchangeFacts
    lan: tuple[IpNetwork, ...]
    """At most one of each family."""
    edges: tuple[tuple[IpAddress | None, IpAddress | None], ...]
    """IPv4 and IPv6 address of each."""
    name: str
    asn: int
    addresses: tuple[IpAddress, ...]
    """At most one of each family; the peering has these families."""
    router: str
    prefixes: tuple[IpNetwork, ...]
    own: RouterFacts | None
    placeholders: frozenset[str]
    """What nobody gave: exchange, lan, microsoft, asn, addresses, links, members, prefixes."""
    kind: str = "Exchange"
    links: tuple[tuple[IpNetwork | None, IpNetwork | None], ...] = ()
    """Direct: the IPv4 and IPv6 prefix of the link to each edge."""
    servers: tuple[tuple[IpAddress | None, IpAddress | None], ...] = ()
    """IxRs: the IPv4 and IPv6 address of each route server."""
    members: tuple[StartMember, ...] = ()
    """IxRs: who announces the prefixes."""

    doubtful: tuple[IpAddress, ...] = ()
    """Of the edges' addresses, those that the exchange's list of Microsoft's does not have."""

    @property
    def families(self) -> tuple[int, ...]:
        """4, 6 or both: those of the peering's sessions."""
        if self.kind == "Direct":
            return tuple(version for version, each in ((4, 0), (6, 1)) if any(link[each] for link in self.links))
        return tuple(each.version for each in self.addresses)

    @property
    def needs_documentation(self) -> bool:
        """The lab announces what is a bogon outside of it."""
        announced = [] if self.own is not None else self.prefixes
        asns = (self.asn, *(member.asn for member in self.members))
        return any(asn in numbers for numbers, _ in DOCUMENTATION_ASNS for asn in asns) or any(
            _within(each, DOCUMENTATION) for each in announced
        )


def exchange_of(wishes: Wishes, exports: Sequence[ExchangeFacts], own: RouterFacts | None) -> ExchangeFacts | None:
    """The exchange that is meant; None: nobody says. Raises StartError where it is one of several, or none."""
    known = [_of_location(each) for each in embedded().exchanges]
    theirs = (*wishes.microsoft, *wishes.addresses, *(own.microsoft if own is not None else ()))
    if wishes.exchange:
        found = _named(wishes.exchange, exports) or _named(wishes.exchange, known)
        if not found:
            raise StartError(
                f"--exchange {wishes.exchange}: no exchange of this name or number is known: give its --lan and "
                "Microsoft's addresses there with --microsoft instead (turnup location list shows those that are)"
            )
        return _completed(_only(found, f"--exchange {wishes.exchange}"), known)
    if exports:
        fitting = [each for each in exports if each.has(theirs)] or list(exports)
        with_both = [each for each in fitting if each.microsoft and wishes.asn and each.ports_of(wishes.asn)]
        chosen = _only(with_both or [each for each in fitting if each.microsoft] or fitting, fitting[0].source)
        return _completed(chosen, known)
    return next((each for each in known if each.has(theirs)), None)


def asn_of(wishes: Wishes, own: RouterFacts | None) -> int | None:
    """The peer's; None: nobody says. Raises StartError for one that Microsoft peers with nobody by."""
    asn = wishes.asn or (own.asn if own is not None else None)
    if asn is not None:
        _check(asn)
    return asn


def prefixes_of(wishes: Wishes, families: set[int], missing: set[str]) -> tuple[IpNetwork, ...]:
    """Those that sessions of these families announce. Raises StartError for none."""
    prefixes = wishes.prefixes
    if not prefixes:
        prefixes = tuple(map(ip_network, _PLACEHOLDER_PREFIXES))
        missing.add("prefixes")
    if not (kept := tuple(each for each in prefixes if each.version in families)):
        raise StartError(f"--prefix {_text(prefixes)}: no session has this family: give an address of it too")
    return kept


def exchange_plan(wishes: Wishes, exports: Sequence[ExchangeFacts], own: RouterFacts | None) -> StartPlan:
    """A peering at an exchange. Raises StartError."""
    found = exchange_of(wishes, exports, own)
    missing = set[str]()
    exchange = found or NOWHERE
    if found is None:
        missing.add("exchange")
    asn = asn_of(wishes, own)
    if asn is None:
        missing.add("asn")
    microsoft = wishes.microsoft or (own.microsoft if own is not None else ()) or exchange.microsoft
    ours = wishes.addresses or (own.addresses if own is not None else ())
    if not ours and asn is not None:
        ports = exchange.ports_of(asn)
        ours = ports[0].addresses if ports else ()
    lan = wishes.lan or tuple(_lan(exchange if found else None, own, microsoft, ours))
    if not microsoft and found is None and not wishes.lan:
        microsoft, lan = tuple(map(ip_address, _OUR_PORTS)), lan or exchange.lan
    if not lan:
        lan = tuple(_around((*microsoft, *ours, *taken_addresses(exchange))))
        missing.add("lan")
    if not microsoft:
        microsoft = tuple(
            each for prefix in lan for each in islice(free_addresses(prefix, (*ours, *taken_addresses(exchange))), 2)
        )
        missing.add("microsoft")
    elif found is None and not wishes.microsoft and (own is None or not own.microsoft):
        missing.add("microsoft")
    if not ours:
        ours = tuple(next(free_addresses(prefix, (*microsoft, *taken_addresses(exchange)))) for prefix in lan)
        missing.add("addresses")
    lan = tuple(filter(None, (_lan_of(version, lan, (*microsoft, *ours)) for version in (4, 6))))
    addresses = tuple(
        first
        for version in (4, 6)
        if any(each.version == version for each in microsoft) and any(each.version == version for each in lan)
        if (first := next((each for each in ours if each.version == version), None)) is not None
    )
    if not addresses:
        raise StartError(
            f"no address of yours ({_text(ours)}) has one of Microsoft's ({_text(microsoft)}) of its family on the "
            f"LAN ({_text(lan)}): give --address, --microsoft and --lan that belong together"
        )
    families: set[int] = {each.version for each in addresses}
    kept = prefixes_of(wishes, families, missing)
    return StartPlan(
        exchange=exchange,
        lan=tuple(each for each in lan if each.version in families),
        edges=_edges(microsoft, families),
        name=wishes.name or "mine",
        asn=asn or PLACEHOLDER_ASN,
        addresses=addresses,
        router=wishes.router or (own.kind if own is not None else "simulated"),
        prefixes=kept,
        own=own,
        placeholders=frozenset(missing),
        doubtful=tuple(_unknown(microsoft, exchange.microsoft, families)),
    )


def _unknown(said: Iterable[IpAddress], known: Sequence[IpAddress], families: set[int]) -> Iterator[IpAddress]:
    """Addresses that somebody said are Microsoft's, of a family of which others are known, and not they."""
    listed = {each.version for each in known} & families
    return (each for each in dict.fromkeys(said) if each.version in listed and each not in known)


def _check(asn: int) -> None:
    """Raises StartError for an ASN that Microsoft peers with nobody by."""
    if asn == MICROSOFT:
        raise StartError(f"AS{MICROSOFT} is Microsoft: give the ASN of your own network")
    for numbers, why in BOGON_ASNS:
        if asn in numbers:
            raise StartError(
                f"AS{asn} does not belong on the Internet ({why}), and Microsoft refuses every route of it: give the "
                f"public ASN that you peer by, or AS{PLACEHOLDER_ASN} for a lab"
            )


def _named(wanted: str, exchanges: Iterable[ExchangeFacts]) -> list[ExchangeFacts]:
    """By number, by the whole name, else by a part of it."""
    known = list(exchanges)
    if wanted.isdecimal():
        return [each for each in known if each.peeringdb_ix == int(wanted)]
    word = wanted.casefold()
    whole = [each for each in known if each.name.casefold() == word]
    return whole or [each for each in known if word in each.name.casefold()]


def _only(found: Sequence[ExchangeFacts], where: str) -> ExchangeFacts:
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{each.name} ({each.peeringdb_ix or '-'})" for each in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise StartError(f"{where}: {len(found)} exchanges fit: choose one with --exchange: {names}{more}")


def _completed(exchange: ExchangeFacts, known: Iterable[ExchangeFacts]) -> ExchangeFacts:
    """With what an export leaves out and the list that comes with turnup has: a LAN's prefixes, Microsoft's ports."""
    here = next((each for each in known if each.peeringdb_ix == exchange.peeringdb_ix), None)
    if exchange.peeringdb_ix is None or here is None:
        return exchange
    have = {each.version for each in exchange.lan}
    return replace(
        exchange,
        metro=exchange.metro or here.metro,
        lan=(*exchange.lan, *(each for each in here.lan if each.version not in have)),
        ports=exchange.ports if exchange.microsoft else (*exchange.ports, *here.ports),
    )


def _of_location(found: ExchangeLocation) -> ExchangeFacts:
    addresses: tuple[IpAddress, ...] = (*found.microsoft_ipv4, *found.microsoft_ipv6)
    ports = tuple(MemberPort(MICROSOFT, (each,)) for each in addresses)
    words = f"turnup location show {found.peeringdb_ix}"
    return ExchangeFacts(found.name, words, found.peeringdb_ix, found.metro, found.lan, ports)


def _lan(
    exchange: ExchangeFacts | None, own: RouterFacts | None, microsoft: Sequence[IpAddress], ours: Sequence[IpAddress]
) -> Iterator[IpNetwork]:
    """Of the exchange, and for a family of which it says nothing, of the router's own file."""
    if exchange is not None:
        yield from exchange.lan
    if own is not None:
        have = {each.version for each in exchange.lan} if exchange is not None else set()
        yield from (each for each in own.lan if each.version not in have)


def _lan_of(version: int, lan: Sequence[IpNetwork], addresses: Sequence[IpAddress]) -> IpNetwork | None:
    """The prefix that most of the addresses are in: a LAN may have several of a family."""
    of_it = [each for each in lan if each.version == version]
    return max(of_it, key=lambda prefix: sum(each in prefix for each in addresses), default=None)


def _around(addresses: Iterable[IpAddress]) -> Iterator[IpNetwork]:
    """The smallest prefix around the addresses of each family, of an exchange LAN's usual size or larger."""
    found: dict[int, IpNetwork] = {}
    for each in addresses:
        around = found.get(each.version) or ip_network(f"{each}/{24 if each.version == 4 else 64}", strict=False)
        while each not in around:
            around = around.supernet()
        found[each.version] = around
    yield from found.values()


def free_addresses(prefix: IpNetwork, taken: Iterable[IpAddress]) -> Iterator[IpAddress]:
    """Addresses of a prefix that nobody has, from its middle on. Raises StartError where it has no such address."""
    used = set(taken)
    middle = prefix.num_addresses // 2
    for offset in range(min(prefix.num_addresses - 2, 65536)):
        found = prefix[1 + (middle + offset) % (prefix.num_addresses - 2)]
        if found not in used:
            yield found
    raise StartError(f"{prefix} has no free address: give --address and --microsoft")


def taken_addresses(exchange: ExchangeFacts) -> Iterator[IpAddress]:
    return (address for port in exchange.ports for address in port.addresses)


def _edges(microsoft: Iterable[IpAddress], families: set[int]) -> tuple[tuple[IpAddress | None, IpAddress | None], ...]:
    given = tuple(dict.fromkeys(microsoft))
    ipv4, ipv6 = ([each for each in given if each.version == version and version in families] for version in (4, 6))
    return tuple(zip_longest(ipv4, ipv6))


def _within(prefix: IpNetwork, others: Iterable[IpNetwork]) -> bool:
    return any(each.version == prefix.version and prefix.subnet_of(each) for each in others)  # type: ignore[arg-type]


def _text(found: Iterable[object]) -> str:
    return ", ".join(map(str, found)) or "none"
