"""What the peer's router tells of one session: its table, its own configuration, and whether its BGP port answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Final

from simulator.diagnosis.evidence import PeerTable, TcpEnd
from simulator.diagnosis.router_answer import PeerTrouble, RouterAnswer
from simulator.engine.member_config import served, session_name
from simulator.engine.network import Network
from simulator.lab.probe import tcp_port
from simulator.places.endpoint import BGP_PORT
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.routers.base import NotOurRouterError
from simulator.session.states import BgpState
from simulator.speakers.sockets import set_md5
from simulator.topology.originate import first_prefixes
from simulator.topology.plan import SessionPlan
from simulator.views.session import SessionView

_HANDSHAKE: Final = 1.5
"""Seconds for a TCP handshake that nobody answers: a second SYN is in it."""


async def table_of(network: Network, plan: SessionPlan, patience: float) -> PeerTable:
    """What the router holds from us on a session; it has `patience` seconds to answer."""
    return await _held(network, plan.peer.name, plan.router_session, patience)


async def member_tables(network: Network, plan: SessionPlan, patience: float) -> dict[str, PeerTable]:
    """What the members behind a route server hold from it, in the family of a session; each has `patience` seconds."""
    members = [member for member, family in served(network.topology, plan.peer) if family is plan.family]
    names = [session_name(plan.peer, member, plan.family) for member in members]
    asked = (_held(network, member.name, name, patience) for member, name in zip(members, names, strict=True))
    tables = await asyncio.gather(*asked)
    return {member.name: table for member, table in zip(members, tables, strict=True)}


async def _held(network: Network, node: str, session: str, patience: float) -> PeerTable:
    try:
        async with asyncio.timeout(patience):
            return PeerTable(await network.peers.router(node).received(session))
    except KeyError:
        return PeerTable(error="the router has no such session")
    except TimeoutError:
        return PeerTable(error="it did not answer in time")
    except NotOurRouterError as error:
        return PeerTable(not_ours=str(error))
    except LabError as error:
        return PeerTable(error=str(error))


async def answer_of(network: Network, plan: SessionPlan, patience: float, *, lifted: bool) -> RouterAnswer | None:
    """What the router says of a session within `patience` seconds; None where it says nothing.

    Why it announces nothing, or not all, it is asked before the lift alone: after it the answer may be a long table.
    """
    answer = None
    try:
        async with asyncio.timeout(patience):
            router = network.peers.router(plan.peer.name)
            answer = await router.answer(plan.router_session)
            if answer is None or lifted:
                return answer
            reasons = await router.reasons(plan.router_session)
            by_table = {
                away: tuple(
                    prefix
                    for reason in reasons
                    if (reason.cause is PeerTrouble.NETWORK_NOT_IN_RIB) is away
                    for prefix in reason.prefixes
                )
                for away in (False, True)
            }
            troubles = tuple((reason.cause, reason.text) for reason in reasons)
            return replace(answer, troubles=troubles, withheld=by_table[False], away=by_table[True])
    except (KeyError, TimeoutError, LabError):
        return answer  # what it said before counts


def needs_probe(view: SessionView) -> bool:
    """Nothing of the session tells yet what became of TCP."""
    talks = view.bgp_state in (BgpState.OPEN_SENT, BgpState.OPEN_CONFIRM, BgpState.ESTABLISHED)
    return not (talks or any(not note.sent for note in view.notifications))


_ENDS = {
    "open": TcpEnd.OPENS,
    "refused": TcpEnd.REFUSED,
    "filtered": TcpEnd.SILENT,
    "unreachable": TcpEnd.UNREACHABLE,
}


async def probe(network: Network, plan: SessionPlan) -> TcpEnd | None:
    """A TCP handshake from the edge's address to the router's BGP port; None where there is nothing to try.

    Where the edge has a key, one is signed and one is not: a router with the key answers the first alone, one without
    it the other alone.
    """
    if network.kind is LinkKind.LOOPBACK:
        return None
    key = network.edges.key_of(plan)
    try:
        place = network.site.place(plan.edge.name)
        ways = [None] if key is None else [None, partial(set_md5, peer=place.host(plan.peer_address), key=key)]
        ends_of = partial(tcp_port, place, plan.edge_address, plan.peer_address, BGP_PORT, _HANDSHAKE)
        ends = [_ENDS[end] for end in await asyncio.gather(*map(ends_of, ways))]
    except (KeyError, OSError, LabError):
        return None
    return TcpEnd.OPENS if TcpEnd.OPENS in ends else ends[0]


_SHOWN = 8
"""Prefixes that a remedy writes out."""


def own_prefixes(plan: SessionPlan) -> tuple[str, ...]:
    """The first prefixes that the peer is to announce on a session; empty where its own file says what."""
    return first_prefixes(plan.peer.announce, plan.peer, plan.family, _SHOWN)
