"""The schema of a topology file: what is simulated, with what addresses, and what is expected to come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, PrivateAttr

from simulator.policy.max_prefix import MICROSOFTS_LIMITS
from simulator.session.messages import Family
from simulator.topology.announce import Announce
from simulator.topology.check_choice import CheckChoice
from simulator.topology.expect import Expect
from simulator.topology.kinds import KINDS, UNKNOWN, Kind
from simulator.topology.links import Exchange, HostInterface, Lan, LinkQuality
from simulator.topology.policy_choice import PolicyChoice
from simulator.topology.router_choice import RouterChoice
from simulator.topology.values import Asn, InterfaceName, Md5Key, Model, Name, Profile, RouterKind
from simulator.topology.webhook import WebhookChoice

EXTERNAL_DEADLINE = 900.0
"""Seconds for a connection's validation where people configure the router by hand (simulator)."""


T = TypeVar("T", bound="Node | Peering")


class Node(LinkQuality):
    """An edge or a peer. Its addresses are those on the exchange LAN, and so are latency, jitter, loss and mtu."""

    name: Name = Field(description="of its own in the file")
    ipv4: IPv4Address | None = Field(default=None, description="on the exchange LAN")
    ipv6: IPv6Address | None = Field(default=None, description="on the exchange LAN")
    mtu: Annotated[int, Field(ge=1280, le=9216)] | None = Field(
        default=None, description="of its interface on the exchange LAN; the exchange's where omitted"
    )
    router_id: IPv4Address | None = Field(default=None, description="BGP Identifier; the IPv4 address where omitted")

    def address(self, family: Family) -> IPv4Address | IPv6Address | None:
        return self.ipv4 if family is Family.IPV4 else self.ipv6

    @property
    def addresses(self) -> tuple[IPv4Address | IPv6Address, ...]:
        return tuple(address for address in (self.ipv4, self.ipv6) if address is not None)

    @property
    def identifier(self) -> IPv4Address:
        """The BGP Identifier; derived from the name where nothing gives one (simulator)."""
        if self.router_id or self.ipv4:
            return self.router_id or self.ipv4  # type: ignore[return-value]
        return IPv4Address(0x0A000000 + (sum(ord(c) * 31**i for i, c in enumerate(self.name)) & 0xFFFFFE) + 1)


class Microsoft(Model):
    """AS8075's side."""

    asn: Asn = Field(default=8075, description="the ASN of its edges")
    hold_time: Annotated[int, Field(ge=3, le=65535)] = Field(default=90, description="seconds, in its OPENs")
    role: Literal["provider", "rs", "rs-client", "customer", "peer"] | None = Field(
        default=None, description="RFC 9234 role in its OPENs; none where omitted"
    )
    port: Annotated[int, Field(ge=1, le=65000)] | None = Field(
        default=None,
        description="link: loopback: where the edges listen, for IPv6 from this port on upwards; of the kernel's "
        "choice where omitted",
    )
    announce: Announce | None = Field(
        default=None,
        description="what it announces; where omitted: the dated table that comes with turnup, and at a metro that has "
        "them AS8069's CDN prefixes",
    )


class Peer(Node):
    """A network that peers with AS8075."""

    asn: Asn = Field(description="its ASN, as of its PeerAsn")
    asn_state: Literal["Approved", "Pending", "Failed", "None"] = Field(
        default="Approved", description="ValidationState of its PeerAsn"
    )
    router: RouterChoice | RouterKind = Field(
        default="simulated",
        description="`simulated`, a real router such as `bird`, or `external`: one that turnup does not run",
    )
    hold_time: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=90, description="seconds, in its OPENs; 0 for no keepalives"
    )
    announce: Announce = Field(
        default=[], description="what it announces: route lines in ExaBGP's syntax, and prefix lists"
    )
    interface: InterfaceName | None = Field(
        default=None, description="what its router calls its interface on the exchange LAN; `lan` where omitted"
    )
    vrf: InterfaceName | None = Field(default=None, description="the VRF that this interface is in; none where omitted")

    @property
    def router_choice(self) -> RouterChoice:
        return RouterChoice(kind=self.router) if isinstance(self.router, str) else self.router

    @property
    def router_kind(self) -> str:
        return self.router_choice.kind

    @property
    def router_abilities(self) -> Kind:
        """What a router of its kind can do."""
        return KINDS.get(self.router_kind, UNKNOWN)

    @property
    def is_external(self) -> bool:
        """The lab does not run its router, and waits for it."""
        return self.router_abilities.is_external


