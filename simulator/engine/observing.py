"""From what was gathered to what the checks look at: the observation of one connection."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from simulator.addresses import IpAddress
from simulator.connection.states import ConnectionState, Flow
from simulator.counts import count_of
from simulator.diagnosis.about import Mender
from simulator.diagnosis.evidence import (
    ImportMarks,
    LanAnswer,
    Observation,
    RouteServerPaths,
    SessionEvidence,
    Sibling,
    since,
)
from simulator.diagnosis.route_checks import lacking
from simulator.diagnosis.session_checks import folded
from simulator.engine.control import ConnectionRecord
from simulator.engine.gathering import Gathered, Inquiry, moves
from simulator.engine.import_marks import marks_of
from simulator.engine.log import ConnectionMoved, Event, EventLog
from simulator.engine.menders import mender_of
from simulator.engine.network import Network
from simulator.engine.route_evidence import flaps, rejected
from simulator.engine.route_server_paths import paths_through
from simulator.engine.router_evidence import own_prefixes
from simulator.places.link import LinkKind
from simulator.rib.adj_in import HeldRoute
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.topology.originate import prefixes_meant
from simulator.topology.plan import SessionPlan
from simulator.views.session import SessionView
from simulator.wire import nlri

COMES_BACK = {"R3.as-path-loop", "R3.microsoft-prefix"}
"""A route server passes one edge's routes on to the others, as it has to: no fault, once they are lifted."""


@dataclass(slots=True)
class _Memory:
    """What observations of one connection leave for later ones; it goes with the connection."""

    compared: bool = False
    """It was compared with the others."""
    lacking: set[str] = field(default_factory=set)
    """Its sessions that lacked prefixes then."""
    echoes_lost: dict[str, int] = field(default_factory=dict)
    """By session: on its link, when that was last asked."""
    unplanned: set[str] = field(default_factory=set)
    """Its sessions of which the topology does not say what comes on them."""
    menders: dict[str, Mender | None] = field(default_factory=dict)
    """By session."""


