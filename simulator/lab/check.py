"""What a schema cannot say of a topology: names that must resolve, addresses that must fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType

from netaddr import IPAddress, IPNetwork

from simulator.lab.check_direct import direct_problems, prefix_problems
from simulator.lab.check_external import external_problems
from simulator.lab.check_members import member_problems
from simulator.lab.check_names import name_problems
from simulator.lab.originate import announcements, router_routes
from simulator.lab.policy_files import files_of, read_file
from simulator.lab.problem import Path, Problem
from simulator.lab.topology import EXTERNAL, OURS, Announce, Node, Peer, Peering, Topology, Wire
from simulator.policy.data.reading import DataError
from simulator.policy.policy import PROFILES, PolicyError, check_settings
from simulator.policy.rules import RULES
from simulator.routers.configs.sayable import unsayable
from simulator.routers.registry import ROUTERS

_READ_HERE = 4_000_000
"""Octets: a longer data file takes seconds to read, and is read once, when the lab starts."""


def problems(
    topology: Topology, *, own_files: bool = True, formats: Mapping[str, str] = MappingProxyType({})
) -> list[Problem]:
    """Everything that is wrong with a topology that fits the schema, in the order of the file.

    `own_files`: the routers' own configuration files must be there. `formats`: peer → the language that its
    configuration is asked for in, other than its own router's.
    """
    found = [
        *_nodes(topology),
        *_own_files(topology, own_files),
        *name_problems(topology),
        *_announcements(topology),
        *_peerings(topology),
    ]
    found += [*_policy(topology), *member_problems(topology)]
    return found or [*_unlinked(topology), *external_problems(topology), *_unsayable(topology, formats)]


def _nodes(topology: Topology) -> Iterator[Problem]:
    names: dict[str, str] = {}
    taken: dict[IPv4Address | IPv6Address, str] = {}
    lan = topology.lan
    if topology.exchange is not None and not lan.prefixes:
        yield Problem(("exchange", "lan"), "the exchange LAN needs an ipv4 or an ipv6 prefix")
    for section, nodes in (("edges", topology.edges), ("peers", topology.peers), ("customers", topology.customers)):
        for index, node in enumerate(nodes):
            where: Path = (section, index)
            if node.name in names:
                yield Problem((*where, "name"), f"the name '{node.name}' is already used in {names[node.name]}")
            names[node.name] = section
            yield from _wire_problems(node, where)
            if not node.addresses and node.model_fields_set & _OF_THE_LAN:
                told = ", ".join(sorted(node.model_fields_set & _OF_THE_LAN))
                text = f"{told}: '{node.name}' has no interface on the exchange LAN: give it to the Direct connection"
                yield Problem(where, text)
            for key, address, prefix in (("ipv4", node.ipv4, lan.ipv4), ("ipv6", node.ipv6, lan.ipv6)):
                if address is None:
                    continue
                problem = _address_problem(str(address), str(prefix) if prefix else None, topology)
                if problem:
                    yield Problem((*where, key), problem)
                elif address in taken:
                    yield Problem((*where, key), f"{address} is already the address of '{taken[address]}'")
                taken[address] = node.name
    for index, peer in enumerate(topology.peers):
        if peer.router_kind not in ROUTERS:
            known = ", ".join(ROUTERS)
            yield Problem(("peers", index, "router"), f"no router '{peer.router_kind}' (there are: {known})")
        elif peer.router_kind not in (*OURS, EXTERNAL) and topology.link == "loopback":
            text = f"router '{peer.router_kind}' needs real addresses and port 179: use link: netns"
            yield Problem(("peers", index, "router"), text)
        if peer.hold_time in (1, 2):
            yield Problem(("peers", index, "hold-time"), "a hold time is 0 or at least 3 seconds (RFC 4271 §4.2)")
        if peer.asn == topology.microsoft.asn:
            yield Problem(("peers", index, "asn"), f"AS{peer.asn} is Microsoft's own: a peering is between two ASes")


def _own_files(topology: Topology, needed: bool) -> Iterator[Problem]:
    nodes: list[tuple[str, list[Peer]]] = [("peers", topology.peers), ("customers", [*topology.customers])]
    for section, peers in nodes:
        for index, peer in enumerate(peers):
            config, text = peer.router_choice.config, ""
            if config is None:
                continue
            if peer.is_external:
                text = "an external router has its own configuration: turnup does not start it"
            elif peer.router_kind in OURS:
                text = "the simulated router has no configuration file: name a real router, such as kind: bird"
            elif needed and not config.is_file():
                text = f"there is no file {config}"
            if text:
                yield Problem((section, index, "router", "config"), text)


def _unlinked(topology: Topology) -> Iterator[Problem]:
    """Nodes that nothing leads to. Told alone: it is what follows from most other mistakes."""
    direct = {
        name
        for peering in topology.peerings
        if peering.is_direct
        for name in (peering.peer, *(choice.edge for choice in topology.choices(peering)))
    }
    for section, nodes in (("edges", topology.edges), ("peers", topology.peers)):
        for index, node in enumerate(nodes):
            if not node.addresses and node.name not in direct:
                text = f"'{node.name}' has no address on an exchange LAN and no Direct connection"
                yield Problem((section, index), f"{text}: give it one, or leave it out")


_OF_THE_LAN = {*Wire.model_fields, "mtu", "interface", "vrf"}


def _wire_problems(wire: Wire, where: Path) -> Iterator[Problem]:
    if wire.jitter > wire.latency:
        text = f"a jitter of {wire.jitter:g} ms is more than the latency of {wire.latency:g} ms that it varies"
        yield Problem((*where, "jitter"), text)


def _address_problem(address: str, prefix: str | None, topology: Topology) -> str | None:
    if topology.exchange is None:
        return f"{address} is on no exchange: add the `exchange` section, or leave it to the Direct connections"
    if prefix is None:
        return f"{address} has no LAN prefix to lie in: the exchange has none of that family"
    network, host = IPNetwork(prefix), IPAddress(address)
    if host not in network:
        return f"{address} is outside the exchange LAN {prefix}: use an address that the exchange assigned"
    if (
        network.version == 4
        and network.prefixlen < 31
        and host in (IPAddress(network.first, 4), IPAddress(network.last, 4))
    ):
        return f"{address} is the network or broadcast address of {prefix}"
    if network.version == 6 and int(host) == network.first:
        return f"{address} is the subnet-router anycast address of {prefix}"
    return None


def _announcements(topology: Topology) -> Iterator[Problem]:
    anywhere = Node(name="any")
    sections: list[tuple[Path, Announce]] = [(("microsoft", "announce"), topology.microsoft.announce)]
    sections += [(("peers", index, "announce"), peer.announce) for index, peer in enumerate(topology.peers)]
    sections += [(("customers", index, "announce"), each.announce) for index, each in enumerate(topology.customers)]
    for where, entries in sections:
        for index, entry in enumerate(entries):
            try:
                announcements([entry], anywhere)
            except ValueError as error:
                yield Problem((*where, index), str(error))


def _unsayable(topology: Topology, formats: Mapping[str, str]) -> Iterator[Problem]:
    """Routes that a peer's router has no way to announce."""
    for section, nodes in (("peers", topology.peers), ("customers", topology.customers)):
        for at, node in enumerate(nodes):
            choice = node.router_choice
            # What is in a file of the user's own is announced from there; GoBGP's holds no routes.
            if node.name not in formats and choice.config is not None and choice.kind != "gobgp":
                continue
            language = formats.get(node.name) or choice.format or choice.kind
            for index, entry in enumerate(node.announce):
                if isinstance(entry, str):
                    # The routes of a line have the same attributes.
                    for route in router_routes(announcements([entry], node))[:1]:
                        reason = unsayable(language, route)
                        if reason is not None:
                            yield Problem((section, at, "announce", index), reason)


