"""What a peer's router is configured with: for the lab that starts it, and for `turnup config`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

from simulator.places.endpoint import BGP_PORT, Endpoint
from simulator.places.errors import LabError
from simulator.places.loopback import LoopbackLink
from simulator.routers.base import RouterConfig, RouterSession
from simulator.session.messages import Family
from simulator.topology.originate import announcements, router_routes
from simulator.topology.plan import SessionPlan, plans
from simulator.topology.schema import Peer, Topology
from simulator.topology.segments import cables_of, lan_of


def agreed_session(plan: SessionPlan, microsoft: int) -> RouterSession:
    """The peer's end of a session as it was agreed, with AS `microsoft`, on port 179."""
    return RouterSession(
        name=plan.router_session,
        local_address=plan.peer_address,
        remote_address=plan.edge_address,
        remote_as=microsoft,
        remote=Endpoint(plan.edge_address, BGP_PORT),
        md5=plan.md5,
        gtsm=plan.gtsm,
        max_prefixes=plan.peer.router_choice.max_prefixes.of(plan.family),
    )


def configured_session(plan: SessionPlan, microsoft: int) -> RouterSession:
    """The peer's end of a session with the mistakes that the topology asks for (`peer-side`)."""
    agreed, side, taken = agreed_session(plan, microsoft), plan.peer_side, plan.peer_takes
    edge = taken.microsoft if taken is not None else plan.edge_address
    return replace(
        agreed,
        local_address=taken.peer if taken is not None else plan.peer_address,
        remote_address=edge,
        remote_as=side.remote_as or microsoft,
        remote=Endpoint(edge, BGP_PORT),
        md5=(side.md5 or None) if side.md5 is not None else plan.md5,
        gtsm=plan.gtsm if side.gtsm is None else side.gtsm,
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


def carried_config(topology: Topology, peer: Peer) -> RouterConfig:
    """As agreed, by the addresses and ports that carry the sessions: on loopback an external router knows no others.

    Raises LabError where the edges' ports are not known before they listen.
    """
    agreed = agreed_config(topology, peer)
    if not peer.is_external or topology.link not in ("loopback", "auto"):
        return agreed
    first = topology.microsoft.port
    if first is None:
        raise LabError(
            f"on loopback the edges' ports are another each time, and so is what {peer.name} needs: name the first of "
            "them (microsoft: {port: 1790})"
        )
    link = LoopbackLink(lan_of(topology), cables_of(topology))
    router = link.outside(peer.name)
    assert router is not None, "it is external"
    sessions, ports = {}, itertools.count(first)
    for plan in plans(topology):
        # On IPv6, where all are ::1, each session has a port of its own.
        port = first if plan.family is Family.IPV4 else next(ports)
        sessions[plan.router_session] = Endpoint(link.place(plan.edge.name).host(plan.edge_address), port)
    return replace(
        agreed,
        sessions=tuple(
            replace(
                session,
                local_address=router.host(session.local_address),
                remote_address=sessions[session.name].host,
                remote=sessions[session.name],
            )
            for session in agreed.sessions
        ),
    )


def agreed_config(topology: Topology, peer: Peer) -> RouterConfig:
    """All sessions of a peer as they were agreed: no mistake of `peer-side` is in it."""
    mine = [plan for plan in plans(topology) if plan.peer.name == peer.name]
    return router_config(peer, (agreed_session(plan, topology.microsoft.asn) for plan in mine), mine)