class Customer(Peer):
    """A network behind the exchange's route servers. It has no session with AS8075."""

    registered: bool = Field(
        default=True, description="its ASN is registered at the IxRs peerings once they are Active; if not, it is seen"
    )
    route_servers: list[Name] = Field(
        default=[], description="the route servers that it has sessions with, by peer name; where omitted: all"
    )
    md5: Md5Key | None = Field(
        default=None, repr=False, description="of its sessions with the route servers, at both ends"
    )


class MaxPrefixes(Model):
    """maxPrefixesAdvertisedV4 and V6: how many prefixes the peer may announce on a session."""

    ipv4: Annotated[int, Field(ge=1, le=MICROSOFTS_LIMITS[Family.IPV4])] = Field(
        default=MICROSOFTS_LIMITS[Family.IPV4], description="on an IPv4 session"
    )
    ipv6: Annotated[int, Field(ge=1, le=MICROSOFTS_LIMITS[Family.IPV6])] = Field(
        default=MICROSOFTS_LIMITS[Family.IPV6], description="on an IPv6 session"
    )

    action: Literal["warn", "block", "cease"] = Field(default="warn", description="what more than that does")
    count: Literal["received", "accepted"] = Field(default="received", description="which routes count")
    warn_at: Annotated[float, Field(gt=0, le=1)] = Field(default=0.8, description="the share at which a warning is due")
    restart: Annotated[float, Field(gt=0, le=86400)] = Field(default=60, description="seconds down after a Cease")

    def of(self, family: Family) -> int:
        return self.ipv4 if family is Family.IPV4 else self.ipv6


class PeerSide(Model):
    """What the peer configures differently from what was agreed: a mistake to rehearse."""

    asn: Asn | None = Field(default=None, description="the ASN in its OPEN")
    remote_as: Asn | None = Field(default=None, description="the ASN that it expects of Microsoft")
    md5: Md5Key | None = Field(default=None, description="its MD5 key; empty for none", repr=False)
    gtsm: bool | None = Field(default=None, description="it expects a TTL of 255 (RFC 5082), or does not")
    families: list[Literal["IPv4", "IPv6"]] | None = Field(default=None, description="the sessions that it configures")
    halves: Literal["recorded", "faq"] | None = Field(
        default=None, description="Direct: who it takes to have which address of a prefix; needs link: netns"
    )


