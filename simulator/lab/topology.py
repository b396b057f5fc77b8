"""The schema of a topology file: what is simulated, with what addresses, and what is expected to come out."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo

from simulator.session.messages import Family

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,47}$")]
"""A name of a node or peering: letters, digits, `_`, `.` and `-`; at most 48."""
Asn = Annotated[int, Field(ge=1, le=4294967295)]
Community = Annotated[str, StringConstraints(pattern=r"^\d{1,5}:\d{1,5}$")]
LargeCommunity = Annotated[str, StringConstraints(pattern=r"^\d{1,10}:\d{1,10}:\d{1,10}$")]


class Model(BaseModel):
    """Keys are written with hyphens; a key that the schema does not know is an error."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        alias_generator=lambda name: name.rstrip("_").replace("_", "-"),
    )


class Lan(Model):
    """The exchange LAN's prefixes."""

    ipv4: IPv4Network | None = None
    ipv6: IPv6Network | None = None

    @property
    def prefixes(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(prefix for prefix in (self.ipv4, self.ipv6) if prefix is not None)


class Exchange(Model):
    """The Internet exchange where both sides meet."""

    name: str = Field(min_length=1, max_length=80)
    peeringdb_ix: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="PeeringDB's id of the exchange (Azure calls it peeringDBFacilityId)"
    )
    metro: str | None = None
    lan: Lan
    mtu: Annotated[int, Field(ge=1280, le=9216)] = 1500


class Generate(Model):
    """Consecutive prefixes, for tables too long to write down."""

    within: IPv4Network | IPv6Network
    length: Annotated[int, Field(ge=1, le=128)]
    count: Annotated[int, Field(ge=1, le=2_000_000)]


class PrefixList(Model):
    """Prefixes that share their path attributes."""

    prefixes: list[IPv4Network | IPv6Network] = []
    generate: Generate | None = None
    as_path: list[Asn] = Field(default=[], description="what stands behind the announcing AS")
    communities: list[Community] = []
    large_communities: list[LargeCommunity] = []
    med: Annotated[int, Field(ge=0, le=4294967295)] | None = None


Announce = list[str | PrefixList]
"""Routes in ExaBGP's syntax (`route 192.0.2.0/24 next-hop self community [ 8075:8007 ]`), or prefix lists."""


class Node(Model):
    """Something with an address on the exchange LAN."""

    name: Name
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None
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

    asn: Asn = 8075
    hold_time: Annotated[int, Field(ge=3, le=65535)] = 90
    role: Literal["provider", "rs", "rs-client", "customer", "peer"] | None = Field(
        default=None, description="RFC 9234 role in its OPENs; none where omitted"
    )
    announce: Announce = []


class RouterChoice(Model):
    """Which router plays the peer."""

    kind: Name


class Peer(Node):
    """A network that peers with AS8075."""

    asn: Asn
    asn_state: Literal["Approved", "Pending", "Failed", "None"] = Field(
        default="Approved", description="ValidationState of its PeerAsn"
    )
    router: RouterChoice | Name = Field(default="simulated", description="`simulated`, or a real router such as `bird`")
    hold_time: Annotated[int, Field(ge=0, le=65535)] = 90
    announce: Announce = []

    @property
    def router_kind(self) -> str:
        return self.router if isinstance(self.router, str) else self.router.kind


class MaxPrefixes(Model):
    """maxPrefixesAdvertisedV4 and V6: how many prefixes the peer may announce on a session."""

    ipv4: Annotated[int, Field(ge=1, le=20000)] = 20000
    ipv6: Annotated[int, Field(ge=1, le=2000)] = 2000

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
    md5: str | None = Field(default=None, description="its MD5 key; empty for none", repr=False)
    gtsm: bool | None = None
    families: list[Literal["IPv4", "IPv6"]] | None = Field(default=None, description="the sessions that it configures")


class ConnectionChoice(Model):
    """One connection of a peering: the peer to one edge."""

    edge: Name
    id: Name | None = None


class Expect(Model):
    """What the rehearsal must come to; anything else fails it."""

    state: Literal["Active", "ProvisioningFailed"] = "Active"
    failing_checks: list[str] = Field(default=[], description="checks that must end in failure, by id")
    accepted: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="routes accepted on each IPv4 session"
    )
    accepted_ipv6: Annotated[int, Field(ge=0)] | None = None


