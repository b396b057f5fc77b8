"""A lab that a test drives: verbs of the peer and of Microsoft, and what is expected on both axes.

Everything here is a coroutine that waits by events, to a deadline, and fails where there is nothing to wait for any
more. It acts and sees by the tables of `simulator.scenarios`.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from simulator.axis import AxisError, AxisState
from simulator.connection.states import ConnectionState
from simulator.engine.control import ConnectionRecord
from simulator.faults.cell import breaches_of
from simulator.faults.fitting import MOMENTS, FittedFault
from simulator.faults.lab import Breach, FaultError, FaultyLab, base_of, build_on, unfit
from simulator.faults.load import FaultFileError, load, shipped
from simulator.gate import Direction
from simulator.places.errors import LabError
from simulator.scenarios.acting import ACTS
from simulator.scenarios.conditions import Conditions
from simulator.scenarios.playing import SOON, until_seen
from simulator.scenarios.seeing import causes
from simulator.scenarios.stage import Stage
from simulator.scenarios.staging import Staging
from simulator.scenarios.steps import STEPS
from simulator.scenarios.telling import detail
from simulator.scenarios.values import FamilyWord
from simulator.session.messages import Family
from simulator.session.states import BgpState
from simulator.topology.plan import SessionPlan, plans
from simulator.topology.schema import Topology
from simulator.views.diagnosis import CauseView
from simulator.wire import nlri


class LabAssertionError(AssertionError):
    """Something is not as it is expected: what was seen, the rule, the remedy, the last events, the evidence."""


class Lab:
    """One lab, put up by the first thing that is asked of it. Make it where an event loop runs."""

    def __init__(self, topology: Topology, report: Path | None = None) -> None:
        """`report`: a directory for the report, its events, the packets and the routers' logs; None: none is kept."""
        self.topology = topology
        self.report = report
        self._exit = contextlib.AsyncExitStack()
        self._stage: Stage | None = None
        self._staging: Staging | None = None
        self._breaches: list[Breach] = []
        self._fitted: FittedFault | None = None

    # --- its life ---

    async def start(self) -> None:
        """Put it up: the edges listen, nothing is requested. Raises LabError."""
        if self._stage is not None:
            return
        scratch = Path(self._exit.enter_context(tempfile.TemporaryDirectory(prefix="turnup-test-")))
        faulty = self._faulty(scratch)
        self._staging = Staging(self.topology, scratch, self.report, automation=True, traffic=True)
        if faulty is not None:
            script = self._staging.script
            self._fitted = FittedFault(faulty, script.network, script.log, script.delete)
            self._exit.push_async_callback(self._fitted.stop)
        self._stage = await self._exit.enter_async_context(self._staging.running("the test is over"))

    async def stop(self) -> None:
        """Take it down, without a trace; safe to call twice."""
        await self._exit.aclose()

    async def __aenter__(self) -> Lab:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # --- mistakes ---

    def fault(self, name: str, family: FamilyWord = "IPv4") -> None:
        """Put a mistake into it, before it is up: one of `turnup fault list`, or a fault file.

        The beginning of a name does where only one begins so: `md5-missing` is md5-missing-at-peer.
        Raises LabError for one that does not fit this lab, and where the lab is up already.
        """
        if self._stage is not None:
            raise LabError(
                f"the lab is up already: say lab.fault({name!r}) before anything else, or, while it runs, "
                f"router.fault({name!r})"
            )
        try:
            fault = load(_in_full(name))
        except FaultFileError as error:
            raise LabError(str(error)) from None
        if why := unfit(fault, self.topology, family):
            raise LabError(f"the fault {fault.name} does not fit {self.topology.name}: {why}")
        self._breaches += breaches_of(fault, family)

    def _faulty(self, scratch: Path) -> FaultyLab | None:
        if not self._breaches:
            return None
        router = self.topology.peers[0].router_kind
        document = self.topology.model_dump(mode="json", by_alias=True, exclude_unset=True)
        try:
            faulty = build_on(document, self._breaches, base_of(self.topology), router, scratch)
        except FaultError as error:
            raise LabError(str(error)) from None
        self.topology = faulty.topology
        return faulty

    # --- what one speaks of ---

    def peering(self, name: str = "") -> LabPeering:
        """A peering, or one of its connections; the topology's first where nothing is named. Raises LookupError."""
        names = [each.name for each in self.topology.peerings]
        ids = list(dict.fromkeys(plan.connection for plan in plans(self.topology)))
        return LabPeering(self, {"of": _one_of("peering or connection", name, [*names, *ids])})

    def session(self, edge: str = "", family: FamilyWord | None = None, peering: str = "") -> LabSession:
        """The sessions of a peering, perhaps with one edge and of one family alone."""
        subject = self.peering(peering).subject | ({"edge": self.edge(edge).name} if edge else {})
        return LabSession(self, subject | ({"family": family} if family else {}))

    def edge(self, name: str = "") -> LabEdge:
        """One of AS8075's edges; the topology's first where nothing is named. Raises LookupError."""
        return LabEdge(self, {"edge": _one_of("edge", name, [each.name for each in self.topology.edges])})

    def router(self, name: str = "") -> LabRouter:
        """The router of a peer or customer; the topology's first where nothing is named. Raises LookupError."""
        names = [each.name for each in (*self.topology.peers, *self.topology.customers)]
        return LabRouter(self, {"of": _one_of("peer or customer", name, names)})

    # --- the whole lab ---

    async def turn_up(self) -> None:
        """Every peering, from its request to Active."""
        for peering in self.topology.peerings:
            await self.peering(peering.name).notify()
        for peering in self.topology.peerings:
            await self.peering(peering.name).reaches(ConnectionState.ACTIVE)

    @property
    def diagnosis(self) -> Diagnosis:
        """Why something failed so far, the first cause first; of all connections."""
        records = self._stage.script.control.records.values() if self._stage is not None else ()
        return Diagnosis([each for record in records for each in causes(record)])

    def nothing_passed_before_active(self) -> None:
        """No NLRI passed a session, in or out, while its connection was not Active: the gate's second counter."""
        gates = self.stage.network.edges.gates
        out, into = (sum(gate.leaked[direction] for gate in gates) for direction in (Direction.OUT, Direction.IN))
        if out or into:
            raise self.failure(f"{out} NLRI were sent and {into} taken while a gate was shut", {})

    async def traffic_passes(self, *ends: str, within: float = SOON) -> None:
        """Packets pass both ways between a host behind the peer's router and a Microsoft service (`link: netns`).

        `ends`: a peer, peering or connection, an edge, or both, in any order; every session where nothing is named.
        """
        await self._between(ends).expects(within, traffic="passes")

    async def no_traffic_passes(self, *ends: str, within: float = SOON) -> None:
        """None passes, either way."""
        await self._between(ends).expects(within, traffic="blocked")

    def _between(self, ends: Sequence[str]) -> LabSession:
        edges = [each.name for each in self.topology.edges]
        subject: dict[str, Any] = {}
        for end in ends:
            if end in edges:
                subject["edge"] = end
            elif end in {each.name for each in self.topology.peers}:
                subject["of"] = end
            else:
                subject |= self.peering(end).subject
        return LabSession(self, subject)

    async def register_asn(self, asn: int, peering: str = "") -> None:
        """The exchange registers a customer's ASN: its routes are taken."""
        await self.peering(peering).act("register-asn", asn=asn)

    # --- for the handles ---

    @property
    def stage(self) -> Stage:
        """The lab, which is up. Raises LabError."""
        if self._stage is None:
            raise LabError("the lab is not up yet: turn a peering up first")
        return self._stage

    @property
    def is_up(self) -> bool:
        """Whether the edges listen."""
        return self._stage is not None

    async def _up(self) -> Stage:
        await self.start()
        return self.stage

    async def act(self, step: str, subject: Mapping[str, Any]) -> None:
        """One of the steps of docs/scenarios.md. Raises TransitionRefusedError (Microsoft refuses), and LabError."""
        stage = await self._up()
        stage.since = len(stage.log.entries)
        stage.script.say(f"the test: {' '.join(filter(None, (step, subject.get('of'))))}")
        said = _valid(STEPS[step].takes, subject)
        if self._fitted is not None and step in MOMENTS:
            if step == "notify":
                await ACTS["start"](stage, said)
            await self._fitted.do(MOMENTS[step])
        await ACTS[step](stage, said)

    async def expect(self, subject: Mapping[str, Any], within: float, wanted: Mapping[str, Any]) -> None:
        """Expectations of docs/scenarios.md, by their keys. Raises LabAssertionError."""
        stage = await self._up()
        if told := await until_seen(stage, conditions := _valid(Conditions, {**subject, **wanted}), within):
            raise self.failure(told, conditions)

    def failure(self, text: str, subject: Any) -> LabAssertionError:
        """What a test fails with. `subject`: expectations, or what it is about."""
        about = subject if isinstance(subject, Conditions) else _valid(Conditions, subject)
        if self._staging is not None:
            self._staging.fell_short(text)
        return LabAssertionError(f"{text}\n{detail(self.stage, about, str(self.report or ''), keep=_KEEP)}")


