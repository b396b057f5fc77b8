"""What this lab has: where AS8075 has edges in it, and the sessions that a connection request comes to.

A request is made of addresses. Where the topology has a router with them, its session is the one that this router is
configured for; where it has none, the session is planned all the same and never comes up, as in the field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID, uuid5

from simulator.addresses import IpAddress
from simulator.azure.model.errors import Field, FieldName, InvalidError
from simulator.azure.model.peering import (
    ConnectionRequest,
    PeeringRequest,
    Prefix,
    SessionRequest,
)
from simulator.connection.states import Flow
from simulator.policy.max_prefix import MICROSOFTS_LIMITS, MaxPrefix
from simulator.policy.profiles import PROFILES
from simulator.session.messages import Family
from simulator.topology.locations import ExchangeLocation, FacilityLocation, Locations
from simulator.topology.plan import SessionPlan, plans
from simulator.topology.schema import ConnectionChoice, Node, Peer, Peering, Topology
from simulator.topology.segments import halves, session_addresses

LAB_FACILITY = 99999
"""The id of a lab's own exchange or facility where the topology names none: that of Microsoft's test exchange."""


_VERSION: Final = {Family.IPV4: 4, Family.IPV6: 6}


class AddressPlan:
    """The topology, seen by somebody who wants to peer."""

    def __init__(self, topology: Topology, locations: Locations) -> None:
        self.topology = topology
        self.locations = locations
        self._configured = {(plan.edge_address, plan.peer_address): plan for plan in plans(topology)}
        self.metro = (topology.exchange and (topology.exchange.metro or topology.exchange.name)) or topology.name

    # --- places ---

    @property
    def exchange(self) -> ExchangeLocation | None:
        """The lab's own exchange, as a location."""
        here = self.topology.exchange
        if here is None:
            return None
        known = self.locations.exchange(here.peeringdb_ix) if here.peeringdb_ix else None
        return ExchangeLocation(
            peeringdb_ix=here.peeringdb_ix or LAB_FACILITY,
            name=here.name,
            metro=self.metro,
            country=known.country if known else "",
            azure_region=known.azure_region if known else "",
            lan=self.topology.lan.prefixes,
            microsoft_ipv4=tuple(edge.ipv4 for edge in self.edges if edge.ipv4),
            microsoft_ipv6=tuple(edge.ipv6 for edge in self.edges if edge.ipv6),
            speed_mbps=known.speed_mbps if known else None,
        )

    def exchanges(self) -> list[ExchangeLocation]:
        """The lab's first, then those of the real world that it does not stand for."""
        here = self.exchange
        rest = [place for place in self.locations.exchanges if here is None or place.peeringdb_ix != here.peeringdb_ix]
        return [*([here] if here else []), *rest]

    def facilities(self) -> list[FacilityLocation]:
        """Where Direct connections can be ordered: the circuits' facilities first."""
        numbers = dict.fromkeys(choice.facility or LAB_FACILITY for _, choice, _ in self._circuits())
        here = [
            self.locations.facility(number) or FacilityLocation(number, self.metro, "", "", "the lab's own")
            for number in numbers
        ]
        return [*here, *(place for place in self.locations.facilities if place.peeringdb_facility not in numbers)]

    @property
    def edges(self) -> list[Node]:
        """AS8075's edges on the exchange LAN."""
        return [edge for edge in self.topology.edges if edge.addresses]

    def _circuits(self) -> Iterator[tuple[Peering, ConnectionChoice, Node]]:
        for peering in self.topology.peerings:
            if peering.is_direct:
                for choice in self.topology.choices(peering):
                    yield peering, choice, self.topology.edge(choice.edge)

    # --- from a request to addresses ---

    def completed(self, request: PeeringRequest, taken: Iterable[ConnectionRequest], mesh: bool) -> PeeringRequest:
        """The request with Microsoft's side filled in. Raises RefusalError for what cannot be had here."""
        if request.flow is Flow.DIRECT:
            used = list(taken)
            done: list[ConnectionRequest] = []
            for connection in request.connections:
                done.append(self._on_circuit(connection, request.asn, [*used, *done], request.metro))
            return replace(request, connections=tuple(done))
        found: list[ConnectionRequest] = []
        for connection in request.connections:
            self._must_be_here(connection)
            _must_be_metro(request.metro, self.metro)
            self._must_be_the_lans(connection)
            meshed = mesh and request.flow is Flow.EXCHANGE
            found += self._on_lan(connection, request.connections, meshed)
        return replace(request, connections=tuple(found))

    def _must_be_here(self, connection: ConnectionRequest) -> None:
        here, facility = self.exchange, connection.facility
        if here is not None and facility == here.peeringdb_ix:
            return
        known = self.locations.exchange(facility)
        name = f"{facility} ({known.name})" if known else str(facility)
        what = f"this lab's exchange is {here.peeringdb_ix} ({here.name})" if here else "this lab has no exchange"
        raise InvalidError(f"{name} has no edge of AS8075 in this lab: {what}", connection.at(FieldName.FACILITY))

    def _on_lan(
        self, connection: ConnectionRequest, others: tuple[ConnectionRequest, ...], mesh: bool
    ) -> list[ConnectionRequest]:
        """One connection an edge, unless the client named Microsoft's address or has connections to the others."""
        self._in_lan(connection)
        named = [session.microsoft for session in connection.sessions.values() if session.microsoft is not None]
        if named:
            return [self._filled(connection, self._edge_of(connection, named))]
        peers = {session.peer for session in connection.sessions.values() if session.peer}
        same = [other for other in others if peers & {session.peer for session in other.sessions.values()}]
        if not mesh or len(same) > 1:
            edges = self.edges[same.index(connection) : same.index(connection) + 1] if connection in same else []
            return [self._filled(connection, edge) for edge in edges or self.edges[:1]]
        first, *rest = self.edges
        derived = (
            replace(connection, identifier=_derived(connection.identifier, edge.name), mesh_of=connection.identifier)
            for edge in rest
        )
        return [
            self._filled(connection, first),
            *(self._filled(each, edge) for each, edge in zip(derived, rest, strict=True)),
        ]

    def _in_lan(self, connection: ConnectionRequest) -> None:
        """A session's addresses are hosts of the exchange's LAN, and the peer's is not one of Microsoft's."""
        lan, ours = self.topology.lan.prefixes, {address for edge in self.edges for address in edge.addresses}
        for family, session in connection.sessions.items():
            for whose, name, address in (
                ("peer", FieldName.PEER_ADDRESS, session.peer),
                ("Microsoft", FieldName.MICROSOFT_ADDRESS, session.microsoft),
            ):
                if address is None:
                    continue
                fault = _no_host_of(address, lan)
                if not fault and whose == "peer" and address in ours:
                    fault = "is Microsoft's own: give your router's"
                if fault:
                    raise InvalidError(f"The {whose} address {address} {fault}", connection.at(name, family))

    def _must_be_the_lans(self, connection: ConnectionRequest) -> None:
        """The session prefix of the form is the exchange's own."""
        for family, session in connection.sessions.items():
            own = [prefix for prefix in self.topology.lan.prefixes if prefix.version == _VERSION[family]]
            if session.prefix is not None and session.prefix not in own:
                text = (
                    f"The session prefix {session.prefix} is not the exchange's {', '.join(map(str, own)) or '(none)'}"
                )
                raise InvalidError(text, connection.at(FieldName.SESSION_PREFIX, family))

    def _edge_of(self, connection: ConnectionRequest, addresses: list[IpAddress]) -> Node:
        for edge in self.edges:
            if all(address in edge.addresses for address in addresses):
                return edge
        text = " and ".join(map(str, addresses))
        ours = ", ".join(str(address) for edge in self.edges for address in edge.addresses)
        family = Family.IPV4 if addresses[0].version == 4 else Family.IPV6
        raise InvalidError(
            f"{text} is not an address of one Microsoft edge here (they have {ours})",
            connection.at(FieldName.MICROSOFT_ADDRESS, family),
        )

    def _filled(self, connection: ConnectionRequest, edge: Node) -> ConnectionRequest:
        for family, session in connection.sessions.items():
            ours = edge.address(family)
            if ours is None:
                text = f"Microsoft has no {family.label} address at {edge.name} here"
                raise InvalidError(text, connection.at(FieldName.PEER_ADDRESS, family))
            lan = next(prefix for prefix in self.topology.lan.prefixes if ours in prefix)
            connection = connection.with_session(family, replace(session, microsoft=ours, prefix=lan))
        return connection

    def _on_circuit(
        self, connection: ConnectionRequest, asn: int, taken: list[ConnectionRequest], metro: str
    ) -> ConnectionRequest:
        """A Direct connection is one of the lab's circuits, found by its prefix, or given by Microsoft."""
        used = {session.prefix for other in taken for session in other.sessions.values()}
        mine = [(peering, choice) for peering, choice, _ in self._circuits() if self._asn(peering) == asn]
        if connection.provider == "Microsoft":
            for peering, choice in mine:
                if not used & set(choice.prefixes) and choice.session_address_provider == "Microsoft":
                    self._must_be_there(connection, choice, metro)
                    return self._with_circuit(connection, peering, choice, list(peering.families_of(choice)))
            text = f"no circuit of AS{asn} with Microsoft's addresses is free in this lab"
            raise InvalidError(text, connection.at(FieldName.ADDRESS_PROVIDER))
        wanted = {session.prefix for session in connection.sessions.values()}
        for peering, choice in mine:
            if wanted and wanted <= set(choice.prefixes):
                self._must_be_there(connection, choice, metro)
                return self._with_circuit(connection, peering, choice, list(connection.sessions))
        text = " and ".join(str(prefix) for prefix in wanted) or "no prefix"
        have = "; ".join(" ".join(map(str, choice.prefixes)) for _, choice in mine) or "none"
        sessions = connection.sessions.items()
        family = next((family for family, session in sessions if session.prefix), Family.IPV4)
        field = connection.at(FieldName.SESSION_PREFIX, family)
        raise InvalidError(f"no circuit of AS{asn} has {text} in this lab (its circuits: {have})", field)

    def _must_be_there(self, connection: ConnectionRequest, choice: ConnectionChoice, metro: str) -> None:
        """The facility and the metro of a Direct connection are its circuit's."""
        there = choice.facility or LAB_FACILITY
        if connection.facility != there:
            known = self.locations.facility(there)
            name = f"{there} ({known.name or known.metro})" if known else str(there)
            text = f"{connection.facility} is not where this circuit is in this lab: it is at {name}"
            raise InvalidError(text, connection.at(FieldName.FACILITY))
        _must_be_metro(metro, self.metro_of(choice))

    def metro_of(self, choice: ConnectionChoice) -> str:
        """Where a circuit is: its facility's metro, or the lab's own."""
        known = self.locations.facility(choice.facility) if choice.facility else None
        return known.metro if known is not None else self.metro

    def _asn_of(self, prefix: Prefix | None) -> int:
        return next(self._asn(peering) for peering, choice, _ in self._circuits() if prefix in choice.prefixes)

    def _asn(self, peering: Peering) -> int:
        return self.topology.peer(peering.peer).asn

    def _with_circuit(
        self, connection: ConnectionRequest, peering: Peering, choice: ConnectionChoice, families: list[Family]
    ) -> ConnectionRequest:
        for family in families:
            prefix, given = choice.prefix(family), connection.sessions.get(family)
            if prefix is None:
                text = f"the circuit of {peering.name} has no {family.label} prefix"
                raise InvalidError(text, connection.at(FieldName.SESSION_PREFIX, family))
            pair = session_addresses(choice, family) or halves(prefix)
            for whose, name, ours, asked in (
                ("peer", FieldName.PEER_ADDRESS, pair.peer, given and given.peer),
                ("Microsoft", FieldName.MICROSOFT_ADDRESS, pair.microsoft, given and given.microsoft),
            ):
                if asked is not None and asked != ours:
                    text = f"in {prefix} the {whose} address is {ours}, not {asked}"
                    raise InvalidError(text, connection.at(name, family))
            limit = given.max_prefixes if given else None
            connection = connection.with_session(family, SessionRequest(pair.peer, pair.microsoft, prefix, limit))
        return connection

    def beside(self, old: ConnectionRequest, added: ConnectionRequest, family: Family, flow: Flow) -> SessionRequest:
        """Microsoft's side of a session that is added to a connection: the same edge, or the same circuit."""
        one = next(iter(old.sessions.values()))
        assert one.microsoft is not None, "the request was completed before"
        for _, choice, _ in self._circuits() if flow is Flow.DIRECT else ():
            if one.prefix in choice.prefixes:
                whole = replace(old, sessions={**old.sessions, **added.sessions}, provider="Peer", index=added.index)
                asn, metro = self._asn_of(one.prefix), self.metro_of(choice)
                return self._on_circuit(whole, asn, [], metro).sessions[family]
        self._must_be_the_lans(added)
        self._in_lan(added)
        return self._filled(added, self._edge(one.microsoft)).sessions[family]

    def edge_name(self, session: SessionRequest) -> str:
        """The edge that a completed session ends at."""
        assert session.microsoft is not None, "the request was completed before"
        return self._edge(session.microsoft).name

    # --- from addresses to sessions ---

    def plans(
        self, peering: str, connection: str, flow: Flow, asn: int, request: ConnectionRequest
    ) -> list[SessionPlan]:
        """Every BGP session of a connection. IxRs: the mesh of its peer address with every edge."""
        found = []
        for family, session in request.sessions.items():
            assert session.peer is not None and session.microsoft is not None, "the request was completed before"
            edges = [self._edge(session.microsoft)]
            if flow is Flow.IXRS:
                edges += [edge for edge in self.edges if edge is not edges[0] and edge.address(family)]
            found += [self._plan(peering, connection, flow, asn, request, family, session, edge) for edge in edges]
        return found

    def _edge(self, address: IpAddress) -> Node:
        for edge in self.topology.edges:
            if address in edge.addresses:
                return edge
        for _, choice, edge in self._circuits():
            pairs = (session_addresses(choice, family) for family in Family)
            if any(pair is not None and pair.microsoft == address for pair in pairs):
                return edge
        raise InvalidError(f"no edge of AS8075 has the address {address} in this lab")

    def _plan(
        self,
        peering: str,
        connection: str,
        flow: Flow,
        asn: int,
        request: ConnectionRequest,
        family: Family,
        session: SessionRequest,
        edge: Node,
    ) -> SessionPlan:
        assert session.peer is not None
        ours = session.microsoft if flow is Flow.DIRECT else edge.address(family)
        assert ours is not None
        known = self._configured.get((ours, session.peer))
        middle = f"/{edge.name}" if flow is Flow.IXRS else ""
        name = f"{connection}{middle}/{family.label.lower()}"
        plan = known or self._unknown(name, flow, edge, family, ours, session.peer, asn)
        limit = session.max_prefixes or MICROSOFTS_LIMITS[family]
        profile = "ixrs" if flow is Flow.IXRS else plan.profile
        rules = {rule: value for rule, value in self.topology.policy.rules.items() if rule in PROFILES[profile]}
        return replace(
            plan,
            id=name,
            configured_as=plan.id,
            connection=connection,
            peering=peering,
            # That the ASN of the request is another one than the router's is for the session to find out.
            peer=plan.peer.model_copy(update={"asn": asn, "asn_state": "Approved"}),
            profile=profile,
            rules=rules,
            max_prefix=replace(plan.max_prefix, limit=limit),
            max_prefix_given=session.max_prefixes is not None,
            md5=request.md5 or None,
        )

    def _unknown(
        self, name: str, flow: Flow, edge: Node, family: Family, ours: IpAddress, theirs: IpAddress, asn: int
    ) -> SessionPlan:
        """A session that no router of the topology is configured for."""
        direct, here = flow is Flow.DIRECT, self.topology.exchange
        owner = next((peer for peer in self.topology.peers if theirs in peer.addresses), None)
        if owner is None:
            owner = Peer.model_validate({"name": f"as{asn}", "asn": asn, family.label.lower(): theirs})
        return SessionPlan(
            id=name,
            connection="",
            peering="",
            peer=owner,
            edge=edge,
            family=family,
            edge_address=ours,
            peer_address=theirs,
            profile=self.topology.policy.profile or ("direct" if direct else "exchange"),
            rules={},
            max_prefix=MaxPrefix(MICROSOFTS_LIMITS[family]),
            lan=() if direct else tuple(map(str, self.topology.lan.prefixes)),
            mtu=here.mtu if here is not None and not direct else 1500,
        )


