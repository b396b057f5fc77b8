"""The running network of a topology: its link, AS8075's edges, the peers' routers. It opens no gate by itself."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from simulator.connection.states import ConnectionState
from simulator.engine.datafiles import DataFileRead, DataFiles
from simulator.engine.knocks import Knocks
from simulator.engine.member_config import as_route_server, customer_config, session_name
from simulator.engine.peer_config import agreed_session, router_config
from simulator.engine.registrations import Registrations
from simulator.gate import Change, GateCounts, nlri_may_pass
from simulator.lab.capture import Capture
from simulator.lab.netns import NetnsLink, NetnsPlace, netns_place
from simulator.lab.state import LabState
from simulator.peer.events import (
    CallerRefused,
    NeighborConfig,
    SpeakerEvent,
    UnknownPeer,
)
from simulator.places.endpoint import BGP_PORT, Address, Endpoint
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.places.loopback import LoopbackLink
from simulator.places.place import Link, Place
from simulator.policy.attribute_rules import ROLES
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.policy import Policy
from simulator.policy.prefixes import PrefixSet
from simulator.policy.rules import PolicyContext
from simulator.policy.transform import ImportSettings
from simulator.rib.adj_in import HeldRoute
from simulator.rib.announcement import Announcement
from simulator.rib.attribute_set import AttributeSet
from simulator.routers.base import Router, RouterConfig, RouterFiles, RouterSession
from simulator.routers.registry import ROUTERS
from simulator.session.messages import Family, Notification
from simulator.session.session import SessionTimes
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.speaker import Speaker
from simulator.speakers.tap import Tap
from simulator.topology.kinds import RouteServer
from simulator.topology.originate import announcements
from simulator.topology.plan import SessionPlan, plans
from simulator.topology.schema import Customer, Peer, Topology
from simulator.topology.segments import cables_of, lan_of
from simulator.views.session import SessionView
from simulator.wire.path_attributes import PathAttributes


class Network:
    """Enter to build, exit to remove every trace."""

    def __init__(
        self,
        topology: Topology,
        kind: LinkKind,
        emit: Callable[[SpeakerEvent | DataFileRead], None],
        *,
        record: bool,
        keep_captures: bool = False,
        registrations: Registrations | None = None,
    ) -> None:
        """`registrations`: what lifted sessions are judged by besides the policy's data; None: nothing is registered.

        `record` keeps the speakers' own octets, `keep_captures` a file of each capture, where the link allows one.

        A capture without a file sees as much, and keeps no more of it than a validation needs.
        """
        self.topology = topology
        self.kind = kind
        self.plans = list(plans(topology))
        """Every session that was planned; more may be added while the network runs (`admit`)."""
        self.capture_problem = (
            "" if kind is not LinkKind.LOOPBACK else "the loopback link has no interface of its own to capture on"
        )
        self._keep_captures = keep_captures
        self.tap = Tap() if record else None
        self.captures: dict[tuple[str, str], Capture] = {}
        """By edge and interface."""
        self.data: DataFiles | None = None
        """What the rules look things up in; None until the network is built."""
        self._registrations = registrations
        self._provisioned: dict[str, SessionPlan] = {}
        """By session."""
        self._emit = emit
        self._knocks = Knocks()
        self._state: LabState | None = None
        self._link: Link | None = None
        self._edges: dict[str, Speaker] = {}
        self._listening: dict[str, Endpoint] = {}
        self._routers: dict[str, Router] = {}
        self._configured: set[str] = set()
        """The sessions that a started router has in its configuration."""
        self._ipv6_ports: set[int] = set()
        """Of the ports that the topology gives to IPv6 on loopback, those that are taken."""
        self._admitted: set[str] = set()
        """The sessions that were planned while the network ran."""
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
        lan, cables = lan_of(topology), cables_of(topology)
        link: Link
        if self.kind is LinkKind.LOOPBACK:
            link = LoopbackLink(lan, cables)
        else:
            link = NetnsLink(lan, self._state, cables, leads_out=self.kind is LinkKind.INTERFACE)
        self._link = await self._exit.enter_async_context(link)
        clock = Clock(asyncio.get_running_loop())
        self.data = DataFiles(topology.policy.data, clock.now, self._emit)
        await self.data.load()
        for edge in topology.edges:
            if self.kind is not LinkKind.LOOPBACK:
                await self._capture(edge.name)
            routes = announcements(topology.microsoft.announce, edge)
            speaker = Speaker(edge.name, self.place(edge.name), clock, self._hear, routes, self.tap)
            self._edges[edge.name], self._announcements[edge.name] = speaker, routes
            keys = ((route.family, key) for route in routes for key in route.keys)
            self._own[edge.name] = PrefixSet.of_keys(keys, f"announced by AS{topology.microsoft.asn}")
            self._exit.push_async_callback(speaker.close)
        for plan in self.plans:
            await self._listen(plan)
        if self.data.is_watching_anything:
            watching = asyncio.ensure_future(self.data.watch(self.apply_data))
            self._exit.push_async_callback(_end, watching)

    def _hear(self, event: SpeakerEvent) -> None:
        if isinstance(event, UnknownPeer | CallerRefused):
            told = self._knocks.heard(event)
            if told is None:
                return
            event = told
        self._emit(event)

    async def _capture(self, edge: str) -> None:
        assert self._state is not None
        for interface in netns_place(self.place(edge), "a capture").interfaces:
            path = self._state.subdirectory(edge) / f"{interface}.pcap" if self._keep_captures else None
            capture = Capture(self.place(edge), path, interface)
            try:
                await capture.start()
            except LabError as error:
                self.capture_problem = str(error)
                return
            self._exit.push_async_callback(capture.stop)
            self.captures[edge, interface] = capture

    def capture_of(self, plan: SessionPlan) -> Capture | None:
        """The capture of the link that carries a session; None where nothing is captured."""
        if self.kind is LinkKind.LOOPBACK:
            return None
        interface = netns_place(self.place(plan.edge.name), "a capture").interface_to(plan.peer_address)
        return self.captures.get((plan.edge.name, interface))

    async def admit(self, plan: SessionPlan) -> None:
        """Take in a session that was planned after the start: the edge listens, `provision` does the rest.

        Raises LabError where its addresses are not in this lab, or for a second session of the same id.
        """
        if any(other.router_session == plan.router_session for other in self.plans):
            raise LabError(f"session {plan.id} is planned already")
        try:
            await self._listen(plan)
        except KeyError:
            raise LabError(f"session {plan.id}: {plan.edge.name} has no address {plan.edge_address} here") from None
        self.plans.append(plan)
        self._admitted.add(plan.router_session)

    async def dismiss(self, plan: SessionPlan) -> None:
        """Forget a session that was taken in by `admit`, once it is deprovisioned; the topology's own ones stay."""
        if plan.router_session not in self._admitted or self.is_provisioned(plan):
            return
        self._admitted.discard(plan.router_session)
        self.plans = [other for other in self.plans if other.router_session != plan.router_session]
        endpoint = self._listening.pop(plan.router_session)
        if endpoint not in self._listening.values():
            self._ipv6_ports.discard(endpoint.port)
            await self._edges[plan.edge.name].stop_listening(endpoint)

    def knows(self, plan: SessionPlan) -> bool:
        """Whether the session was planned: its edge listens for it."""
        return plan.router_session in self._listening

    async def _listen(self, plan: SessionPlan) -> None:
        """One listening socket an edge address; on IPv6 loopback, where everybody is ::1, one a session."""
        alone = self.kind is LinkKind.LOOPBACK and plan.family is Family.IPV6
        key = plan.router_session if alone else f"{plan.edge.name} {plan.edge_address}"
        if key not in self._listening:
            port = self._next_port(plan.family) if self.kind is LinkKind.LOOPBACK else None
            self._listening[key] = await self._edges[plan.edge.name].listen(plan.edge_address, port)
        self._listening[plan.router_session] = self._listening[key]

    def _next_port(self, family: Family) -> int | None:
        """Where to listen on loopback, where the topology says so; on IPv6 all share ::1, so each has another."""
        first = self.topology.microsoft.port
        if first is None or family is Family.IPV4:
            return first
        port = next(port for port in itertools.count(first) if port not in self._ipv6_ports)
        self._ipv6_ports.add(port)
        return port

    def place(self, node: str) -> Place:
        assert self._link is not None, "the network is not built"
        return self._link.outside(node) or self._link.place(node)

    @property
    def quality_problem(self) -> str:
        """Why latency, jitter or loss that was asked for is not there; empty where all is as asked."""
        return self._link.quality_problem if self._link is not None else ""

    @property
    def directory(self) -> Path:
        assert self._state is not None, "the network is not built"
        return self._state.directory

    # --- the peer's side ---

    async def start_peer(self, peer: Peer) -> str:
        """Configure and start a peer's router; returns its version. Raises LabError in the router's own words.

        What is left of one that ran before, and lost one of its daemons, ends first: it holds files and ports.
        """
        assert self._state is not None
        if (before := self._routers.get(peer.name)) is not None:
            await before.stop()
        router = ROUTERS[peer.router_kind]()
        self._routers[peer.name] = router
        self._exit.push_async_callback(router.stop)
        config = self.configuration(peer)
        self._configured |= {session.name for session in config.sessions}
        await router.start(self.place(peer.name), config, RouterFiles(self._state.subdirectory(peer.name)))
        return await router.version()

    def configuration(self, peer: Peer) -> RouterConfig:
        """What a peer's router is to be configured with, on this link."""
        mine = [plan for plan in self.plans if plan.peer.name == peer.name]
        sides = [plan.peer_side for plan in mine]
        sessions = tuple(self._router_session(plan) for plan in mine if self._configured_by_peer(plan))
        config = router_config(peer, sessions, mine)
        config = replace(config, asn=next((side.asn for side in sides if side.asn), peer.asn))
        config = self._with_interfaces(config)
        if peer.router_abilities.route_server is RouteServer.ALWAYS:
            places = {customer.name: self.place(customer.name) for customer in self.topology.customers}
            config = as_route_server(self.topology, peer, config, places)
        return config

    async def start_customer(self, customer: Customer) -> str:
        """Start the router of a network behind the route servers, which run already; returns its version.

        Raises LabError in the router's own words.
        """
        assert self._state is not None
        endpoints = {}
        for server in self.topology.route_servers(customer):
            for family in Family:
                name, address = session_name(server, customer, family), server.address(family)
                played = server.router_abilities.is_played
                if played and address is not None and customer.address(family) is not None:
                    endpoints[name] = self._routers[server.name].endpoint(name)
                elif address is not None:
                    endpoints[name] = Endpoint(address, BGP_PORT)
        router = ROUTERS[customer.router_kind]()
        self._routers[customer.name] = router
        self._exit.push_async_callback(router.stop)
        config = self._with_interfaces(customer_config(self.topology, customer, endpoints))
        await router.start(self.place(customer.name), config, RouterFiles(self._state.subdirectory(customer.name)))
        return await router.version()

    def _with_interfaces(self, config: RouterConfig) -> RouterConfig:
        place = self.place(config.name)
        if not isinstance(place, NetnsPlace):
            return config
        return replace(config, interfaces=tuple(place.interfaces), vrfs=tuple(place.vrfs))

    def _configured_by_peer(self, plan: SessionPlan) -> bool:
        families = plan.peer_side.families
        return families is None or plan.family.label in families

    def _router_session(self, plan: SessionPlan) -> RouterSession:
        side, taken = plan.peer_side, plan.peer_takes
        if plan.peer.is_external:  # knows the addresses that really carry its sessions, and no others
            local, remote = self._host(plan), self._listening[plan.router_session]
            agreed = agreed_session(plan, self.topology.microsoft.asn)
            return replace(agreed, local_address=local, remote_address=remote.host, remote=remote)
        return replace(
            agreed_session(plan, self.topology.microsoft.asn),
            local_address=taken.peer if taken is not None else plan.peer_address,
            remote_address=taken.microsoft if taken is not None else plan.edge_address,
            remote_as=side.remote_as or self.topology.microsoft.asn,
            remote=Endpoint(taken.microsoft, BGP_PORT) if taken is not None else self._listening[plan.router_session],
            md5=(side.md5 or None) if side.md5 is not None else plan.md5,
            gtsm=plan.gtsm if side.gtsm is None else side.gtsm,
        )

    def router(self, peer: str) -> Router:
        """Raises KeyError for a peer that was not started."""
        return self._routers[peer]

    # --- Microsoft's side ---

    def max_prefixes(self, plan: SessionPlan) -> int:
        """How many prefixes the peer may announce on a session: what the topology says, else what PeeringDB does."""
        limit, hints = plan.max_prefix.limit, self.data.data.peeringdb if self.data is not None else {}
        if plan.max_prefix_given or plan.peer.asn not in hints:
            return limit
        return min(hints[plan.peer.asn].of(plan.family) or limit, limit)

    async def apply_data(self, data: PolicyData) -> None:
        """Judge what every provisioned session holds again, by new data."""
        for edge in self._edges.values():
            for session in edge.sessions:
                policy = edge.config(session).policy if edge.has(session) else None
                if policy is not None:
                    mine = self._data_of(self._provisioned[session], data, lifted=edge.is_lifted(session))
                    edge.apply_policy(session, policy.with_data(mine))
                    await asyncio.sleep(0)  # a full table takes a moment, and others have timers

    def judge_again(self, plan: SessionPlan) -> None:
        """Judge what a session holds by its own data as they are now; nothing where they have not changed."""
        if self.is_provisioned(plan):
            self._judge(plan, lifted=self.is_lifted(plan))

    def _judge(self, plan: SessionPlan, *, lifted: bool) -> None:
        assert self.data is not None, "the network is not built"
        policy, data = self.config(plan).policy, self._data_of(plan, self.data.data, lifted=lifted)
        if policy is not None and policy.context.data != data:
            self._edge(plan).apply_policy(plan.id, policy.with_data(data))

    def _data_of(self, plan: SessionPlan, data: PolicyData, *, lifted: bool) -> PolicyData:
        """What a session's rules look things up in: once it is lifted, with what is registered at its peering."""
        return self._registrations.at(plan).added_to(data) if lifted and self._registrations is not None else data

    def provision(self, plan: SessionPlan) -> None:
        """Configure one session on its edge; its gate is shut. Raises LabError."""
        topology = self.topology
        assert self.data is not None, "the network is not built"
        role = ROLES[topology.microsoft.role] if topology.microsoft.role else None
        host = self._host(plan)
        edge_address, peer_address = plan.edge_address, plan.peer_address
        if plan.peer.is_external:  # it knows no addresses but those that really carry its sessions
            edge_address, peer_address = self._listening[plan.router_session].host, host
        context = PolicyContext(
            peer_as=plan.peer.asn,
            peer_address=str(plan.peer_address),
            local_as=topology.microsoft.asn,
            lan=plan.lan,
            own=self._own[plan.edge.name],
            role=role,
            data=self.data.data,
            carried_address=str(peer_address) if peer_address != plan.peer_address else "",
        )
        taking = ImportSettings(**topology.policy.import_.model_dump())
        remote = self._where_to_dial(plan, host)
        self._edge(plan).add(
            NeighborConfig(
                id=plan.id,
                local_as=topology.microsoft.asn,
                router_id=str(plan.edge.identifier),
                local_address=edge_address,
                # On loopback, too: routers take a next hop of 127.x for a mistake.
                next_hop=plan.edge_address,
                peer_address=peer_address,
                peer_as=plan.peer.asn,
                local=self._listening[plan.router_session],
                remote=remote,
                policy=Policy(plan.profile, context, plan.rules, taking),
                role=role,
                md5=plan.md5,
                gtsm=plan.gtsm,
                hold_time=topology.microsoft.hold_time,
                max_prefix=plan.max_prefix,
                times=SessionTimes(connect_retry=topology.times.connect_retry),
            ),
            host,
        )
        self._provisioned[plan.id] = plan
        if self.tap is not None:
            self.tap.name(plan.id, plan.edge_address, plan.peer_address)

    def _host(self, plan: SessionPlan) -> Address:
        """Where the peer calls from. An address that nobody has here is one that nobody calls from, as in the field."""
        try:
            return self.place(plan.peer.name).host(plan.peer_address)
        except KeyError:
            return plan.peer_address

    def _where_to_dial(self, plan: SessionPlan, host: Address) -> Endpoint | None:
        if plan.router_session in self._configured and plan.peer_takes is None:
            endpoint = self._routers[plan.peer.name].endpoint(plan.router_session)
            return endpoint if endpoint.port else None
        # On loopback port 179 would be somebody else's: a session that the peer lacks is then only waited for.
        return Endpoint(host, BGP_PORT) if self.kind is not LinkKind.LOOPBACK else None

    # --- a session as plain data; each raises KeyError when it is not provisioned ---

    def _edge(self, plan: SessionPlan) -> Speaker:
        return self._edges[plan.edge.name]

    def is_provisioned(self, plan: SessionPlan) -> bool:
        return self._edge(plan).has(plan.id)

    def config(self, plan: SessionPlan) -> NeighborConfig:
        return self._edge(plan).config(plan.id)

    def routes(self, plan: SessionPlan) -> Iterator[HeldRoute]:
        """Adj-RIB-In, each route with every rule that rejects it."""
        return self._edge(plan).routes(plan.id)

    def route(self, plan: SessionPlan, key: bytes) -> HeldRoute | None:
        """One route of Adj-RIB-In, by its prefix key; None where the peer does not announce it."""
        return self._edge(plan).route(plan.id, key)

    def attributes(self, plan: SessionPlan) -> Iterator[tuple[bytes, AttributeSet]]:
        """Adj-RIB-In without what rules about prefixes say: prefix keys and attributes."""
        return self._edge(plan).attributes(plan.id)

    def taken(self, plan: SessionPlan) -> Iterator[tuple[Family, bytes, PathAttributes]]:
        """A session's routes in Loc-RIB, with their attributes as the import policy leaves them."""
        return self._edge(plan).taken(plan.id)

    def written(self, plan: SessionPlan, *, whole: bool) -> dict[tuple[Address, int, Address, int], int]:
        """Octets ever written to each connection on which the session talks, as `Speaker.written`."""
        return self._edge(plan).written(plan.id, whole=whole)

    def is_outdated(self, plan: SessionPlan) -> bool:
        """Whether the session runs with another MD5 key than its plan has now."""
        return self.is_provisioned(plan) and self.config(plan).md5 != plan.md5

    def limit(self, plan: SessionPlan) -> None:
        """Apply a session's prefix limit as its plan has it now, without a reset; nothing where it does not exist."""
        if self.is_provisioned(plan) and self.config(plan).max_prefix != plan.max_prefix:
            self._edge(plan).apply_max_prefix(plan.id, plan.max_prefix)

    def bgp_state(self, plan: SessionPlan) -> BgpState:
        """Of the BGP FSM, without all the rest of a view. Raises KeyError when the session is not provisioned."""
        return self._edge(plan).bgp_state(plan.id)

    def view(self, plan: SessionPlan) -> SessionView:
        return self._edge(plan).view(plan.id)

    def rule(self, plan: SessionPlan, state: ConnectionState, *, validated: bool) -> Change:
        """Pass a ruling on to the session's gate; nothing where the session does not exist."""
        if not self.is_provisioned(plan):
            return Change.NOTHING
        if nlri_may_pass(state, validated) and not self.is_lifted(plan):
            self._judge(plan, lifted=True)  # before the gate opens
        change = self._edge(plan).rule(plan.id, state, session_validated=validated)
        if change is Change.DENIED:
            self._judge(plan, lifted=False)
        return change

    def is_lifted(self, plan: SessionPlan) -> bool:
        """Whether the session's gate is open."""
        return self.is_provisioned(plan) and self._edge(plan).is_lifted(plan.id)

    async def deprovision(self, plan: SessionPlan, notification: Notification) -> None:
        """Close one session with this NOTIFICATION and forget it."""
        await self._edge(plan).remove(plan.id, notification)
        if not self.is_provisioned(plan):
            self._provisioned.pop(plan.id, None)

    @property
    def gates(self) -> tuple[GateCounts, ...]:
        """What the gates of each edge have counted."""
        return tuple(edge.gate_counts for edge in self._edges.values())

    def announcements(self, edge: str) -> tuple[Announcement, ...]:
        """What an edge announces to everybody."""
        return tuple(self._announcements[edge])

    def announced(self, plan: SessionPlan) -> tuple[bytes, ...]:
        """The prefix keys that the edge is to announce on this session."""
        routes = self._announcements[plan.edge.name]
        return tuple(dict.fromkeys(key for route in routes if route.family is plan.family for key in route.keys))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