class ConnectionChoice(LinkQuality):
    """One connection of a peering: the peer to one edge. All but `edge` and `id` is of a Direct peering's link."""

    edge: Name = Field(description="the name of the edge at its other end")
    id: Name | None = Field(default=None, description="where omitted: the peering and the edge, joined by a slash")
    families: list[Literal["IPv4", "IPv6"]] | None = Field(
        default=None, description="of its sessions; where omitted: those of the peering"
    )
    ipv4: IPv4Network | None = Field(default=None, description="Direct: sessionPrefixV4, a /30 or /31")
    ipv6: IPv6Network | None = Field(default=None, description="Direct: sessionPrefixV6, a /126 or /127")
    halves: Literal["recorded", "faq"] = Field(
        default="recorded",
        description="who has which address: in a /31 or /127 the peer has the first and Microsoft the second. In a /30 "
        "or /126 `recorded` gives the peer the second and Microsoft the third address, as production did in "
        "recordings; `faq` gives them the first and the second, as Microsoft's FAQ says of every length",
    )
    session_address_provider: Literal["Peer", "Microsoft"] = Field(
        default="Peer", description="Direct: who provides the prefixes; Microsoft's come with the approval"
    )
    bandwidth: Annotated[int, Field(ge=10_000, multiple_of=10_000)] = Field(
        default=10_000, description="Direct: bandwidthInMbps, ordered in steps of 10000; the lab does not limit traffic"
    )
    facility: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Direct: PeeringDB's id of the facility (peeringDBFacilityId)"
    )
    mtu: Annotated[int, Field(ge=1280, le=9216)] = Field(default=1500, description="Direct: of both ends")
    interface: HostInterface | InterfaceName | None = Field(
        default=None, description="Direct, link: interface: the bridge or NIC of this host that leads to the peer"
    )

    peer_interface: InterfaceName | None = Field(
        default=None, description="Direct: what the peer's router calls its end of the link; `pni<n>` where omitted"
    )
    peer_vrf: InterfaceName | None = Field(default=None, description="Direct: the VRF that this end is in")

    def prefix(self, family: Family) -> IPv4Network | IPv6Network | None:
        return self.ipv4 if family is Family.IPV4 else self.ipv6

    @property
    def prefixes(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(prefix for prefix in (self.ipv4, self.ipv6) if prefix is not None)


class Peering(Model):
    """A peering request: one peer at this exchange, or by links of its own."""

    name: Name = Field(description="of its own in the file")
    kind: Literal["Exchange", "Direct", "IxRs"] = Field(
        default="Exchange", description="IxRs: with an exchange's route server, the peer; one connection to all edges"
    )
    peer: Name = Field(description="the name of the peer")
    connections: list[ConnectionChoice] | None = Field(
        default=None, description="Exchange, where omitted: one to every edge on the LAN (the mesh)"
    )
    families: list[Literal["IPv4", "IPv6"]] = Field(
        default=["IPv4", "IPv6"], description="Direct, where omitted: those of each connection's prefixes"
    )
    profile: Profile | None = Field(default=None, description="the lifted policy's; where omitted: that of `policy`")
    max_prefixes: MaxPrefixes = Field(
        default=MaxPrefixes(), description="how many prefixes the peer may announce, and what comes of more"
    )
    md5: Md5Key | None = Field(default=None, repr=False, description="md5AuthenticationKey")
    gtsm: bool = Field(default=False, description="both ends use the TTL security mechanism (RFC 5082)")
    peer_side: PeerSide = Field(default=PeerSide(), description="the mistakes of the peer's configuration to rehearse")
    legacy: bool = Field(
        default=False,
        description="for a served lab: it runs already when the lab starts, and no Azure resource knows it yet",
    )
    expect: Expect = Field(default=Expect(), description="what the rehearsal must come to")

    @property
    def is_direct(self) -> bool:
        return self.kind == "Direct"

    @property
    def is_ixrs(self) -> bool:
        """A peering with an exchange route server (Azure: kind Direct, directPeeringType IxRs)."""
        return self.kind == "IxRs"

    def families_of(self, connection: ConnectionChoice) -> tuple[Family, ...]:
        """The sessions of one connection. A Direct one has those that it has prefixes for, unless `families` says."""
        if connection.families is not None:
            return tuple(family for family in Family if family.label in connection.families)
        if self.is_direct and "families" not in self.model_fields_set:
            return tuple(family for family in Family if connection.prefix(family) is not None)
        return tuple(family for family in Family if family.label in self.families)


class Times(Model):
    """How long things may take, in seconds. All are the simulator's choice: Microsoft publishes none."""

    soak: Annotated[float, Field(ge=0, le=86400)] = Field(
        default=2, description="Established without a flap before S5 passes"
    )
    deadline: Annotated[float, Field(gt=0, le=86400)] = Field(
        default=30, description="for the validation of one connection; 900 where a router is external"
    )
    active: Annotated[float, Field(ge=0, le=86400)] = Field(default=0, description="Active before the deprovisioning")
    connect_retry: Annotated[float, Field(gt=0, le=65535)] = Field(
        default=5, description="ConnectRetryTime (RFC 4271 §8)"
    )


class Topology(Model):
    """A rehearsal: who meets AS8075 where, and what must come of it."""

    name: Name = Field(description="of the rehearsal; also of the lab's directory")
    description: str = Field(default="", description="for people")
    link: Literal["loopback", "netns", "interface", "auto"] = Field(
        default="auto", description="what the nodes stand on"
    )
    exchange: Exchange | None = Field(default=None, description="needed by Exchange peerings")
    microsoft: Microsoft = Field(default=Microsoft(), description="AS8075's side")
    edges: Annotated[list[Node], Field(min_length=1)] = Field(
        description="AS8075's edge routers; those of the known exchange where `peeringdb-ix` names one"
    )
    peers: Annotated[list[Peer], Field(min_length=1)] = Field(description="the networks that peer with AS8075")
    customers: list[Customer] = Field(default=[], description="networks behind the exchange's route servers")
    peerings: Annotated[list[Peering], Field(min_length=1)] = Field(description="the peering requests to rehearse")
    policy: PolicyChoice = Field(default=PolicyChoice(), description="by what AS8075 judges routes once it is lifted")
    times: Times = Field(default=Times(), description="how long things may take")
    traffic: bool | None = Field(
        default=None,
        description="true: hosts stand behind the routers, and packets between them are tried (check A2); false: none; "
        "where omitted, as true wherever the link is netns",
    )
    checks: CheckChoice = Field(default=CheckChoice(), description="which checks run; all of them where omitted")
    webhook: WebhookChoice | None = Field(default=None, description="who is to hear what begins and ends")

    _names: dict[str, tuple[list[Any], dict[str, Any]]] = PrivateAttr(default_factory=dict)
    """Section → its list and the same by name: a topology may have ten thousand peers."""

    def _named(self, section: str, nodes: list[T], name: str) -> T:
        """Raises LookupError."""
        kept = self._names.get(section)
        if kept is None or kept[0] is not nodes or name not in kept[1]:
            kept = self._names[section] = nodes, {each.name: each for each in reversed(nodes)}
        found: T = kept[1][name]
        return found

    @property
    def deadline(self) -> float:
        """Seconds for the validation of one connection: what the file says, else more where people type."""
        chosen = "deadline" in self.times.model_fields_set
        return self.times.deadline if chosen or not self._external() else EXTERNAL_DEADLINE

    def _external(self) -> Mapping[str, Peer]:
        """The peers whose routers the lab does not run, by name."""
        kept = self._names.get("external")
        if kept is None or kept[0] is not self.peers:
            found = {peer.name: peer for peer in self.peers if peer.is_external}
            kept = self._names["external"] = self.peers, found
        return kept[1]

    def peer(self, name: str) -> Peer:
        return self._named("peers", self.peers, name)

    def edge(self, name: str) -> Node:
        return self._named("edges", self.edges, name)

    def peering(self, name: str) -> Peering:
        return self._named("peerings", self.peerings, name)

    @property
    def lan(self) -> Lan:
        """The exchange LAN's prefixes; none without an exchange."""
        return self.exchange.lan if self.exchange is not None else Lan()

    def choices(self, peering: Peering) -> list[ConnectionChoice]:
        """The connections of a peering, the mesh written out."""
        if peering.connections is not None:
            return peering.connections
        return [ConnectionChoice(edge=edge.name) for edge in self.edges if edge.addresses]

    def connections(self, peering: Peering) -> list[tuple[str, Node]]:
        """(connection id, edge) of each connection of a peering."""
        end = peering.peer if peering.is_ixrs else None  # its mesh is one connection
        return [
            (choice.id or f"{peering.name}/{end or choice.edge}", self.edge(choice.edge))
            for choice in self.choices(peering)
        ]

    def connection(self, id_: str) -> tuple[Peering, ConnectionChoice]:
        """The peering and the choice that a connection comes from. Raises LookupError."""
        kept = self._names.get("connections")
        if kept is None or kept[0] is not self.peerings:
            found = {
                name: (peering, choice)
                for peering in reversed(self.peerings)
                for choice, (name, _) in zip(self.choices(peering), self.connections(peering), strict=True)
            }
            kept = self._names["connections"] = self.peerings, found
        place: tuple[Peering, ConnectionChoice] = kept[1][id_]
        return place

    def route_servers(self, customer: Customer) -> list[Peer]:
        """The route servers that a customer has sessions with."""
        return [self.peer(name) for name in customer.route_servers or self._ixrs()]

    def _ixrs(self) -> Iterable[str]:
        """The peers of IxRs peerings."""
        kept = self._names.get("IxRs")
        if kept is None or kept[0] is not self.peerings:
            found = {peering.peer: peering for peering in self.peerings if peering.is_ixrs}
            kept = self._names["IxRs"] = self.peerings, found
        return kept[1]

    def profile(self, peering: Peering) -> str:
        """The lifted policy's profile: the peering's own, else the topology's, else that of its kind."""
        return peering.profile or self.policy.profile or peering.kind.lower()