_KEEP: Final = "--turnup-report DIR"


S = TypeVar("S", ConnectionState, BgpState)


def _of_axis(axis: type[S], given: S) -> S:
    """The state, which is one of this axis. Raises AxisError."""
    if isinstance(given, axis):
        return given
    said = f"{type(given).__name__}.{given.name}" if isinstance(given, AxisState) else repr(given)
    whose = "a peering" if axis is ConnectionState else "a session"
    raise AxisError(f"{whose} reaches a {axis.__name__}, and {said} is another thing: the two axes have an Active each")


def _in_full(fault: str) -> str:
    """The name of the one shipped fault that begins so; else what was given."""
    found = [name for name in shipped() if name.startswith(f"{fault}-")]
    return found[0] if len(found) == 1 and fault not in shipped() else fault


def _one_of(what: str, name: str, known: Sequence[str]) -> str:
    if not name and known:
        return known[0]
    if name not in known:
        raise LookupError(f"the topology has no {what} {name!r} (there are: {', '.join(known)})")
    return name


def _valid(model: type[Any], given: Mapping[str, Any]) -> Any:
    """Raises ValueError, in one line."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where}: {first['msg']}") from None


class Diagnosis:
    """Causes, the first first; truth: there is any."""

    def __init__(self, found: Iterable[CauseView]) -> None:
        self.causes = tuple(found)

    @property
    def first(self) -> SeenCause:
        """What is to be looked at first. Raises LabAssertionError where nothing is wrong."""
        if not self.causes:
            raise LabAssertionError("there is no cause: nothing failed")
        return SeenCause(self.causes[0])

    def __bool__(self) -> bool:
        return bool(self.causes)

    def __repr__(self) -> str:
        return "; ".join(f"{each.id}: {each.text}" for each in self.causes) or "no cause"


class SeenCause:
    """One cause: `cause` is its id in docs/causes.md, or the rule of the policy."""

    def __init__(self, view: CauseView) -> None:
        self.cause, self.side, self.text, self.remedy = view.id, view.side.value, view.text, view.remedy

    def __repr__(self) -> str:
        return f"{self.cause} ({self.side} has to act): {self.text}"


class _Handle:
    def __init__(self, lab: Lab, subject: Mapping[str, Any]) -> None:
        self.lab = lab
        self.subject = dict(subject)

    async def act(self, step: str, **more: Any) -> None:
        """One of the steps of docs/scenarios.md, with its keys. Raises TransitionRefusedError, LabError."""
        await self.lab.act(step, self.subject | _keys(more))

    async def expects(self, within: float = SOON, **wanted: Any) -> None:
        """Expectations of docs/scenarios.md, by their keys (`_` for `-`). Raises LabAssertionError."""
        await self.lab.expect(self.subject, within, _keys(wanted))


def _keys(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "-"): value for name, value in given.items() if value is not None}


class LabPeering(_Handle):
    """A peering: its connections move through the life cycle together."""

    @property
    def name(self) -> str:
        """Of the peering, or the id of one connection."""
        return str(self.subject["of"])

    @property
    def connection_state(self) -> ConnectionState:
        """The state of its first connection now."""
        first = next(iter(self._records()), None)
        return first.state if first is not None else ConnectionState.NONE

    @property
    def error_message(self) -> str:
        """Azure's errorMessage of its first connection; empty where nothing failed."""
        return next((record.connection.error_message for record in self._records()), "")

    @property
    def diagnosis(self) -> Diagnosis:
        """Why it failed, the first cause first."""
        return Diagnosis(cause for record in self._records() for cause in causes(record))

    def _records(self) -> list[ConnectionRecord]:
        """None before the lab is up."""
        return self.lab.stage.connections(_valid(Conditions, self.subject)) if self.lab.is_up else []

    async def reaches(self, state: ConnectionState, within: float | None = None) -> None:
        """Every connection of it comes to this state, within the validation's deadline where not said otherwise."""
        wanted = _of_axis(ConnectionState, state)
        longest = self.lab.topology.deadline + SOON if within is None else within
        await self.expects(longest, connection_state=wanted.value)

    async def request(self) -> None:
        """The peer requests it. Raises TransitionRefusedError where its PeerAsn is not Approved."""
        await self.act("request")

    async def approve(self) -> None:
        """Microsoft approves; a peering that was not requested is requested first."""
        await self.lab.start()
        if self.connection_state == ConnectionState.NONE:
            await self.request()
        await self.act("approve")

    async def notify(self) -> None:
        """The peer says that its router is configured, which it is: what comes before is done first."""
        await self.lab.start()
        if self.connection_state == ConnectionState.NONE:
            await self.approve()
        await self.act("notify")

    async def turn_up(self) -> None:
        """From the request to Active: denied, validated, lifted."""
        await self.notify()
        await self.reaches(ConnectionState.ACTIVE)

    async def reject(self, message: str = "") -> None:
        """Microsoft rejects the request, in these words."""
        await self.act("reject", message=message)

    async def deny(self, message: str = "") -> None:
        """Microsoft denies all on its running sessions again (`turnup deny`)."""
        await self.act("deny", message=message)

    async def revalidate(self) -> None:
        """Microsoft validates its sessions again."""
        await self.act("revalidate")

    async def deprovision(self) -> None:
        """Microsoft puts it into PendingRemove: all routes are withdrawn on sessions that stay up."""
        await self.act("deprovision")

    async def remove(self) -> None:
        """A peering in PendingRemove is gone: its sessions are closed with a Cease."""
        await self.act("remove")

    async def change_max_prefixes(self, ipv4: int | None = None, ipv6: int | None = None) -> None:
        """The peer asks for another maximum of prefixes."""
        await self.act("change-max-prefixes", ipv4=ipv4, ipv6=ipv6)

    async def change_md5(self, key: str) -> None:
        """The peer asks for another MD5 key; empty: none."""
        await self.act("modify", md5=key)