def _must_be_metro(asked: str, there: str) -> None:
    """peeringLocation is the metro of what is asked for, whatever its case."""
    if asked.strip().lower() != there.lower():
        text = f"'{asked}' is not where this is in this lab: its peeringLocation is {there}"
        raise InvalidError(text, Field(FieldName.METRO))


def _no_host_of(address: IpAddress, lan: Sequence[Prefix]) -> str:
    """Why no router on a LAN has an address; empty where one may have it.

    The first address of an IPv6 prefix is every router's at once (RFC 4291 §2.6.1); IPv6 has no broadcast address.
    """
    for name, is_one in _KINDS:
        if is_one(address):
            return f"is {name}: no router's address"
    for prefix in lan:
        if address in prefix:
            small = prefix.prefixlen >= prefix.max_prefixlen - 1  # RFC 3021, RFC 6164: both are hosts
            if not small and address == prefix.network_address:
                return f"is the network address of {prefix}: no router's"
            if not small and address.version == 4 and address == prefix.broadcast_address:
                return f"is the broadcast address of {prefix}: no router's"
            return ""
    return f"is not in the LAN {', '.join(map(str, lan))}: give one that is"


_KINDS: Final[tuple[tuple[str, Callable[[IpAddress], bool]], ...]] = (
    ("the unspecified address", lambda address: address.is_unspecified),
    ("a multicast address", lambda address: address.is_multicast),
    ("a loopback address", lambda address: address.is_loopback),
)


def _derived(identifier: str, edge: str) -> str:
    """The identifier of a connection that the mesh adds: always the same for the same edge (simulator)."""
    return str(uuid5(UUID(identifier), edge)).upper()
