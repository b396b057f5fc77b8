"""The lab that a recording is played in: the engine's own objects, where nothing can be asked or opened."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol, TypeVar, get_type_hints

from simulator.addresses import IpAddress
from simulator.diagnosis.about import Mender
from simulator.diagnosis.check import When
from simulator.diagnosis.evidence import Observation, SessionEvidence
from simulator.engine.captures import Captures
from simulator.engine.control import ConnectionRecord
from simulator.engine.datafiles import DataFiles
from simulator.engine.edges import Edges
from simulator.engine.gathering import Gathered
from simulator.engine.log import Event, EventLog
from simulator.engine.network import Network
from simulator.engine.registrations import Registered
from simulator.engine.site import Site
from simulator.engine.validating import Validator
from simulator.engine.watcher import Watcher
from simulator.peer.events import CallerRefused, GateMoved, SpeakerEvent
from simulator.places.endpoint import Endpoint
from simulator.places.link import LinkKind
from simulator.places.place import OutsidePlace, Place
from simulator.policy.data.reading import DataError
from simulator.recording.codec import decode
from simulator.recording.records import SEEN, SEEN_OF_SESSION
from simulator.speakers.replayed import GivenClock, RecordedInput, ReplayedSpeaker
from simulator.speakers.speaker import Speaker
from simulator.speakers.tap import Tap
from simulator.topology.plan import SessionPlan
from simulator.topology.policy_choice import DataChoice
from simulator.topology.policy_files import octets_as
from simulator.topology.schema import Topology
from simulator.views.check import CheckView
from simulator.views.session import SessionView

T = TypeVar("T")


class LabSource(RecordedInput, Protocol):
    """What was recorded, as the lab asks for it."""

    def carried(self, session: str) -> tuple[IpAddress, Endpoint, Endpoint | None] | None:
        """Where the peer of a session calls from, where the edge listens, and where the router does."""

    def registered(self, peering: str) -> Registered:
        """What is registered at a peering now."""

    def look_at(self, session: str) -> dict[str, Any] | None:
        """What was seen of a session that is watched; None: nothing yet."""


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as done:
        found: T = done.value
        return found
    work.close()
    raise RuntimeError("a replay waits for nothing")


class ReplayedData(DataFiles):
    """The policy's data as the recording has them, or as somebody wants them to be."""

    def __init__(self, choice: DataChoice) -> None:
        super().__init__(choice, lambda: 0.0, lambda event: None)

    def put(self, number: int, key: str, octets: bytes) -> None:
        """The content of a file. Raises DataError."""
        if not 0 <= number < len(self._files) or self._files[number].key != key:
            raise DataError(f"there is no {key} in the topology")
        self._files[number].value = octets_as(key, octets)
        if all(file.value is not None for file in self._files):  # several make one: the rest follows in the recording
            self.data = self._assembled()

    def read(self) -> None:
        """Read the files themselves. Raises DataError."""
        for file in self._files:
            try:
                file.value = file.read()
            except DataError as error:
                raise DataError(f"{file.key} {file.path}: {error}") from None
        self.data = self._assembled()


class ReplayedSite(Site):
    """Nobody lives anywhere."""

    def __init__(self, topology: Topology, kind: LinkKind) -> None:
        super().__init__(topology, kind)
        self.callers: dict[str, IpAddress] = {}
        """By session: where its peer calls from."""
        self.problem = ""

    def place(self, node: str) -> Place:
        return OutsidePlace(node, {}, 0, self.kind)

    def caller(self, plan: SessionPlan) -> IpAddress:
        return self.callers.get(plan.id, plan.peer_address)

    @property
    def quality_problem(self) -> str:
        return self.problem


class _NoCaptures(Captures):
    def of(self, plan: SessionPlan) -> None:
        """What captures saw was recorded."""


class _Registrations:
    def __init__(self, source: LabSource) -> None:
        self._source = source

    def at(self, plan: SessionPlan) -> Registered:
        return self._source.registered(plan.peering)


class ReplayedEdges(Edges):
    """The edges of the recording."""

    def __init__(self, source: LabSource, site: ReplayedSite, *given: Any) -> None:
        topology, *others = given
        super().__init__(topology, site, *others)
        self._source, self._places = source, site

    def provision(self, plan: SessionPlan) -> None:
        found = self._source.carried(plan.id)
        if found is not None:
            self._places.callers[plan.id], self._listening[plan.router_session], called = found
            if called is not None:
                self.called[plan.router_session] = called
            else:
                self.called.pop(plan.router_session, None)
        super().provision(plan)

    def replayed(self) -> Iterable[ReplayedSpeaker]:
        return (speaker for speaker in self._speakers.values() if isinstance(speaker, ReplayedSpeaker))

    def apply_data_to(self, session: str) -> None:
        """Judge what one session holds by the data as they are now."""
        plan = self._provisioned[session]
        speaker = self._speakers[plan.edge.name]
        policy = speaker.config(session).policy
        if policy is not None:
            mine = self._data_of(plan, self._data.data, lifted=speaker.is_lifted(session))
            speaker.apply_policy(session, policy.with_data(mine))

    def forget(self, session: str) -> None:
        """It is closed."""
        self._provisioned.pop(session, None)