class LabSession(_Handle):
    """The sessions of a peering that were asked for; expectations are of each of them."""

    @property
    def bgp_state(self) -> BgpState:
        """The state of the BGP FSM of the first of them now."""
        for _, plan in self._sessions():
            edges = self.lab.stage.network.edges
            return edges.bgp_state(plan) if edges.is_provisioned(plan) else BgpState.IDLE
        return BgpState.IDLE

    @property
    def gate_is_open(self) -> bool:
        """Whether the policy is lifted on every one of them."""
        sessions = self._sessions()
        return bool(sessions) and all(self.lab.stage.network.edges.is_lifted(plan) for _, plan in sessions)

    def _sessions(self) -> list[tuple[ConnectionRecord, SessionPlan]]:
        """None before the lab is up."""
        return self.lab.stage.sessions(_valid(Conditions, self.subject)) if self.lab.is_up else []

    async def reaches(self, state: BgpState, within: float | None = None) -> None:
        """The BGP FSM of each comes to this state, within the validation's deadline where not said otherwise."""
        wanted = _of_axis(BgpState, state)
        longest = self.lab.topology.deadline + SOON if within is None else within
        await self.expects(longest, bgp_state=wanted.value)

    async def saw_notification(self, code: str, within: float = SOON) -> None:
        """The last NOTIFICATION on each, by either side, is this code/subcode (`6/2`)."""
        await self.expects(within, notification=code)

    async def has_counts(
        self,
        received: int | None = None,
        accepted: int | None = None,
        rejected: int | None = None,
        sent: int | None = None,
        within: float = SOON,
    ) -> None:
        """How many routes each has: received, of those accepted and rejected, and sent by the edge."""
        await self.expects(within, received=received, accepted=accepted, rejected=rejected, sent=sent)


