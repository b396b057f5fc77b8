"""What a peer's router is to be configured with: for the lab that starts it, and for whoever prints it."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.lab.link import Endpoint
from simulator.lab.netns import BGP_PORT
from simulator.lab.originate import announcements, router_routes
from simulator.lab.topology import Peer, Topology
from simulator.provisioning.planning import SessionPlan, plans
from simulator.routers.base import RouterConfig, RouterSession


def agreed_session(plan: SessionPlan, microsoft: int) -> RouterSession:
    """The peer's end of a session as it was agreed, with AS `microsoft`, on port 179."""
    return RouterSession(
        name=plan.wire,
        local_address=plan.peer_address,
        remote_address=plan.edge_address,
        remote_as=microsoft,
        remote=Endpoint(plan.edge_address, BGP_PORT),
        md5=plan.md5,
        gtsm=plan.gtsm,
        max_prefixes=plan.peer.router_choice.max_prefixes.of(plan.family),
    )


def router_config(peer: Peer, sessions: Iterable[RouterSession], mine: Iterable[SessionPlan]) -> RouterConfig:
    """A peer's router with these sessions; `mine` are the peer's plans."""
    return RouterConfig(
        name=peer.name,
        asn=peer.asn,
        router_id=str(peer.identifier),
        sessions=tuple(sessions),
        routes=router_routes(announcements(peer.announce, peer)),
        hold_time=peer.hold_time,
        lan=tuple(dict.fromkeys(prefix for plan in mine for prefix in plan.lan)),
        file=peer.router_choice.config,
    )


def agreed_config(topology: Topology, peer: Peer) -> RouterConfig:
    """All sessions of a peer as they were agreed: no mistake of `peer-side` is in it."""
    mine = [plan for plan in plans(topology) if plan.peer.name == peer.name]
    return router_config(peer, (agreed_session(plan, topology.microsoft.asn) for plan in mine), mine)