def _peerings(topology: Topology) -> Iterator[Problem]:
    peers, edges = {peer.name for peer in topology.peers}, {edge.name for edge in topology.edges}
    names: set[str] = set()
    used: dict[tuple[str, str], str] = {}
    ids: set[str] = set()
    for index, peering in enumerate(topology.peerings):
        where: Path = ("peerings", index)
        if peering.name in names:
            yield Problem((*where, "name"), f"two peerings are called '{peering.name}'")
        names.add(peering.name)
        if peering.peer not in peers:
            yield Problem((*where, "peer"), f"no peer '{peering.peer}' (there are: {', '.join(sorted(peers))})")
            continue
        unknown = [c.edge for c in peering.connections or () if c.edge not in edges]
        for position, choice in enumerate(peering.connections or ()):
            if choice.edge in unknown:
                text = f"no edge '{choice.edge}' (there are: {', '.join(sorted(edges))})"
                yield Problem((*where, "connections", position, "edge"), text)
        if unknown:
            continue
        if peering.is_direct and not peering.connections:
            yield Problem(
                (*where, "connections"), "a Direct peering needs `connections`: each an edge and its prefixes"
            )
            continue
        if peering.connections is not None and not peering.connections:
            yield Problem(
                (*where, "connections"), "a peering needs a connection: omit `connections` for one to every edge"
            )
        if not peering.is_direct and topology.exchange is None:
            yield Problem(where, "an Exchange peering needs the `exchange` section; or is it kind: Direct?")
            continue
        if peering.peer_side.halves is not None and (not peering.is_direct or topology.link == "loopback"):
            text = "only the links of a Direct peering have halves, and only link: netns has real ones"
            yield Problem((*where, "peer-side", "halves"), text)
        if not peering.families:
            yield Problem((*where, "families"), "a peering needs at least one of IPv4 and IPv6")
        for position, (identifier, edge) in enumerate(topology.connections(peering)):
            spot = (*where, "connections", position) if peering.connections is not None else where
            if identifier in ids and not (peering.is_ixrs and position):
                yield Problem(spot, f"ConnectionIdentifier:{identifier} is already being used in peering.")
            ids.add(identifier)
            if peering.is_direct:
                yield from _wire_problems(topology.choices(peering)[position], spot)
                yield from direct_problems(peering, topology.choices(peering)[position], spot)
                continue
            pair = (peering.peer, edge.name)
            if pair in used:
                text = f"duplicate connection: '{peering.peer}' to '{edge.name}' is already in {used[pair]}"
                yield Problem(spot, f"{text} (Microsoft: Connection are not unique)")
            used[pair] = peering.name
            yield from _connection_problems(topology, peering, edge, spot)
        for position, choice in enumerate(() if peering.is_direct else peering.connections or ()):
            misplaced = sorted(name.replace("_", "-") for name in choice.model_fields_set - {"edge", "id"})
            if misplaced:
                text = f"{', '.join(misplaced)}: only a Direct connection has that, not an {peering.kind} one"
                yield Problem((*where, "connections", position), text)
    yield from prefix_problems(topology)