class LabEdge(_Handle):
    """One of AS8075's edges, and what it makes of routes. Prefixes are looked for on the sessions of their family."""

    @property
    def name(self) -> str:
        """Of the node."""
        return str(self.subject["edge"])

    async def accepts(
        self,
        prefix: str,
        as_path: Sequence[int] | None = None,
        communities: Sequence[str] | None = None,
        large_communities: Sequence[str] | None = None,
        within: float = SOON,
    ) -> None:
        """It is announced and was taken: no rule refuses it, and the gate is open."""
        await self.expects(within, accepts=_route(prefix, as_path, communities, large_communities))

    async def withholds(self, prefix: str, within: float = SOON) -> None:
        """It is announced and obeys the policy, and the gate holds it back: its connection is not Active."""
        await self.expects(within, withholds=_route(prefix))

    async def rejects(self, prefix: str, rule: str | None = None, within: float = SOON) -> None:
        """It is announced, and a rule refuses it: any, or this one."""
        await self.expects(within, rejects=_route(prefix) | ({"rule": rule} if rule else {}))

    async def lacks(self, prefix: str, *more: str, within: float = SOON) -> None:
        """None of them is announced to it."""
        await self.expects(within, lacks=[prefix, *more])


def _route(
    prefix: str,
    as_path: Sequence[int] | None = None,
    communities: Sequence[str] | None = None,
    large_communities: Sequence[str] | None = None,
) -> dict[str, Any]:
    several = {"as-path": as_path, "communities": communities, "large-communities": large_communities}
    return {"prefix": prefix} | {key: list(value) for key, value in several.items() if value is not None}


