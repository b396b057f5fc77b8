"""A lab that a test drives: verbs of the peer and of Microsoft, and what is expected on both axes.

Everything here is a coroutine that waits by events, to a deadline, and fails where there is nothing to wait for any
more. It acts and sees by the tables of `simulator.scenarios`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from simulator.connection.states import ConnectionState
from simulator.faults.fitting import MOMENTS, FittedFault
from simulator.faults.lab import Breach
from simulator.gate import Direction
from simulator.places.errors import LabError
from simulator.places.scratch import scratch
from simulator.report.text import one_line
from simulator.scenarios.acting import ACTS
from simulator.scenarios.conditions import Conditions
from simulator.scenarios.playing import SOON, until_seen
from simulator.scenarios.seeing import causes
from simulator.scenarios.stage import Stage
from simulator.scenarios.staging import Staging
from simulator.scenarios.steps import STEPS
from simulator.scenarios.telling import detail
from simulator.scenarios.values import FamilyWord
from simulator.testing.diagnosis import Diagnosis, LabAssertionError
from simulator.testing.handles import LabEdge, LabPeering, LabRouter, LabSession, valid
from simulator.testing.mistakes import breaches, faulty
from simulator.topology.plan import plans
from simulator.topology.schema import Topology
from simulator.topology.suggest import did_you_mean, listed


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
        folder = self._exit.enter_context(scratch("turnup-test-"))
        broken = faulty(self.topology, self._breaches, folder) if self._breaches else None
        if broken is not None:
            self.topology = broken.topology
        self._staging = Staging(self.topology, folder, self.report, automation=True, traffic=True)
        if broken is not None:
            script = self._staging.script
            self._fitted = FittedFault(broken, script.network, script.log, script.delete)
            self._exit.push_async_callback(self._fitted.stop)
        self._stage = await self._exit.enter_async_context(self._staging.running("the test is over"))

    async def stop(self) -> None:
        """Take it down, without a trace; safe to call twice."""
        await self._exit.aclose()

    async def __aenter__(self) -> Lab:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self.fell_short(in_a_line(error))
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
        self._breaches += breaches(self.topology, name, family)

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
        """One of the steps of docs/scenarios.md.

        Raises TransitionRefusedError (Microsoft refuses), LabError, and ValueError for what is no step.
        """
        if step not in ACTS:
            raise ValueError(
                f"there is no step {step!r}{did_you_mean(step, ACTS) or f' (there are: {listed([*ACTS])})'}"
            )
        stage = await self._up()
        stage.since = len(stage.log.entries)
        stage.script.say(f"the test: {' '.join(filter(None, (step, subject.get('of'))))}")
        said = valid(STEPS[step].takes, subject)
        if self._fitted is not None and step in MOMENTS:
            if step == "notify":
                await ACTS["start"](stage, said)
            await self._fitted.do(MOMENTS[step])
        await ACTS[step](stage, said)

    async def expect(self, subject: Mapping[str, Any], within: float, wanted: Mapping[str, Any]) -> None:
        """Expectations of docs/scenarios.md, by their keys. Raises LabAssertionError."""
        stage = await self._up()
        if told := await until_seen(stage, conditions := valid(Conditions, {**subject, **wanted}), within):
            raise self.failure(told, conditions)

    def fell_short(self, text: str) -> None:
        """For the report, what did not come out as it should: one line. A lab that is not up has none."""
        if self._staging is not None:
            self._staging.fell_short(text)

    def failure(self, text: str, subject: Any) -> LabAssertionError:
        """What a test fails with. `subject`: expectations, or what it is about."""
        about = subject if isinstance(subject, Conditions) else valid(Conditions, subject)
        return LabAssertionError(f"{text}\n{detail(self.stage, about, str(self.report or ''), keep=_KEEP)}")


_KEEP: Final = "--turnup-report DIR"
_WORDS: Final = 300
"""Characters of why a test failed, in its report."""


def in_a_line(error: BaseException) -> str:
    """Why a test failed, for its report."""
    if isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
        return "interrupted"
    return one_line(str(error).partition("\n")[0], _WORDS) or type(error).__name__


def _one_of(what: str, name: str, known: Sequence[str]) -> str:
    if not name and known:
        return known[0]
    if name not in known:
        raise LookupError(f"the topology has no {what} {name!r} (there are: {', '.join(known)})")
    return name