class ReplayedNetwork(Network):
    """A network where everything was recorded."""

    def __init__(
        self, topology: Topology, kind: LinkKind, emit: Callable[[Event], None], clock: GivenClock, source: LabSource
    ) -> None:
        def speaker(*given: Any, **more: Any) -> Speaker:
            made = ReplayedSpeaker(*given, **more)
            made.source = source
            return made

        def tell(event: SpeakerEvent) -> None:
            if not isinstance(event, CallerRefused):  # counted as they were recorded
                emit(event)

        self.topology = topology
        self.kind = kind
        self.tap = Tap()
        self.data: ReplayedData = ReplayedData(topology.policy.data)
        self.site: ReplayedSite = ReplayedSite(topology, kind)
        self.captures = _NoCaptures(self.site, keep=False)
        self.kernel = self.traffic = None
        self.edges: ReplayedEdges = ReplayedEdges(
            source,
            self.site,
            *(topology, self.data, clock, tell, _Registrations(source), self.tap, speaker),
        )

    def build(self) -> None:
        """The edges, without sessions."""
        at_once(self.edges.start(contextlib.AsyncExitStack()))


class _Asked:
    """Somebody waits for what was seen."""

    def __await__(self) -> Any:
        yield


class RecordedMender:
    """What the user's own file made of a remedy, where that was recorded; else nothing, and plain words have to do."""

    def __init__(self, language: str, answers: Mapping[str, Any]) -> None:
        self.language = language
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        from simulator.recording.codec import encode

        return lambda *given: self._answers.get(repr([name, *map(encode, given)]), "")


class ReplayedValidator(Validator):
    """Judges what follows from the sessions, and what was seen from outside."""

    def __init__(self, network: Network, log: EventLog, clock: GivenClock, source: LabSource) -> None:
        super().__init__(network, log, clock)
        self._source = source
        self.seen: dict[str, Any] | None = None
        """What was seen by the look that is judged now."""

    def judge(self, when: When, record: ConnectionRecord, gathered: Gathered, *, final: bool) -> list[CheckView]:
        if when is When.ACTIVE and self.seen is None:
            self.seen = self._source.look_at(record.plans[0].id)
        try:
            return super().judge(when, record, gathered, final=final)
        finally:
            self.seen = None

    async def _ask_why(self, record: ConnectionRecord, gathered: Gathered) -> None:
        await _Asked()  # until the recording says what was seen

    def _observe(self, record: ConnectionRecord, gathered: Gathered, *, final: bool = False) -> Observation:
        found = super()._observe(record, gathered, final=final)
        if self.seen is None:
            return found
        of, sessions = self.seen["of"], self.seen["sessions"]
        return replace(
            found,
            **_decoded(Observation, {name: of[name] for name in SEEN if name in of}),
            sessions=tuple(
                replace(each, **_decoded(SessionEvidence, self._known(sessions.get(each.view.id, {}))))
                for each in found.sessions
            ),
        )

    @staticmethod
    def _known(seen: Mapping[str, Any]) -> dict[str, Any]:
        return {name: seen[name] for name in SEEN_OF_SESSION if name in seen}

    def _mender(
        self, plan: SessionPlan, view: SessionView, carried: tuple[IpAddress, IpAddress] | None
    ) -> Mender | None:
        if plan.peer.router_choice.config is None:
            return super()._mender(plan, view, carried)
        heard = (self.seen or {}).get("remedies", ())
        answers = {repr(asked): text for session, asked, text in heard if session == plan.id}
        return RecordedMender(plan.peer.router_kind, answers)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decoded(kind: type, given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: decode(_hints(kind)[name], each) for name, each in given.items()}


class ReplayedWatcher(Watcher):
    """Judges when the recording says that it was judged."""

    def _take(self, event: Event) -> None:
        if isinstance(event, GateMoved):
            self._gate_moved(event)
        else:
            self._watching.take(event)


def endpoint(found: list[Any]) -> Endpoint:
    """Of an address and a port."""
    host, port = found
    return Endpoint(ip_address(host), int(port))


def topology_of(document: Any, directory: Path = Path()) -> Topology:
    """Raises ValidationError. No check is taken from a file that it names: nobody's recording runs anything."""
    if isinstance(document, dict) and isinstance(checks := document.get("checks"), dict):
        document = {**document, "checks": {name: each for name, each in checks.items() if name != "file"}}
    return Topology.model_validate(document, context={"directory": directory})