class LabRouter(_Handle):
    """The router of a peer or of a customer behind a route server."""

    @property
    def name(self) -> str:
        """Of the node."""
        return str(self.subject["of"])

    async def received(self, prefix: str, *more: str, within: float = SOON) -> None:
        """It holds these prefixes from Microsoft, on every session of their family."""
        await self.expects(within, router_has=[prefix, *more])

    async def lacks(self, prefix: str, *more: str, within: float = SOON) -> None:
        """It holds none of them from Microsoft, on no session."""
        await self.expects(within, router_lacks=[prefix, *more])

    async def announces(self, prefix: str, *more: str, within: float = SOON) -> None:
        """It announces these to Microsoft, on some session of their family, whatever the policy says of them."""
        await self.lab.start()
        stage = self.lab.stage
        for each in (prefix, *more):
            family, key = nlri.key(each)
            if not await _until(stage, partial(self._says, family, key), within):
                raise self.lab.failure(f"{self.name} does not announce {each}: after {within:g} s", self.subject)

    def _says(self, family: Family, key: bytes) -> bool:
        edges = self.lab.stage.network.edges
        sessions = self.lab.stage.sessions(_valid(Conditions, self.subject))
        mine = (plan for _, plan in sessions if plan.family is family and edges.is_provisioned(plan))
        return any(edges.route(plan, key) is not None for plan in mine)

    async def start(self) -> None:
        """With its configuration; a peer's notification does so too."""
        await self.act("start")

    async def restart(self) -> None:
        """It is stopped, and started again with its configuration."""
        await self.act("restart")

    async def announce(self, route: str, *more: str) -> None:
        """It announces these besides its others: prefixes, or lines in ExaBGP's syntax; its sessions stay.

        Raises LabError for a router that takes no other routes while it runs.
        """
        await self.act("announce", routes=[route, *more])

    async def withdraw(self, prefix: str, *more: str) -> None:
        """It withdraws these; its sessions stay. Raises LabError as `announce` does."""
        await self.act("withdraw", prefixes=[prefix, *more])

    async def break_link(self) -> None:
        """No IP packet passes its links any more (`link: netns`)."""
        await self.act("break-link")

    async def mend_link(self) -> None:
        """The broken links pass everything again."""
        await self.act("mend-link")

    async def kill(self) -> None:
        """SIGKILL. Raises LabError for a router without a process of its own."""
        await self.act("kill")

    async def freeze(self) -> None:
        """SIGSTOP: TCP lives on, and no KEEPALIVE comes."""
        await self.act("freeze")

    async def thaw(self) -> None:
        """SIGCONT."""
        await self.act("thaw")

    async def fault(self, name: str, family: FamilyWord | None = None) -> None:
        """A fault is put in while all runs, for the first family that can have it. Raises LabError where it cannot."""
        await self.act("fault", name=name, family=family)

    async def mend(self, name: str | None = None) -> None:
        """A fault is taken out, or all of them. Raises LabError where nothing was put in."""
        await self.act("mend", name=name)


async def _until(stage: Stage, holds: Callable[[], bool], within: float) -> bool:
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while not holds():
        if (left := until - loop.time()) <= 0:
            return False
        stage.script.require_running()
        await stage.log.next_event(left)
    return True
