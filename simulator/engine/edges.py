"""AS8075's edges: where they listen, their sessions with gates and policies, and the rulings on them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address

from simulator.addresses import IpAddress
from simulator.connection.states import ConnectionState
from simulator.engine.datafiles import DataFiles
from simulator.engine.identifiers import Identifiers
from simulator.engine.refused_calls import RefusedCalls
from simulator.engine.registrations import Registrations
from simulator.engine.site import Site
from simulator.gate import Change, GateCounts, nlri_may_pass
from simulator.peer.events import BgpStateChanged, CallerRefused, NeighborConfig, SpeakerEvent, UnknownPeer
from simulator.places.endpoint import BGP_PORT, Endpoint
from simulator.places.errors import LabError
from simulator.policy.attribute_rules import ROLES
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.max_prefix import MaxPrefix
from simulator.policy.policy import Policy
from simulator.policy.prefixes import PrefixSet
from simulator.policy.rules import PolicyContext
from simulator.policy.transform import ImportSettings
from simulator.policy.verdict import Hits
from simulator.rib.adj_in import HeldRoute
from simulator.rib.announcement import Announcement
from simulator.rib.attribute_set import AttributeSet
from simulator.session.config import SessionTimes
from simulator.session.messages import Family, Notification
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.speakers.speaker import MakeSpeaker, Speaker
from simulator.speakers.tap import Tap
from simulator.topology.announced import announced_by
from simulator.topology.as8075 import own_prefixes
from simulator.topology.plan import SessionPlan, plans
from simulator.topology.schema import Topology
from simulator.views.session import SessionView
from simulator.wire.path_attributes import PathAttributes


class Edges:
    """Every session is denied until the control plane rules otherwise: nothing here opens a gate by itself."""

    def __init__(
        self,
        topology: Topology,
        site: Site,
        data: DataFiles,
        clock: Clock,
        emit: Callable[[SpeakerEvent], None],
        registrations: Registrations | None,
        tap: Tap | None,
        make_speaker: MakeSpeaker = Speaker,
    ) -> None:
        self.plans = list(plans(topology))
        """Every session that was planned; more may be added while the network runs (`admit`)."""
        self.called: dict[str, Endpoint] = {}
        """By the name of a session at its router: where the router listens for it, once it is started."""
        self._topology = topology
        self._site = site
        self._data = data
        self._clock = clock
        self._emit = emit
        self.registrations = registrations
        self._tap = tap
        self._make_speaker = make_speaker
        self._refused_calls = RefusedCalls()
        self._identifiers = Identifiers()
        self._speakers: dict[str, Speaker] = {}
        """By edge, as the two that follow."""
        self._announcements: dict[str, list[Announcement]] = {}
        self._own: dict[str, PrefixSet] = {}
        self._provisioned: dict[str, SessionPlan] = {}
        """By session."""
        self._listening: dict[str, Endpoint] = {}
        self._ipv6_ports: set[int] = set()
        """Of the ports that the topology gives to IPv6 on loopback, those that are taken."""
        self._squeezed: dict[tuple[str, Family], int] = {}
        """By peer and family, as `squeeze`."""
        self._signed: dict[tuple[str, str, Family], str] = {}
        """By edge, peer and family, as `sign_with`."""
        self._admitted: set[str] = set()
        """The sessions that were planned while the network ran."""

    async def start(self, stack: contextlib.AsyncExitStack) -> None:
        """Listen for every session that is planned. The `stack` closes them."""
        for edge in self._topology.edges:
            routes = announced_by(self._topology, edge)
            place = self._site.place(edge.name)
            speaker = self._make_speaker(edge.name, place, self._clock, self._hear, routes, self._tap)
            self._speakers[edge.name], self._announcements[edge.name] = speaker, routes
            self._own[edge.name] = own_prefixes(routes, self._topology.microsoft.asn)
            stack.push_async_callback(speaker.close)
        for plan in self.plans:
            await self._listen(plan)

    def _hear(self, event: SpeakerEvent) -> None:
        if isinstance(event, UnknownPeer | CallerRefused):
            counted = self._refused_calls.heard(event)
            if counted is None:
                return
            event = counted
        if isinstance(event, BgpStateChanged):
            self._follow(event)
        self._emit(event)

    def _follow(self, event: BgpStateChanged) -> None:
        """Keep account of whose identifier is in use."""
        plan = self._provisioned.get(event.session)
        is_up = event.transition.target in (BgpState.OPEN_CONFIRM, BgpState.ESTABLISHED)
        their_open = self.view(plan).peer_open if is_up and plan is not None and self.is_provisioned(plan) else None
        if plan is None or their_open is None:
            self._identifiers.free(event.session)
        else:
            self._identifiers.take(event.session, plan.peer.asn, plan.edge.name, their_open.bgp_identifier)

    # --- where they listen ---

    async def admit(self, plan: SessionPlan) -> None:
        """Take in a session that was planned after the start: the edge listens, `provision` does the rest.

        Raises LabError where its addresses are not in this lab, or for a second session of the same id.
        """
        if any(other.router_session == plan.router_session for other in self.plans):
            raise LabError(f"session {plan.id} is planned already")
        self._site.make_room(len(self.plans) + 1)
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
            await self._speakers[plan.edge.name].stop_listening(endpoint)

    def plan_again(self, plans: Iterable[SessionPlan]) -> None:
        """These stand in place of the plans of the same sessions: what a router is configured with follows them."""
        changed = {plan.router_session: plan for plan in plans}
        self.plans = [changed.get(plan.router_session, plan) for plan in self.plans]

    def knows(self, plan: SessionPlan) -> bool:
        """Whether the session was planned: its edge listens for it."""
        return plan.router_session in self._listening

    async def _listen(self, plan: SessionPlan) -> None:
        """One listening socket an edge address; on IPv6 loopback, where everybody is ::1, one a session."""
        alone = self._site.is_loopback and plan.family is Family.IPV6
        key = plan.router_session if alone else f"{plan.edge.name} {plan.edge_address}"
        if key not in self._listening:
            port = self._next_port(plan.family) if self._site.is_loopback else None
            self._listening[key] = await self._speakers[plan.edge.name].listen(plan.edge_address, port)
        self._listening[plan.router_session] = self._listening[key]

    def _next_port(self, family: Family) -> int | None:
        """Where to listen on loopback, where the topology says so; on IPv6 all share ::1, so each has another."""
        first = self._topology.microsoft.port
        if first is None or family is Family.IPV4:
            return first
        port = next(port for port in itertools.count(first) if port not in self._ipv6_ports)
        self._ipv6_ports.add(port)
        return port

    def listening(self, plan: SessionPlan) -> Endpoint:
        """Where the edge listens for a session."""
        return self._listening[plan.router_session]

    # --- what they judge by ---

    def max_prefixes(self, plan: SessionPlan) -> int:
        """How many prefixes the peer may announce on a session: what the topology says, else what PeeringDB does."""
        limit, hints = plan.max_prefix.limit, self._data.data.peeringdb
        if plan.max_prefix_given or plan.peer.asn not in hints:
            return limit
        return min(hints[plan.peer.asn].of(plan.family) or limit, limit)

    async def apply_data(self, data: PolicyData) -> None:
        """Judge what every provisioned session holds again, by new data."""
        for edge in self._speakers.values():
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
        policy, data = self.config(plan).policy, self._data_of(plan, self._data.data, lifted=lifted)
        if policy is not None and policy.context.data != data:
            self._edge(plan).apply_policy(plan.id, policy.with_data(data))

    def _data_of(self, plan: SessionPlan, data: PolicyData, *, lifted: bool) -> PolicyData:
        """What a session's rules look things up in: once it is lifted, with what is registered at its peering."""
        return self.registrations.at(plan).added_to(data) if lifted and self.registrations is not None else data

    # --- their sessions ---

    def provision(self, plan: SessionPlan) -> None:
        """Configure one session on its edge; its gate is shut. Raises LabError."""
        topology = self._topology
        role = ROLES[topology.microsoft.role] if topology.microsoft.role else None
        host = self._site.caller(plan)
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
            data=self._data.data,
            carried_address=str(peer_address) if peer_address != plan.peer_address else "",
        )
        taking = ImportSettings(**topology.policy.import_.model_dump())
        remote = self._where_to_call(plan, host)
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
                md5=self.key_of(plan),
                gtsm=plan.gtsm,
                hold_time=topology.microsoft.hold_time,
                max_prefix=self._limit_of(plan),
                times=SessionTimes(connect_retry=topology.times.connect_retry),
            ),
            host,
        )
        self._provisioned[plan.id] = plan
        if self._tap is not None:
            self._tap.name(plan.id, plan.edge_address, plan.peer_address)

    def _where_to_call(self, plan: SessionPlan, host: IpAddress) -> Endpoint | None:
        if plan.router_session in self.called and plan.peer_takes is None:
            endpoint = self.called[plan.router_session]
            return endpoint if endpoint.port else None
        # On loopback port 179 would be somebody else's: a session that the peer lacks is then only waited for.
        return None if self._site.is_loopback else Endpoint(host, BGP_PORT)

    # --- a session as plain data; each raises KeyError when it is not provisioned ---

    def _edge(self, plan: SessionPlan) -> Speaker:
        return self._speakers[plan.edge.name]

    def provisioned(self, session: str) -> SessionPlan | None:
        """The plan of a session that is configured, by its id."""
        return self._provisioned.get(session)

    @property
    def running(self) -> tuple[SessionPlan, ...]:
        """Every session that is configured, also of a peering that the topology does not plan."""
        return tuple(self._provisioned.values())

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

    def exceptions(self, plan: SessionPlan) -> Mapping[bytes, Hits]:
        """Of Adj-RIB-In's routes those that a rule about prefixes rejects, by prefix key."""
        return self._edge(plan).exceptions(plan.id)

    def taken(self, plan: SessionPlan) -> Iterator[tuple[Family, bytes, PathAttributes]]:
        """A session's routes in Loc-RIB, with their attributes as the import policy leaves them."""
        return self._edge(plan).taken(plan.id)

    def written(self, plan: SessionPlan, *, whole: bool) -> dict[tuple[IpAddress, int, IpAddress, int], int]:
        """Octets ever written to each connection on which the session talks, as `Speaker.written`."""
        return self._edge(plan).written(plan.id, whole=whole)

    def is_outdated(self, plan: SessionPlan) -> bool:
        """Whether the session runs with another MD5 key than its plan has now."""
        return self.is_provisioned(plan) and self.config(plan).md5 != self.key_of(plan)

    def limit(self, plan: SessionPlan) -> None:
        """Apply a session's prefix limit as its plan has it now, without a reset; nothing where it does not exist."""
        if not self.is_provisioned(plan):
            return
        known = self._provisioned[plan.id]
        if known.max_prefix != plan.max_prefix:
            self._provisioned[plan.id] = replace(known, max_prefix=plan.max_prefix)
        if self.config(plan).max_prefix != self._limit_of(plan):
            self._edge(plan).apply_max_prefix(plan.id, self._limit_of(plan))

    def squeeze(self, peer: str, family: Family, limit: int | None) -> None:
        """Take this many prefixes of a peer whatever its plans say, on sessions of later too; None: as they say."""
        if limit is None:
            self._squeezed.pop((peer, family), None)
        else:
            self._squeezed[peer, family] = limit
        for plan in list(self._provisioned.values()):
            self.limit(plan)

    def sign_with(self, edge: str, peer: str, family: Family, key: str | None) -> None:
        """Sign with this MD5 key at one edge whatever a peer's plans say, on sessions of later too.

        Empty: with none; None: as they say. Raises LabError."""
        if key is None:
            self._signed.pop((edge, peer, family), None)
        else:
            self._signed[edge, peer, family] = key
        for plan in list(self._provisioned.values()):
            if (plan.edge.name, plan.peer.name, plan.family) == (edge, peer, family) and self.is_outdated(plan):
                self._edge(plan).apply_md5(plan.id, self.key_of(plan))

    def key_of(self, plan: SessionPlan) -> str | None:
        """The MD5 key that the edge has for a session: the one that was agreed, or what `sign_with` says."""
        key = self._signed.get((plan.edge.name, plan.peer.name, plan.family))
        return plan.md5 if key is None else key or None

    def _limit_of(self, plan: SessionPlan) -> MaxPrefix:
        limit = self._squeezed.get((plan.peer.name, plan.family))
        return plan.max_prefix if limit is None else replace(plan.max_prefix, limit=limit)

    def bgp_state(self, plan: SessionPlan) -> BgpState:
        """Of the BGP FSM, without all the rest of a view. Raises KeyError when the session is not provisioned."""
        return self._edge(plan).bgp_state(plan.id)

    def view(self, plan: SessionPlan) -> SessionView:
        return self._edge(plan).view(plan.id)

    def foreign_user(self, plan: SessionPlan, identifier: IPv4Address) -> int | None:
        """The ASN of another peer whose session at the same edge has this BGP identifier."""
        return self._identifiers.foreign(plan.peer.asn, plan.edge.name, identifier)

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
            if self._tap is not None:
                self._tap.forget(plan.id)

    @property
    def gates(self) -> tuple[GateCounts, ...]:
        """What the gates of each edge have counted."""
        return tuple(edge.gate_counts for edge in self._speakers.values())

    def announcements(self, edge: str) -> tuple[Announcement, ...]:
        """What an edge announces to everybody."""
        return tuple(self._announcements[edge])

    def announced(self, plan: SessionPlan) -> tuple[bytes, ...]:
        """The prefix keys that the edge is to announce on this session."""
        routes = self._announcements[plan.edge.name]
        return tuple(dict.fromkeys(key for route in routes if route.family is plan.family for key in route.keys))
