"""The running network of a topology: its link, AS8075's edges, the peers' routers. It opens no gate by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from simulator.connection.states import ConnectionState
from simulator.gate import Change, Gate
from simulator.lab.capture import Capture
from simulator.lab.link import Address, Endpoint, LabError, LanSpec, Link, LinkKind, LoopbackLink, NodeSpec, Place
from simulator.lab.netns import NetnsLink
from simulator.lab.originate import announcements, router_routes
from simulator.lab.state import LabState
from simulator.lab.topology import Node, Peer, Peering, Topology
from simulator.policy.attribute_rules import ROLES
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.policy import Policy
from simulator.policy.prefixes import PrefixSet
from simulator.policy.rules import PolicyContext
from simulator.policy.transform import ImportSettings
from simulator.provisioning.datafiles import DataFileRead, DataFiles
from simulator.rib.adj_out import Announcement
from simulator.routers.base import Router, RouterConfig, RouterFiles, RouterSession
from simulator.routers.registry import ROUTERS
from simulator.session.messages import Family, Notification
from simulator.session.session import SessionTimes
from simulator.speakers.clock import Clock
from simulator.speakers.events import NeighborConfig, SessionView, SpeakerEvent
from simulator.speakers.max_prefix import Action, Count, MaxPrefix
from simulator.speakers.neighbor import Neighbor
from simulator.speakers.speaker import Speaker
from simulator.speakers.tap import Tap


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """One BGP session that a connection calls for, seen from the edge."""

    id: str
    connection: str
    peering: Peering
    peer: Peer
    edge: Node
    family: Family

    @property
    def edge_address(self) -> Address:
        address = self.edge.address(self.family)
        assert address is not None, "the topology's checks let no session without addresses pass"
        return address

    @property
    def peer_address(self) -> Address:
        address = self.peer.address(self.family)
        assert address is not None, "the topology's checks let no session without addresses pass"
        return address


def plans(topology: Topology) -> tuple[SessionPlan, ...]:
    """Every session of every connection, in the topology's order."""
    return tuple(
        SessionPlan(
            f"{connection}/{family.label.lower()}", connection, peering, topology.peer(peering.peer), edge, family
        )
        for peering in topology.peerings
        for connection, edge in topology.connections(peering)
        for family in peering.session_families()
    )


def _max_prefix(plan: SessionPlan) -> MaxPrefix:
    wanted = plan.peering.max_prefixes
    action, count = Action(wanted.action), Count(wanted.count)
    return MaxPrefix(wanted.of(plan.family), action, count, wanted.warn_at, wanted.restart)


