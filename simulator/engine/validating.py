"""The end-to-end validation of one connection: gathers evidence until every check can tell, or the deadline comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from simulator.addresses import IpAddress, IpNetwork
from simulator.connection.states import Flow
from simulator.diagnosis.about import Mender
from simulator.diagnosis.catalogue import evaluate, rejected_routes
from simulator.diagnosis.check import When
from simulator.diagnosis.evidence import (
    CaptureProof,
    ImportMarks,
    LanAnswer,
    Observation,
    PeerTable,
    RouteServerPaths,
    SessionEvidence,
    Sibling,
    TcpEnd,
    Traffic,
    since,
)
from simulator.diagnosis.router_answer import RouterAnswer
from simulator.diagnosis.session_checks import folded
from simulator.diagnosis.watched import Watched
from simulator.engine.capture_watches import Watches
from simulator.engine.control import ConnectionRecord
from simulator.engine.early_end import EarlyEnd
from simulator.engine.external_waits import tell_waits
from simulator.engine.import_marks import marks_of
from simulator.engine.log import EventLog
from simulator.engine.menders import mender_of
from simulator.engine.network import Network
from simulator.engine.route_evidence import flaps, rejected
from simulator.engine.route_server_paths import paths_through
from simulator.engine.router_evidence import answer_of, member_tables, needs_probe, own_prefix, probe, table_of
from simulator.lab.netns import netns_place
from simulator.lab.probe import neighbors_on_lan, ping
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.rib.adj_in import HeldRoute
from simulator.session.states import BgpState
from simulator.speakers.clock import Clock
from simulator.topology.own_checks import selection
from simulator.topology.plan import SessionPlan
from simulator.views.check import CheckView, Status
from simulator.views.session import SessionView
from simulator.wire import nlri

_ELSEWHERE = 0.3
"""Seconds to ask for one more address of a link's prefix."""
_PATIENCE = 2.0
"""Seconds that a peer's router has for its answers at least, also when the deadline is near."""
_COMES_BACK = {"R3.as-path-loop", "R3.microsoft-prefix"}
"""A route server passes one edge's routes on to the others, as it has to: no fault, once they are lifted."""
_POLL = 0.1
"""Seconds between two questions to a peer's router, which tells nothing by itself."""


@dataclass(slots=True)
class Gathered:
    """What had to be asked for, while a validation runs."""

    before: Mapping[str, SessionView]
    """The sessions as they were when it began."""
    since: float
    """When it began: never before the last deny."""
    counters: Mapping[str, dict[str, int]] = field(default_factory=dict)
    expected: Mapping[str, int] = field(default_factory=dict)
    lan: dict[str, LanAnswer] = field(default_factory=dict)
    tables: dict[str, PeerTable] = field(default_factory=dict)
    members: dict[str, dict[str, PeerTable]] = field(default_factory=dict)
    answers: dict[str, RouterAnswer] = field(default_factory=dict)
    probes: dict[str, TcpEnd] = field(default_factory=dict)
    peer_counters: Mapping[str, dict[str, int]] = field(default_factory=dict)
    lifted: bool = False
    """It is the time after the lift."""
    asks_members: bool = False
    """The members behind a route server are to hold what Microsoft announces."""
    watched: Watched | None = None
    capture: CaptureProof | None = None
    capture_skipped: str = ""
    traffic: Mapping[str, Traffic] = field(default_factory=dict)
    traffic_skipped: str = ""
    programmed: dict[str, int | None] = field(default_factory=dict)


