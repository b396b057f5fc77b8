"""What a connection calls for: its BGP sessions, each complete in itself, from a topology or from a request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from simulator.addresses import IpAddress
from simulator.connection.states import Flow
from simulator.policy.max_prefix import CountedRoutes, MaxPrefix, MaxPrefixAction
from simulator.policy.profiles import PROFILES, RuleSettings
from simulator.session.messages import Family
from simulator.topology.schema import ConnectionChoice, MaxPrefixes, Node, Peer, Peering, PeerSide, Topology
from simulator.topology.segments import Halves, session_addresses

FLOWS = {"Exchange": Flow.EXCHANGE, "Direct": Flow.DIRECT, "IxRs": Flow.IXRS}
"""A peering's kind → the life cycle of its connections."""


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """One BGP session that a connection calls for, seen from the edge: all that it takes to provision it."""

    id: str
    connection: str
    peering: str
    """The peering's name."""
    peer: Peer
    edge: Node
    family: Family
    edge_address: IpAddress
    peer_address: IpAddress
    profile: str
    """Of the lifted policy."""
    rules: RuleSettings
    """What is switched or parametrised in it; rules that the profile does not have are left out."""
    max_prefix: MaxPrefix
    max_prefix_given: bool = True
    """False: a default, for which PeeringDB's count may stand in."""
    md5: str | None = field(default=None, repr=False)
    gtsm: bool = False
    lan: tuple[str, ...] = ()
    """The exchange LAN's prefixes; none on a Direct connection."""
    mtu: int = 1500
    """Of the link, in octets."""
    quality_asked: str = ""
    """The latency, jitter and loss that the link is to have, in words; empty where it is as it is."""
    peer_side: PeerSide = field(default_factory=PeerSide)
    """What the peer configures differently from all this."""
    peer_takes: Halves | None = None
    """The addresses that the peer configures, where they are not the agreed ones."""

    configured_as: str = ""
    """The session's name in the configuration of the peer's router, where that is another one."""

    @property
    def router_session(self) -> str:
        """The session's name at the router, and of the endpoints that really carry it."""
        return self.configured_as or self.id

    def __post_init__(self) -> None:
        version = 4 if self.family is Family.IPV4 else 6
        for address in (self.edge_address, self.peer_address):
            if address.version != version:
                raise ValueError(f"{self.id}: {address} is no {self.family.label} address")


def plans(topology: Topology) -> tuple[SessionPlan, ...]:
    """Every session of every connection, in the topology's order."""
    return tuple(plan for peering in topology.peerings for plan in plans_of(topology, peering))


def plans_of(topology: Topology, peering: Peering) -> Iterator[SessionPlan]:
    """The sessions of one peering."""
    peer, profile = topology.peer(peering.peer), topology.profile(peering)
    rules = {name: setting for name, setting in topology.policy.rules.items() if name in PROFILES[profile]}
    for choice, (connection, edge) in zip(topology.choices(peering), topology.connections(peering), strict=True):
        for family in peering.families_of(choice):
            ends = _ends(peering, choice, edge, peer, family)
            taken = session_addresses(choice, family, peering.peer_side) or ends
            yield SessionPlan(
                id="/".join((connection, *([edge.name] if peering.is_ixrs else []), family.label.lower())),
                connection=connection,
                peering=peering.name,
                peer=peer,
                edge=edge,
                family=family,
                edge_address=ends.microsoft,
                peer_address=ends.peer,
                profile=profile,
                rules=rules,
                max_prefix=max_prefix(peering.max_prefixes, family),
                max_prefix_given=family.label.lower() in peering.max_prefixes.model_fields_set,
                md5=peering.md5,
                gtsm=peering.gtsm,
                lan=() if peering.is_direct else tuple(map(str, topology.lan.prefixes)),
                mtu=_mtu(topology, peering, choice),
                quality_asked=_asked(peering, choice, edge, peer),
                peer_side=peering.peer_side,
                peer_takes=taken if taken != ends else None,
            )


def max_prefix(wanted: MaxPrefixes, family: Family) -> MaxPrefix:
    """maxPrefixesAdvertised of one session, and what comes of more."""
    return MaxPrefix(
        wanted.of(family), MaxPrefixAction(wanted.action), CountedRoutes(wanted.count), wanted.warn_at, wanted.restart
    )


def _ends(peering: Peering, choice: ConnectionChoice, edge: Node, peer: Peer, family: Family) -> Halves:
    if peering.is_direct:
        pair = session_addresses(choice, family)
    else:
        ours, theirs = edge.address(family), peer.address(family)
        pair = Halves(theirs, ours) if ours is not None and theirs is not None else None
    assert pair is not None, "the topology's checks let no session without addresses pass"
    return pair


def _mtu(topology: Topology, peering: Peering, choice: ConnectionChoice) -> int:
    if peering.is_direct or topology.exchange is None:
        return choice.mtu
    return topology.exchange.mtu


def _asked(peering: Peering, choice: ConnectionChoice, edge: Node, peer: Peer) -> str:
    if peering.is_direct:
        return "" if choice.quality.is_perfect else str(choice.quality)
    ends = (node for node in (edge, peer) if not node.quality.is_perfect)
    return "; ".join(f"{node.quality} at {node.name}" for node in ends)