class Network:
    """Enter to build, exit to remove every trace."""

    def __init__(
        self,
        topology: Topology,
        kind: LinkKind,
        emit: Callable[[SpeakerEvent | DataFileRead], None],
        *,
        record: bool,
    ) -> None:
        """`record` keeps the wire: a capture of each edge where the link has interfaces, else the speakers' octets."""
        self.topology = topology
        self.kind = kind
        self.plans = plans(topology)
        self.capture_problem = (
            "" if kind is LinkKind.NETNS else "the loopback link has no interface of its own to capture on"
        )
        self.tap = Tap() if record and kind is LinkKind.LOOPBACK else None
        self.captures: dict[str, Capture] = {}
        self.gates: list[Gate] = []
        """The gate of every session that was ever provisioned: what they counted outlives the sessions."""
        self.data: DataFiles | None = None
        """What the rules look things up in; None until the network is built."""
        self._emit = emit
        self._state: LabState | None = None
        self._link: Link | None = None
        self._edges: dict[str, Speaker] = {}
        self._listening: dict[str, Endpoint] = {}
        self._routers: dict[str, Router] = {}
        self._announcements: dict[str, list[Announcement]] = {}
        self._own: dict[str, PrefixSet] = {}
        self._exit = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Network:
        try:
            await self._build()
        except BaseException:
            await self._exit.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._exit.aclose()

    async def _build(self) -> None:
        topology = self.topology
        self._state = LabState.create(topology.name)
        self._exit.callback(self._state.remove)
        nodes = tuple(NodeSpec(node.name, node.addresses) for node in (*topology.edges, *topology.peers))
        lan = LanSpec(topology.exchange.lan.prefixes, nodes, topology.exchange.mtu)
        link: Link = NetnsLink(lan, self._state) if self.kind is LinkKind.NETNS else LoopbackLink(lan)
        self._link = await self._exit.enter_async_context(link)
        clock = Clock(asyncio.get_running_loop())
        self.data = DataFiles(topology.policy.data, clock.now, self._emit)
        await self.data.load()
        for edge in topology.edges:
            if self.kind is LinkKind.NETNS:
                await self._capture(edge.name)
            routes = announcements(topology.microsoft.announce, edge)
            speaker = Speaker(edge.name, self.place(edge.name), clock, self._emit, routes, self.tap)
            self._edges[edge.name], self._announcements[edge.name] = speaker, routes
            keys = ((route.family, key) for route in routes for key in route.keys)
            self._own[edge.name] = PrefixSet.of_keys(keys, f"announced by AS{topology.microsoft.asn}")
            self._exit.push_async_callback(speaker.close)
        for plan in self.plans:
            await self._listen(plan)
        if self.data.is_watching_anything:
            watching = asyncio.ensure_future(self.data.watch(self.apply_data))
            self._exit.push_async_callback(_end, watching)

    async def _capture(self, edge: str) -> None:
        assert self._state is not None
        capture = Capture(self.place(edge), self._state.subdirectory(edge) / "capture.pcap")
        try:
            await capture.start()
        except LabError as error:
            self.capture_problem = str(error)
            return
        self._exit.push_async_callback(capture.stop)
        self.captures[edge] = capture

    async def _listen(self, plan: SessionPlan) -> None:
        """One listening socket an edge address; on IPv6 loopback, where everybody is ::1, one a session."""
        alone = self.kind is LinkKind.LOOPBACK and plan.family is Family.IPV6
        key = plan.id if alone else f"{plan.edge.name} {plan.edge_address}"
        if key not in self._listening:
            self._listening[key] = await self._edges[plan.edge.name].listen(plan.edge_address)
        self._listening[plan.id] = self._listening[key]

    def place(self, node: str) -> Place:
        assert self._link is not None, "the network is not built"
        return self._link.place(node)

    @property
    def directory(self) -> Path:
        assert self._state is not None, "the network is not built"
        return self._state.directory

    # --- the peer's side ---

    async def start_peer(self, peer: Peer) -> str:
        """Configure and start a peer's router; returns its version. Raises LabError in the router's own words."""
        assert self._state is not None
        router = ROUTERS[peer.router_kind]()
        self._routers[peer.name] = router
        self._exit.push_async_callback(router.stop)
        mine = [plan for plan in self.plans if plan.peer.name == peer.name]
        sides = [plan.peering.peer_side for plan in mine]
        config = RouterConfig(
            name=peer.name,
            asn=next((side.asn for side in sides if side.asn), peer.asn),
            router_id=str(peer.identifier),
            sessions=tuple(self._router_session(plan) for plan in mine if self._configured_by_peer(plan)),
            routes=router_routes(announcements(peer.announce, peer)),
            hold_time=peer.hold_time,
        )
        await router.start(self.place(peer.name), config, RouterFiles(self._state.subdirectory(peer.name)))
        return await router.version()

    def _configured_by_peer(self, plan: SessionPlan) -> bool:
        families = plan.peering.peer_side.families
        return families is None or plan.family.label in families

    def _router_session(self, plan: SessionPlan) -> RouterSession:
        side, peering = plan.peering.peer_side, plan.peering
        return RouterSession(
            name=plan.id,
            local_address=plan.peer_address,
            remote_address=plan.edge_address,
            remote_as=side.remote_as or self.topology.microsoft.asn,
            remote=self._listening[plan.id],
            md5=(side.md5 or None) if side.md5 is not None else peering.md5,
            gtsm=peering.gtsm if side.gtsm is None else side.gtsm,
        )

    def router(self, peer: str) -> Router:
        """Raises KeyError for a peer that was not started."""
        return self._routers[peer]

    # --- Microsoft's side ---

    def max_prefixes(self, plan: SessionPlan) -> int:
        """How many prefixes the peer may announce on a session: what the topology says, else what PeeringDB does."""
        given, hints = plan.peering.max_prefixes, self.data.data.peeringdb if self.data is not None else {}
        limit = given.of(plan.family)
        if plan.family.label.lower() in given.model_fields_set or plan.peer.asn not in hints:
            return limit
        return min(hints[plan.peer.asn].of(plan.family) or limit, limit)

    async def apply_data(self, data: PolicyData) -> None:
        """Judge what every provisioned session holds again, by new data."""
        for edge in self._edges.values():
            for neighbor in edge.neighbors:
                if neighbor.config.policy is not None:
                    neighbor.apply_policy(neighbor.config.policy.with_data(data))
                    await asyncio.sleep(0)  # a full table takes a moment, and others have timers

    def provision(self, plan: SessionPlan) -> None:
        """Configure one session on its edge; its gate is shut. Raises LabError."""
        topology, peering = self.topology, plan.peering
        assert self.data is not None, "the network is not built"
        role = ROLES[topology.microsoft.role] if topology.microsoft.role else None
        context = PolicyContext(
            peer_as=plan.peer.asn,
            peer_address=str(plan.peer_address),
            local_as=topology.microsoft.asn,
            lan=tuple(map(str, topology.exchange.lan.prefixes)),
            own=self._own[plan.edge.name],
            role=role,
            data=self.data.data,
        )
        taking = ImportSettings(**topology.policy.import_.model_dump())
        host = self.place(plan.peer.name).host(plan.peer_address)
        remote = self._where_to_dial(plan, host)
        neighbor = self._edges[plan.edge.name].add(
            NeighborConfig(
                id=plan.id,
                local_as=topology.microsoft.asn,
                router_id=str(plan.edge.identifier),
                local_address=plan.edge_address,
                peer_address=plan.peer_address,
                peer_as=plan.peer.asn,
                local=self._listening[plan.id],
                remote=remote,
                policy=Policy(topology.policy.profile, context, topology.policy.rules, taking),
                role=role,
                md5=peering.md5,
                gtsm=peering.gtsm,
                hold_time=topology.microsoft.hold_time,
                max_prefix=_max_prefix(plan),
                times=SessionTimes(connect_retry=topology.times.connect_retry),
            ),
            host,
        )
        self.gates.append(neighbor.gate)

    def _where_to_dial(self, plan: SessionPlan, host: Address) -> Endpoint | None:
        if self._configured_by_peer(plan):
            return self._routers[plan.peer.name].endpoint(plan.id)
        # On loopback port 179 would be somebody else's: a session that the peer lacks is then only waited for.
        return Endpoint(host, 179) if self.kind is LinkKind.NETNS else None

    def neighbor(self, plan: SessionPlan) -> Neighbor:
        """The edge's end of a session. Raises KeyError when it is not provisioned."""
        return self._edges[plan.edge.name].neighbor(plan.id)

    def is_provisioned(self, plan: SessionPlan) -> bool:
        return any(neighbor.config.id == plan.id for neighbor in self._edges[plan.edge.name].neighbors)

    def view(self, plan: SessionPlan) -> SessionView:
        return self.neighbor(plan).view()

    def rule(self, plan: SessionPlan, state: ConnectionState, *, validated: bool) -> Change:
        """Pass a ruling on to the session's gate; nothing where the session does not exist."""
        if not self.is_provisioned(plan):
            return Change.NOTHING
        return self.neighbor(plan).rule(state, session_validated=validated)

    async def deprovision(self, plan: SessionPlan, notification: Notification) -> None:
        """Close one session with this NOTIFICATION and forget it."""
        await self._edges[plan.edge.name].remove(plan.id, notification)

    def announced(self, plan: SessionPlan) -> tuple[bytes, ...]:
        """The prefix keys that the edge is to announce on this session."""
        routes = self._announcements[plan.edge.name]
        return tuple(dict.fromkeys(key for route in routes if route.family is plan.family for key in route.keys))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