class Validator:
    """Validates connections of one network."""

    def __init__(self, network: Network, log: EventLog, clock: Clock) -> None:
        self._network = network
        self._log = log
        self._clock = clock
        self._times = network.topology.times
        self._menders: dict[str, Mender | None] = {}
        self.preflight: Mapping[str, tuple[tuple[str, str], ...]] = {}
        """By session: what did not match before it, where that was looked at."""
        self._selection = selection(network.topology)

    async def validate(self, record: ConnectionRecord) -> list[CheckView]:
        """Run the checks that stand before the lift, until they pass, or are known to fail, or the deadline comes."""
        gathered = Gathered(
            before=self.views(record),
            since=self._clock.now(),
            counters={plan.id: self._counters(plan.edge.name) for plan in record.plans},
            peer_counters={plan.id: self._counters(plan.peer.name) for plan in record.plans},
        )
        watches = Watches(self._network, record.plans)
        deadline = gathered.since + self._network.topology.deadline
        probes = [asyncio.ensure_future(self._ask_lan(plan, gathered, deadline)) for plan in record.plans]
        waits = asyncio.ensure_future(tell_waits(self._network, self._log, self._clock, record.plans, deadline))
        early = self._early_end(record, gathered)
        looks = asyncio.ensure_future(early.look(deadline))
        try:
            if await self._until_soaked(record, gathered, early, deadline):
                deadline = min(deadline, self._clock.now() + _PATIENCE)
            await self._look_at_both_ends(record, gathered, watches, deadline)
            done, _ = await asyncio.wait(probes, timeout=max(deadline - self._clock.now(), _PATIENCE))
            for probe in done:
                probe.result()
        finally:
            watches.end()
            for task in (*probes, waits, looks):
                task.cancel()
            await asyncio.gather(*probes, waits, looks, return_exceptions=True)
        await self._ask_why(record, gathered)
        return self.judge(When.VALIDATING, record, gathered, final=True)

    async def after_lift(
        self, record: ConnectionRecord, before: Mapping[str, SessionView], expected: Mapping[str, int] | None = None
    ) -> list[CheckView]:
        """A1 and A3: the routes are at both ends, and stay, on the sessions of `before`, for the `active` time.

        `expected`: how many accepted routes to wait for until the deadline, by session. A rule that rejects only what
        came after the validation is a warning too.
        """
        until = self._clock.now() + self._times.active
        results = await self._poll(record, before, When.LIFTED, expected)
        while not any(result.stops for result in results) and (left := until - self._clock.now()) > 0:
            await self._log.next_event(left)
            results = await self._poll(record, before, When.LIFTED)
        return [*results, *self.judge_late(record, before)]

    async def after_deny(self, record: ConnectionRecord, before: Mapping[str, SessionView]) -> list[CheckView]:
        """A4: while PendingRemove, nothing is left at either end of sessions that are still up."""
        return await self._poll(record, before, When.DEPROVISIONING)

    async def while_active(
        self, record: ConnectionRecord, plan: SessionPlan, before: SessionView, began: float, watched: Watched
    ) -> list[CheckView]:
        """W1 to W5, and a warning for each rule that rejects something now: what is wrong with one lifted session.

        `before`: it as it was when it was in order, at `began`.
        """
        gathered = Gathered({plan.id: before}, began, lifted=True, watched=watched)
        alone = replace(record, plans=(plan,))
        if self._network.edges.bgp_state(plan) is not BgpState.ESTABLISHED:
            await self._ask_why(alone, gathered)
        found = self.judge(When.ACTIVE, alone, gathered, final=True)
        told = {result.id for result in record.results} | (_COMES_BACK if record.flow is Flow.IXRS else set())
        return [each for each in found if each.status.bad and each.id not in told]

    def traffic(
        self, record: ConnectionRecord, before: Mapping[str, SessionView], seen: Mapping[str, Traffic], skipped: str
    ) -> list[CheckView]:
        """A2: what `seen` tells of each session's traffic. `skipped`: why none was tried; empty where it was."""
        gathered = Gathered(before, self._clock.now(), lifted=True, traffic=seen, traffic_skipped=skipped)
        return self.judge(When.TRAFFIC, record, gathered, final=True)

    # --- what is made of what was gathered; nothing is asked and nobody waits ---

    def judge(self, when: When, record: ConnectionRecord, gathered: Gathered, *, final: bool) -> list[CheckView]:
        """What the checks of a time say; and while routes may still be mended, a warning for each rule that rejects."""
        observation = self._observe(record, gathered, final=final)
        found = evaluate(self._selection.of(when), observation)
        if when in (When.VALIDATING, When.ACTIVE):
            found += self._selection.rejected(rejected_routes(observation), when)
        return found

    def judge_late(self, record: ConnectionRecord, before: Mapping[str, SessionView]) -> list[CheckView]:
        """A warning for each rule that rejects only what came after the validation."""
        told = {result.id for result in record.results}
        found = rejected_routes(self._observe(record, Gathered(before, self._clock.now(), lifted=True)))
        return [each for each in self._selection.rejected(found, When.LIFTED) if each.id not in told]

    @property
    def now(self) -> float:
        """Seconds since the epoch, by the clock of the log."""
        return self._clock.now()

    @property
    def wants_traffic(self) -> bool:
        """Whether A2 is among the checks that run."""
        return bool(self._selection.of(When.TRAFFIC))

    def views(self, record: ConnectionRecord) -> dict[str, SessionView]:
        """The sessions of a connection now."""
        return {plan.id: self._network.edges.view(plan) for plan in record.plans}

    async def _poll(
        self,
        record: ConnectionRecord,
        before: Mapping[str, SessionView],
        when: When,
        expected: Mapping[str, int] | None = None,
    ) -> list[CheckView]:
        """Ask the peers' routers until every check passes or the deadline comes."""
        gathered = Gathered(before, self._clock.now(), expected=expected or {}, lifted=True)
        gathered.asks_members = when is When.LIFTED
        deadline = self._clock.now() + self._network.topology.deadline
        checks = self._selection.of(when)
        while True:
            await self._read_tables(record, gathered, deadline)
            results = evaluate(checks, self._observe(record, gathered))
            over = self._clock.now() >= deadline
            if over or all(result.status is not Status.UNSET for result in results):
                if over or any(result.status.bad for result in results):
                    await self._ask_why(record, gathered)
                return self.judge(when, record, gathered, final=over)
            await self._log.next_event(min(_POLL, deadline - self._clock.now()))

    # --- waiting ---

    def _early_end(self, record: ConnectionRecord, gathered: Gathered) -> EarlyEnd:
        def observe(plans: Sequence[SessionPlan], answers: Mapping[str, RouterAnswer]) -> Observation:
            return self._observe(replace(record, plans=tuple(plans)), replace(gathered, answers=dict(answers)))

        return EarlyEnd(self._network, self._log, self._clock, record.plans, observe)

    async def _until_soaked(
        self, record: ConnectionRecord, gathered: Gathered, early: EarlyEnd, deadline: float
    ) -> bool:
        """Until every session was Established for the soak time, its table is in, and something in it is acceptable.

        Whether it ended early: some sessions are known to fail, and the others have come so far.
        """
        soak, began = self._times.soak, gathered.since
        while (now := self._clock.now()) < deadline:
            views = [self._network.edges.view(plan) for plan in record.plans]
            behind = [view for view in views if not self._is_ready(view, began)]
            if all(early.knows(since(gathered.before[view.id], view, began)) for view in behind):
                return bool(behind)
            moments = [when for view in views for when in (view.established_at, view.last_update) if when is not None]
            wake = min([deadline, *(when + soak for when in (began, *moments) if when + soak > now)])
            await self._log.next_event(wake - now)
        return False

    def _is_ready(self, view: SessionView, began: float) -> bool:
        return self._soaked(view, began) and self._settled(view) and view.accepted > 0

    def _soaked(self, view: SessionView, since: float) -> bool:
        """The soak counts from the later of Established and the beginning of the validation, which no deny follows."""
        if view.established_at is None or view.bgp_state is not BgpState.ESTABLISHED:
            return False
        return self._clock.now() - max(view.established_at, since) >= self._times.soak

    def _settled(self, view: SessionView) -> bool:
        if view.end_of_rib or view.established_at is None:
            return view.end_of_rib
        return self._clock.now() - max(view.established_at, view.last_update or 0) >= self._times.soak

    # --- evidence ---

    async def _look_at_both_ends(
        self, record: ConnectionRecord, gathered: Gathered, watches: Watches, deadline: float
    ) -> None:
        """What the peer holds and what the link saw, at the end of the denial: the last moment before the lift.

        What a deny withdrew takes its time to leave the peer's table, and a packet its time to be acknowledged: both
        are asked again until nothing is left to wait for, or the deadline comes.
        """
        gathered.capture_skipped = watches.skipped
        while True:
            await self._read_tables(record, gathered, deadline)
            if not watches.skipped:
                gathered.capture = await watches.proof()
            if self._network.kernel is not None:
                kernel = self._network.kernel
                gathered.programmed |= {plan.id: await kernel.held(plan) for plan in record.plans}
            gone = all(not table.prefixes and not table.error for table in gathered.tables.values())
            seen = gathered.capture is None or gathered.capture.conclusive
            if (gone and seen) or (left := deadline - self._clock.now()) <= 0:
                return
            await self._log.next_event(min(_POLL, left))

    async def _read_tables(self, record: ConnectionRecord, gathered: Gathered, deadline: float) -> None:
        """What each peer's router holds. One that hangs is not waited for beyond the deadline and a little more."""
        patience = max(deadline - self._clock.now(), _PATIENCE)
        tables = await asyncio.gather(*(table_of(self._network, plan, patience) for plan in record.plans))
        gathered.tables |= {plan.id: table for plan, table in zip(record.plans, tables, strict=True)}
        for plan in record.plans:
            if gathered.asks_members and record.flow is Flow.IXRS:
                gathered.members[plan.id] = await member_tables(self._network, plan, patience)

    async def _ask_why(self, record: ConnectionRecord, gathered: Gathered) -> None:
        """What a diagnosis needs besides: what the peer's routers say of themselves, and a TCP handshake."""
        plans = record.plans
        views = {plan.id: self._network.edges.view(plan) for plan in plans}
        answers = await asyncio.gather(
            *(answer_of(self._network, plan, _PATIENCE, lifted=gathered.lifted) for plan in plans)
        )
        gathered.answers |= {plan.id: found for plan, found in zip(plans, answers, strict=True) if found is not None}
        mute = [plan for plan in plans if needs_probe(since(gathered.before[plan.id], views[plan.id], gathered.since))]
        ends = await asyncio.gather(*(probe(self._network, plan) for plan in mute))
        gathered.probes |= {plan.id: end for plan, end in zip(mute, ends, strict=True) if end is not None}

    async def _ask_lan(self, plan: SessionPlan, gathered: Gathered, deadline: float) -> None:
        """L1: ask until the peer answers or the deadline comes."""
        if self._network.kind is LinkKind.LOOPBACK:
            return
        place = self._network.site.place(plan.edge.name)
        elsewhere: tuple[str, ...] = ()
        while (left := deadline - self._clock.now()) > 0:
            found = await neighbors_on_lan(place, plan.peer_address, deadline=min(left, 3.0))
            echo = await ping(place, plan.peer_address)
            elsewhere = elsewhere or (() if found.macs else await self._answering_elsewhere(plan))
            gathered.lan[plan.id] = LanAnswer(found.macs, echo.answered, echo.rtt_ms, elsewhere)
            if found.macs and echo.answered:
                break
        else:
            return
        echo = await ping(place, plan.peer_address, size=plan.mtu, dont_fragment=True)
        gathered.lan[plan.id] = replace(gathered.lan[plan.id], whole=echo.error)

    async def _answering_elsewhere(self, plan: SessionPlan) -> tuple[str, ...]:
        """The other addresses of a Direct link's prefix that somebody answers for: the peer may have taken one."""
        place = netns_place(self._network.site.place(plan.edge.name), "L1")
        prefixes = place.interfaces[place.interface_to(plan.peer_address)]
        answering = []
        for prefix in (prefix for prefix in prefixes if plan.edge_address in prefix and not plan.lan):
            for address in prefix:
                if address in (plan.edge_address, plan.peer_address) or _is_broadcast(address, prefix):
                    continue
                if (await neighbors_on_lan(place, address, deadline=_ELSEWHERE)).macs:
                    answering.append(str(address))
        return tuple(answering)

    def _counters(self, node: str) -> dict[str, int]:
        with contextlib.suppress(KeyError, LabError):  # a peer of the API may have no node in this lab
            return self._network.site.place(node).tcp_counters()
        return {}

    def _observe(self, record: ConnectionRecord, gathered: Gathered, *, final: bool = False) -> Observation:
        whole = final and not gathered.lifted
        flapping = flaps(self._log, gathered.since) if whole else {}
        several = [plan for plan in self._network.edges.plans if whole and plan.peering == record.peering]
        compared = len({plan.edge.name for plan in several}) > 1
        return Observation(
            connection=record.id,
            final=final,
            siblings=tuple(self._siblings(record, several)) if compared else (),
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
            edges=frozenset(plan.edge.name for plan in several),
            edges_there=self._edges_there(record),
            quality_asked=record.plans[0].quality_asked,
            quality_problem=self._network.site.quality_problem,
        )

    def _siblings(self, record: ConnectionRecord, plans: Iterable[SessionPlan]) -> Iterator[Sibling]:
        edges = {plan.edge.name for plan in record.plans}
        for plan in plans:
            if plan.edge.name not in edges and plan.peer is record.peer and self._network.edges.is_provisioned(plan):
                view = self._network.edges.view(plan)
                if view.bgp_state is BgpState.ESTABLISHED and self._settled(view):
                    yield Sibling(plan.id, plan.family, self._heard(plan), self._heard(plan, acceptable=False))

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
            foreign_identifiers=self._foreign_identifiers(plan, now),
            lan=gathered.lan.get(plan.id),
            mtu=plan.mtu,
            tcp_counters=_moves(counters, self._counters(plan.edge.name)) if counters else {},
            peer_counters=_moves(theirs, self._counters(plan.peer.name)) if theirs else {},
            answer=gathered.answers.get(plan.id),
            preflight=self.preflight.get(plan.id, ()),
            probe=gathered.probes.get(plan.id),
            own_prefix=own_prefix(plan) if plan.id in gathered.answers else "",
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
            traffic=gathered.traffic.get(plan.id),
            programmed=gathered.programmed.get(plan.id),
            frames=self._frames(plan, gathered.lan.get(plan.id)),
        )

    def _judged(self, plan: SessionPlan, gathered: Gathered) -> Iterable[HeldRoute]:
        """The routes that a diagnosis looks at: once it is lifted, not those of ours that a route server passes on."""
        routes = self._network.edges.routes(plan)
        if not (gathered.lifted and plan.profile == "ixrs"):
            return routes
        return (route for route in routes if not any(f"R3.{hit.rule}" in _COMES_BACK for hit in route.hits))

    def _mender(
        self, plan: SessionPlan, view: SessionView, carried: tuple[IpAddress, IpAddress] | None
    ) -> Mender | None:
        if plan.id not in self._menders:
            self._menders[plan.id] = mender_of(plan, self._network.edges.plans, view.local_open.asn, carried)
        return self._menders[plan.id]

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


def _is_broadcast(address: IpAddress, prefix: IpNetwork) -> bool:
    return prefix.version == 4 and prefix.prefixlen < 31 and address == prefix.broadcast_address


_COUNTERS = ("TCPMD5NotFound", "TCPMD5Unexpected", "TCPMD5Failure", "TCPMinTTLDrop")


def _moves(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {name: after[name] - before.get(name, 0) for name in _COUNTERS if name in after}


def _lost(before: SessionView, now: SessionView) -> tuple[str, ...]:
    """What went wrong on a running session since `before`."""
    lost = []
    if now.established_transitions != before.established_transitions or now.established_at != before.established_at:
        lost.append("the session was reset")
    notes = [seen for seen in now.notifications if seen not in before.notifications]
    lost += folded(notes)
    if now.withdrawn_by_us != before.withdrawn_by_us:
        lost.append(f"{now.withdrawn_by_us - before.withdrawn_by_us} routes were withdrawn by us")
    if now.received < before.received:
        lost.append(f"the peer withdrew {before.received - now.received} routes")
    return tuple(lost)