def _connection_problems(topology: Topology, peering: Peering, edge: Node, where: Path) -> Iterator[Problem]:
    peer = topology.peer(peering.peer)
    for family in peering.session_families():
        for node, side in ((edge, "edge"), (peer, "peer")):
            if node.address(family) is None:
                text = f"{side} '{node.name}' has no {family.label} address for the {family.label} session"
                yield Problem(where, f"{text}: give it one, or set `families` of the peering")


def _profiles(topology: Topology) -> Iterator[tuple[Path, str]]:
    """Every profile that is in force, and where the file names it."""
    if topology.policy.profile is not None:
        yield ("policy", "profile"), topology.policy.profile
    for index, peering in enumerate(topology.peerings):
        yield ("peerings", index, "profile"), topology.profile(peering)


def _policy(topology: Topology) -> Iterator[Problem]:
    profiles: list[str] = []
    for where, profile in _profiles(topology):
        try:
            check_settings(profile, {})
        except PolicyError as error:
            yield Problem(where, str(error))
            return
        if profile not in profiles:
            profiles.append(profile)
    data = topology.policy.data
    for name, setting in topology.policy.rules.items():
        # A rule that only some of the profiles have is switched in those: a topology may mix kinds of peerings.
        having = [profile for profile in profiles if name in PROFILES[profile]]
        try:
            for profile in having or profiles:
                check_settings(profile, {name: setting})
        except PolicyError as error:
            yield Problem(("policy", "rules", name), str(error))
            continue
        needs = RULES[name].needs
        if setting is not False and needs and getattr(data, needs.replace("-", "_")) is None:
            text = f"rule '{name}' has nothing to judge by: name its data as policy.data.{needs}"
            yield Problem(("policy", "rules", name), text)
    for key, path in files_of(data):
        try:
            if not path.exists() or path.stat().st_size <= _READ_HERE:
                read_file(key, path)
        except DataError as error:
            yield Problem(("policy", "data", key), f"{path}: {error}")
        except OSError as error:
            yield Problem(("policy", "data", key), f"{path}: it cannot be read: {error.strerror}")