class Peering(Model):
    """A peering request: one peer at this exchange."""

    name: Name
    kind: Literal["Exchange"] = "Exchange"
    peer: Name
    connections: list[ConnectionChoice] | None = Field(
        default=None, description="where omitted: one to every edge (the mesh)"
    )
    families: list[Literal["IPv4", "IPv6"]] = ["IPv4", "IPv6"]
    max_prefixes: MaxPrefixes = MaxPrefixes()
    md5: Annotated[str, Field(max_length=80)] | None = Field(
        default=None, repr=False, description="md5AuthenticationKey"
    )
    gtsm: bool = False
    peer_side: PeerSide = PeerSide()
    expect: Expect = Expect()

    def session_families(self) -> tuple[Family, ...]:
        return tuple(family for family in Family if family.label in self.families)


def _beside_the_topology(path: Path, info: ValidationInfo) -> Path:
    return Path((info.context or {}).get("directory", ".")) / path


DataFile = Annotated[Path, AfterValidator(_beside_the_topology)]
"""Relative to the directory of the topology file."""


class DataChoice(Model):
    """Files that the rules look things up in. They are read again when they change."""

    vrp: DataFile | None = Field(default=None, description="validated ROA payloads: rpki-client's or Routinator's JSON")
    irr: DataFile | list[DataFile] | None = Field(
        default=None,
        description="output of `bgpq4 -j`; a list called AS64496 (`-l AS64496`) is for that peer, others are for all",
    )
    registered_prefixes: DataFile | list[IPv4Network | IPv6Network] | None = Field(
        default=None, description="the peering's registered prefixes: a list, or a file of JSON or lines"
    )
    registered_asns: DataFile | list[Asn] | None = Field(
        default=None, description="the peering's registered ASNs: a list, or a file of JSON or lines"
    )
    peeringdb: DataFile | None = Field(
        default=None, description="PeeringDB's net JSON: its prefix counts stand in for max-prefixes that are not given"
    )


class ImportChoice(Model):
    """What AS8075 does to the routes that it takes. Microsoft publishes that it overwrites MED, not with what."""

    med: Annotated[int, Field(ge=0, le=4294967295)] | None = 0
    local_pref: Annotated[int, Field(ge=0, le=4294967295)] = 100
    informational: bool = Field(default=True, description="add the large community 8075:1:<the peer's ASN>")


class PolicyChoice(Model):
    """The lifted policy: its profile, rules switched off or parametrised by id, and the data that they use."""

    profile: str = "exchange"
    rules: dict[str, bool | dict[str, Any]] = {}
    data: DataChoice = DataChoice()
    import_: ImportChoice = ImportChoice()


class Times(Model):
    """How long things may take, in seconds. All are the simulator's choice: Microsoft publishes none."""

    soak: Annotated[float, Field(ge=0, le=86400)] = Field(
        default=2, description="Established without a flap before S5 passes"
    )
    deadline: Annotated[float, Field(gt=0, le=86400)] = Field(
        default=30, description="for the validation of one connection"
    )
    active: Annotated[float, Field(ge=0, le=86400)] = Field(default=0, description="Active before the deprovisioning")
    connect_retry: Annotated[float, Field(gt=0, le=65535)] = 5


class Topology(Model):
    """A rehearsal: who meets AS8075 where, and what must come of it."""

    name: Name
    description: str = ""
    link: Literal["loopback", "netns", "auto"] = "auto"
    exchange: Exchange
    microsoft: Microsoft = Microsoft()
    edges: Annotated[list[Node], Field(min_length=1)]
    peers: Annotated[list[Peer], Field(min_length=1)]
    peerings: Annotated[list[Peering], Field(min_length=1)]
    policy: PolicyChoice = PolicyChoice()
    times: Times = Times()

    def peer(self, name: str) -> Peer:
        return next(peer for peer in self.peers if peer.name == name)

    def edge(self, name: str) -> Node:
        return next(edge for edge in self.edges if edge.name == name)

    def connections(self, peering: Peering) -> list[tuple[str, Node]]:
        """(connection id, edge) of each connection of a peering."""
        if peering.connections is None:
            return [(f"{peering.name}/{edge.name}", edge) for edge in self.edges]
        return [
            (choice.id or f"{peering.name}/{choice.edge}", self.edge(choice.edge)) for choice in peering.connections
        ]