class Observer(Inquiry):
    """Observes the connections of one network."""

    def __init__(self, network: Network, log: EventLog, clock: Clock) -> None:
        super().__init__(network, log, clock)
        self._memories: dict[str, _Memory] = {}
        """By connection."""
        self._times = network.topology.times
        self.preflight: Mapping[str, tuple[tuple[str, str], ...]] = {}
        """By session: what did not match before it, where that was looked at."""
        log.subscribe(self._forget)

    def _memory(self, connection: str) -> _Memory:
        return self._memories.setdefault(connection, _Memory())

    def _forget(self, event: Event) -> None:
        """A connection is gone. The next one of its name is another one, of another router perhaps."""
        if isinstance(event, ConnectionMoved) and event.transition.target is ConnectionState.NONE:
            self._memories.pop(event.connection, None)

    def _soaked(self, view: SessionView, since: float) -> bool:
        """The soak counts from the later of Established and the beginning of the validation, which no deny follows."""
        up_for = self._up_for(view, since)
        return up_for is not None and up_for >= self._times.soak

    def _up_for(self, view: SessionView, since: float) -> float | None:
        if view.established_at is None or view.bgp_state is not BgpState.ESTABLISHED:
            return None
        return self._clock.now() - max(view.established_at, since)

    def _settled(self, view: SessionView) -> bool:
        if view.end_of_rib or view.established_at is None:
            return view.end_of_rib
        return self._clock.now() - max(view.established_at, view.last_update or 0) >= self._times.soak

    def _observe(self, record: ConnectionRecord, gathered: Gathered, *, final: bool = False) -> Observation:
        whole = final and not gathered.lifted
        flapping = flaps(self._log, gathered.since) if whole else {}
        peering = record.peering
        several = [plan for plan in self._network.edges.plans if plan.peering == peering] if whole else []
        compared = len({plan.edge.name for plan in several}) > 1
        others = self._on_other_edges(record, several) if compared else []
        observation = Observation(
            connection=record.id,
            final=final,
            siblings=tuple(map(self._sibling, filter(self._is_in, others))),
            awaited=frozenset(plan.family for plan in others if not self._is_in(plan)),
            sessions=tuple(
                replace(
                    self._session(plan, gathered, compared=compared, table_is_in=final and not gathered.lifted),
                    flapping=flapping.get(plan.id, {}),
                )
                for plan in record.plans
            ),
            has_lan=self._network.kind is not LinkKind.LOOPBACK,
            soak=self._times.soak,
            capture=gathered.capture,
            capture_skipped=gathered.capture_skipped,
            traffic_skipped=gathered.traffic_skipped,
            direct=record.flow is Flow.DIRECT,
            edges=frozenset(plan.edge.name for plan in self._of_peering(record)) if whole else frozenset(),
            edges_there=self._edges_there(record),
            quality_asked=record.plans[0].quality_asked,
            quality_problem=self._network.site.quality_problem,
        )
        if compared:
            self._remember(observation)
        if record.state is ConnectionState.NONE:  # it went while somebody was asked about it
            self._memories.pop(record.id, None)
        return observation

    def _of_peering(self, record: ConnectionRecord) -> list[SessionPlan]:
        """The sessions of all connections of a peering: those that were planned, and those that run."""
        edges, peering = self._network.edges, record.peering
        there = itertools.chain(edges.plans, edges.running, record.plans)
        return list({plan.id: plan for plan in there if plan.peering == peering}.values())

    def _on_other_edges(self, record: ConnectionRecord, plans: Iterable[SessionPlan]) -> list[SessionPlan]:
        """The peer's sessions with edges to which the connection does not lead."""
        mine, edges = {plan.edge.name for plan in record.plans}, self._network.edges
        return [p for p in plans if p.edge.name not in mine and p.peer is record.peer and edges.is_provisioned(p)]

    def _is_in(self, plan: SessionPlan) -> bool:
        """Whether a session's table is in."""
        view = self._network.edges.view(plan)
        return view.bgp_state is BgpState.ESTABLISHED and self._settled(view)

    def _sibling(self, plan: SessionPlan) -> Sibling:
        return Sibling(
            plan.id,
            plan.family,
            self._heard(plan),
            self._heard(plan, acceptable=False),
            self._foreign_next_hops(plan),
            told=self._tells(plan),
        )

    def _tells(self, plan: SessionPlan) -> bool:
        memory = self._memories.get(plan.connection)
        return memory is None or not memory.compared or plan.id in memory.lacking

    def _foreign_next_hops(self, plan: SessionPlan) -> dict[str, str]:
        return {
            nlri.text(route.family, route.key): hit.value.partition(",")[0]
            for route in self._network.edges.routes(plan)
            for hit in route.hits
            if hit.rule == "next-hop"
        }

    def _remember(self, observation: Observation) -> None:
        """A connection tells what it lacks; another one tells it only where this one was looked at before."""
        memory = self._memory(observation.connection)
        memory.compared = True
        memory.lacking |= {each.view.id for each in observation.sessions if lacking(each, observation)}

    def _unheard(self, plan: SessionPlan, table_is_in: bool) -> tuple[str, ...]:
        choice, unplanned = plan.peer.router_choice, self._memory(plan.connection).unplanned
        if not table_is_in or choice.config is None or plan.id in unplanned:
            return ()
        meant = prefixes_meant(plan.peer.announce, plan.peer, plan.family)
        if not meant:
            unplanned.add(plan.id)
            return ()
        return tuple(sorted(meant - self._heard(plan) - self._heard(plan, acceptable=False)))

    def _heard(self, plan: SessionPlan, *, acceptable: bool = True) -> frozenset[str]:
        routes = self._network.edges.routes(plan)
        return frozenset(nlri.text(route.family, route.key) for route in routes if (not route.hits) is acceptable)

    def _edges_there(self, record: ConnectionRecord) -> frozenset[str]:
        """The edges at the exchange; a Direct peering's links lead where they lead."""
        if record.flow is Flow.DIRECT:
            return frozenset()
        return frozenset(edge.name for edge in self._network.topology.edges if edge.addresses)

    def _session(self, plan: SessionPlan, gathered: Gathered, *, compared: bool, table_is_in: bool) -> SessionEvidence:
        now, before = self._network.edges.view(plan), gathered.before[plan.id]
        view, counters = since(before, now, gathered.since), gathered.counters.get(plan.id, {})
        theirs = gathered.peer_counters.get(plan.id, {})
        carried = (now.local_address, now.peer_address)
        return SessionEvidence(
            view=replace(view, local_address=plan.edge_address, peer_address=plan.peer_address),
            carried=carried if carried != (plan.edge_address, plan.peer_address) else None,
            max_prefixes=self._network.edges.max_prefixes(plan),
            mender=self._mender(plan, now, carried if carried != (plan.edge_address, plan.peer_address) else None),
            soaked=self._soaked(now, gathered.since),
            settled=self._settled(now),
            up_for=self._up_for(now, gathered.since),
            foreign_identifiers=self._foreign_identifiers(plan, now),
            lan=gathered.lan.get(plan.id),
            lost_before=self._lost_before(plan, gathered),
            mtu=plan.mtu,
            tcp_counters=moves(counters, self._counters(plan.edge.name)) if counters else {},
            peer_counters=moves(theirs, self._counters(plan.peer.name)) if theirs else {},
            answer=gathered.answers.get(plan.id),
            preflight=self.preflight.get(plan.id, ()),
            key_problem=self._key_problem(plan),
            probe=gathered.probes.get(plan.id),
            packets=gathered.packets.get(plan.id),
            own_prefixes=own_prefixes(plan) if plan.id in gathered.answers else (),
            was_up=before.bgp_state is BgpState.ESTABLISHED,
            prefixes=self._heard(plan) if compared else frozenset(),
            turned_away=self._heard(plan, acceptable=False) if compared and view.rejected else frozenset(),
            peer_table=gathered.tables.get(plan.id),
            members=gathered.members.get(plan.id, {}),
            rejected=rejected(self._judged(plan, gathered), view.received) if view.rejected else (),
            announced=frozenset(nlri.text(plan.family, key) for key in self._network.edges.announced(plan)),
            expected=gathered.expected.get(plan.id),
            lost=_lost(before, now),
            watched=gathered.watched,
            through_server=self._through_server(plan, now) if plan.profile == "ixrs" else None,
            marks=self._marks(plan) if table_is_in and self._settled(now) else None,
            unheard=self._unheard(plan, table_is_in and self._settled(now)),
            traffic=gathered.traffic.get(plan.id),
            programmed=gathered.programmed.get(plan.id),
            frames=self._frames(plan, gathered.lan.get(plan.id)),
        )

    def _lost_before(self, plan: SessionPlan, gathered: Gathered) -> int:
        """Echoes that a session's link lost when it was last asked."""
        lost = self._memory(plan.connection).echoes_lost
        if (lan := gathered.lan.get(plan.id)) is not None:
            lost[plan.id] = lan.lost
        return lost.get(plan.id, 0)

    def _key_problem(self, plan: SessionPlan) -> str:
        key = self._network.edges.key_of(plan)
        if key == plan.md5:
            return ""
        has = "has another MD5 key than was agreed" if plan.md5 and key else "has an MD5 key, and none was agreed"
        return f"{plan.edge.name} {has if key else 'has no MD5 key, and one was agreed'}"

    def _judged(self, plan: SessionPlan, gathered: Gathered) -> Iterable[HeldRoute]:
        """The routes that a diagnosis looks at: once it is lifted, not those of ours that a route server passes on."""
        routes = self._network.edges.routes(plan)
        if not (gathered.lifted and plan.profile == "ixrs"):
            return routes
        return (route for route in routes if not any(f"R3.{hit.rule}" in COMES_BACK for hit in route.hits))

    def _mender(
        self, plan: SessionPlan, view: SessionView, carried: tuple[IpAddress, IpAddress] | None
    ) -> Mender | None:
        menders = self._memory(plan.connection).menders
        if plan.id not in menders:
            menders[plan.id] = mender_of(plan, self._network.edges.plans, view.local_open.asn, carried)
        return menders[plan.id]

    def _through_server(self, plan: SessionPlan, now: SessionView) -> RouteServerPaths:
        routes = (
            self._network.edges.attributes(plan) if self._settled(now) else ()
        )  # a table is looked at when it is in
        return paths_through(plan.family, routes, plan.peer.asn, plan.peer_address)

    def _marks(self, plan: SessionPlan) -> ImportMarks | None:
        policy = self._network.edges.config(plan).policy if self._network.edges.is_provisioned(plan) else None
        return marks_of(self._network.edges.routes(plan), policy) if policy is not None else None

    def _frames(self, plan: SessionPlan, lan: LanAnswer | None) -> tuple[str, ...] | None:
        capture = self._network.captures.of(plan)
        return capture.forbidden.of(lan.macs) if capture is not None and lan is not None else None

    def _foreign_identifiers(self, plan: SessionPlan, now: SessionView) -> dict[str, str]:
        found = now.peer_open.bgp_identifier if now.peer_open is not None else None
        user = self._network.edges.foreign_user(plan, found) if found is not None else None
        return {str(found): f"AS{user}"} if user is not None else {}


def _lost(before: SessionView, now: SessionView) -> tuple[str, ...]:
    """What went wrong on a running session since `before`."""
    lost = []
    if now.established_transitions != before.established_transitions or now.established_at != before.established_at:
        lost.append("the session was reset")
    notes = [seen for seen in now.notifications if seen not in before.notifications]
    lost += folded(notes)
    if now.withdrawn_by_us != before.withdrawn_by_us:
        lost.append(
            f"{count_of(now.withdrawn_by_us - before.withdrawn_by_us, 'route was', 'routes were')} withdrawn by us"
        )
    if now.received < before.received:
        lost.append(f"the peer withdrew {count_of(before.received - now.received, 'route')}")
    return tuple(lost)
