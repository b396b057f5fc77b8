"""Plays a recording through the real sessions, policies, gates, connections and checks. No sockets, no event loop.

Each record is either something that happened (the session hears it again), something that was decided (the same
is decided again, by what is computed now), or what came of it, which has to come again. Where it does not, the
recording and this turnup part: a difference says when, and from there on nothing more is expected.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from simulator.connection.connection import ConnectionTransition
from simulator.engine.control import ConnectionRecord, ControlPlane
from simulator.engine.log import ConnectionMoved, EventLog
from simulator.peer.events import cease
from simulator.places.link import LinkKind
from simulator.policy.data.reading import DataError
from simulator.recording.changes import NO_CHANGES, Changes
from simulator.recording.codec import CodecError, decode
from simulator.recording.course import RecordedCourse
from simulator.recording.decisions import ReplayedDecisions
from simulator.recording.file import RecordingError, RecordingReader
from simulator.recording.lab import (
    ReplayedNetwork,
    ReplayedValidator,
    ReplayedWatcher,
    topology_of,
)
from simulator.recording.looks import ReplayedLooks
from simulator.recording.outcome import Played, Verdicts, differing, plain, without_checks
from simulator.recording.records import SAID, in_words, result_of
from simulator.recording.shapes import misfit_header, unplayable
from simulator.rehearsal.ledger import Ledger
from simulator.rehearsal.reporting import final_report
from simulator.session.messages import Cease, Notification
from simulator.session.states import BgpState
from simulator.speakers.replayed import GivenClock, ReplayedNeighbor
from simulator.topology.plan import SessionPlan
from simulator.wire import nlri
from simulator.wire.framing import MessageType

_OF_SESSIONS: Final = frozenset("icrdfgt")
_WORLD: Final = frozenset({*"=tskPph", "a"})
"""Records of what followed: nobody waits for them once recording and replay have parted."""
_LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1e6
"""Microseconds since the epoch of the last day that a report can name."""
_NOTIFICATION: Final = bytes([MessageType.NOTIFICATION])


@dataclass(slots=True)
class _Outcome:
    started: float = 0.0
    finished: float = 0.0
    document: dict[str, Any] | None = None


class RecordingPlayer:
    """Plays one recording once; its report is made of it."""

    def __init__(self, reader: RecordingReader, changes: Changes = NO_CHANGES, *, keeps_routes: bool = False) -> None:
        """`keeps_routes`: the verdict on each route is kept, for those who compare."""
        self._keeps_routes = keeps_routes
        self.verdicts: dict[str, Verdicts] = {}
        self._changes = changes
        self.clock = GivenClock()
        self._course = RecordedCourse(reader, self.clock, follows=not changes)
        self._neighbors: dict[int, ReplayedNeighbor] = {}
        self.versions: dict[str, str] = {}
        """What each router called itself."""
        self._outcome = _Outcome()

    # --- the lab ---

    def _build(self, header: dict[str, Any]) -> None:
        course = self._course
        if wrong := misfit_header(header):
            raise course.reader.fail(wrong)
        try:
            self.topology = self._changes.topology(topology_of(header["topology"]))
            kind = LinkKind(header["link"])
            self._kind, self._by = header["kind"], header["by"]
            if self._kind == "import":
                course.follows = False  # nothing was decided, and nothing is expected
            course.own_checks = frozenset(header.get("own-checks", ()))
        except (ValueError, TypeError) as error:
            raise course.reader.fail(f"its topology cannot be read: {_in_short(error)}") from None
        try:
            self._start(header, kind)
        except (DataError, RecordingError):
            raise
        except Exception as error:
            # Only its schema is checked: a lab of faults has what no topology is permitted.
            raise course.reader.fail(f"its topology cannot be played: {_in_short(error)}") from error

    def _start(self, header: dict[str, Any], kind: LinkKind) -> None:
        course = self._course
        self.log = EventLog(header.get("events"))
        self.network: ReplayedNetwork = ReplayedNetwork(self.topology, kind, self.log.append, self.clock, course)
        served = self._kind == "served"
        journal = _AnsweringJournal(course) if served else None
        self.control = ControlPlane(self.network.edges, self.log, self.clock, journal)
        if not served:
            self.control.add_all(self.topology)
        self.validator = ReplayedValidator(self.network, self.log, self.clock, course)
        records = self.control.records
        self.watcher = ReplayedWatcher(self.network, self.validator, records, self.log, self.clock, _raise)
        self._looks = ReplayedLooks(course, self.network, self.control, self.validator, self.watcher)
        self.ledger = Ledger(self.topology, self.validator.views, self.log.append, self.clock.now)
        self._decisions = ReplayedDecisions(
            *(course, self.topology, self.network, self.control, self.watcher, self._looks),
            *(self.ledger, self.log, self.clock, self),
        )
        self.log.subscribe(course.expect)
        self.network.build()
        if self._changes.data:
            self.network.data.read()
        else:
            course.give_data_to(self.network.data.put)

    def play(self) -> Played:
        """All of it. Raises RecordingError."""
        header = self._course.header()
        if header is None:
            raise RecordingError(f"{self._course.reader.path}: an empty file is no recording")
        self._build(header[2])
        try:
            while (record := self._course.take()) is not None:
                self._happened(record)
            return self._played()
        except RecordingError:
            raise
        except (DataError, CodecError) as error:
            raise self._course.reader.fail(f"it cannot be played: {error}") from None
        except Exception as error:
            # What a file of a stranger makes of the engine is its own fault; ours is found by the same line.
            raise self._course.reader.fail(f"it cannot be played: {unplayable(error)}") from error

    def _played(self) -> Played:
        outcome = self._outcome
        for record in self.control.records.values():
            self.complete_views(record)
        if self._course.reader.cut_off:
            self.ledger.fail("the recording is cut off here: how it went on is not known")
        report = final_report(self, self.ledger, outcome.started, outcome.finished or self.clock.now())
        for record in self.control.records.values():
            self.keep_verdicts(plan for plan in record.plans if plan.id not in self.verdicts)
        if not self._changes and outcome.document is not None and (self._course.follows or self._kind == "import"):
            self._compare(without_checks(outcome.document, self._course.own_checks), result_of(report))
        return Played(
            report,
            self.topology,
            self._course.differences,
            self._kind,
            self._by,
            outcome.document,
            self._course.reader.cut_off,
            self._course.reader.tampered,
            self._course.reader.number,
            self._course.skipped,
            self.clock.now(),
            self.verdicts,
            tuple(self._remarks()),
        )

    def _remarks(self) -> Iterator[str]:
        if self._course.own_checks:
            yield f"its user's own checks are not played: {', '.join(sorted(self._course.own_checks))}"

    def complete_views(self, record: ConnectionRecord) -> None:
        """Sessions that nobody has looked at are shown as they are now; of an import, those that are up."""
        best = self.ledger.best_views
        for plan in (plan for plan in record.plans if self._looks.is_there(plan)):
            view = self._looks.view(plan)
            is_up = self._kind == "import" and view.bgp_state is BgpState.ESTABLISHED
            if plan.id not in best or is_up:
                best[plan.id] = view

    def keep_verdicts(self, plans: Iterable[SessionPlan]) -> None:
        """The verdicts on the routes of these sessions as they are now, for those who compare."""
        for plan in plans if self._keeps_routes else ():
            if self._looks.is_there(plan):
                self.verdicts[plan.id] = {
                    nlri.text(route.family, route.key): tuple(hit.rule for hit in route.hits)
                    for route in self.network.edges.routes(plan)
                }

    def _compare(self, recorded: dict[str, Any], computed: dict[str, Any]) -> None:
        for where, before, now in differing(recorded, plain(computed)):
            self._course.differ(f"{where}: recorded: {before}; computed: {now}")

    # --- what happened ---

    def _happened(self, record: list[Any]) -> None:
        kind, *given = record
        if kind == "@":
            moment = self.clock.moment * 1e6 + given[0]
            if not 0 <= moment < _LATEST:
                raise self._course.reader.fail("there is no such time")
            self.clock.moment = round(moment) / 1e6
            if not self._outcome.started:
                self._outcome.started = self.clock.moment
        elif kind in _OF_SESSIONS:
            self._session(kind, given)
        elif kind in _WORLD:
            self._followed(kind, given)
        elif kind == "E":
            self._course.says = True
            self.log.append(decode(SAID[given[0]], given[1]))
            self._course.says = False
        elif kind == "y":
            connection = self.control.records[given[0]].connection
            connection.recall(decode(ConnectionTransition, step) for step in given[1])
        elif kind == "x":
            self._close(*given)
        elif kind == "b":
            self._looks.before(*given)
        elif kind == "l":
            self._looks.look(*given)
        elif kind == "w":
            self._looks.watch(given[0])
        elif kind == "e":
            self.watcher._tell_ended()
        elif kind in ("v", "q", "tell", "conclude"):
            self._decisions.decide(kind, given)
        elif kind == "result":
            started, finished, versions, document = given
            self.versions = {str(name): str(each) for name, each in dict(versions).items()}
            self._outcome = _Outcome(float(started), float(finished), dict(document))
        else:
            raise self._course.reader.fail(f"there is no record {kind[:20]}")

    def _session(self, kind: str, given: list[Any]) -> None:
        number, *more = given
        neighbor = self._neighbor(number)
        if neighbor is None:
            if self._course.follows:
                raise self._course.reader.fail(f"there is no session {number}")
            self._course.skipped += 1
            return
        if kind == "r":
            more[1] = b64decode(more[1], validate=True)
        if self._kind == "import" and (kind == "d" or (kind == "r" and more[1][18:19] == _NOTIFICATION)):
            self._keep_view(neighbor)
        if self._kind == "import" and kind == "c" and neighbor.bgp_state is BgpState.IDLE:
            neighbor.stop(cease(Cease.ADMINISTRATIVE_RESET))  # it rests here; in the file the call was taken
            neighbor.start()
        try:
            neighbor.happened(kind, more)
        except KeyError:
            if self._course.follows:
                raise
            self._course.skipped += 1  # of a connection that this replay has not

    def _keep_view(self, neighbor: ReplayedNeighbor) -> None:
        """A session as it is before it ends, for a report that shows each at its height."""
        session = neighbor.config.id
        if neighbor.bgp_state is BgpState.ESTABLISHED and (plan := self.network.edges.provisioned(session)) is not None:
            self.ledger.best_views[session] = neighbor.view()
            self.keep_verdicts([plan])

    def _neighbor(self, number: int) -> ReplayedNeighbor | None:
        if number not in self._neighbors:
            session = self._course.sessions.get(number)
            for speaker in self.network.edges.replayed():
                for each in speaker.replayed():
                    if each.config.id == session and each.number in (0, number):
                        self._neighbors[number] = each
        return self._neighbors.get(number)

    def _followed(self, kind: str, given: list[Any]) -> None:
        """What follows from something else, and did not now."""
        if kind == "p":
            self._course.take_way([kind, *given])
        elif kind == "P":
            self._course.sessions[given[0]] = given[1]
        elif kind == "a" and (neighbor := self._neighbor(given[0])) is not None:
            neighbor.asked_to_judge = True
            self.network.edges.apply_data_to(neighbor.config.id)
        elif kind == "=" and self._course.follows:
            self._course.differs(f"recorded and not computed: {in_words(given)}")
        else:
            self._course.skipped += not self._course.follows

    def _close(self, number: int, code: int, subcode: int, words: str) -> None:
        neighbor = self._neighbor(number)
        if neighbor is None:
            self._course.skipped += 1
            return
        session = neighbor.config.id
        if session not in self.verdicts and (plan := self.network.edges.provisioned(session)) is not None:
            self.keep_verdicts([plan])
        self.ledger.best_views.setdefault(session, neighbor.view()) if self._kind != "rehearsal" else None
        for speaker in self.network.edges.replayed():
            if speaker.has(session):
                notification = cease(subcode, words) if code == 6 else Notification(code, subcode, b"", words)
                speaker.close_with(session, notification)
                self.network.edges.forget(session)


class _AnsweringJournal:
    """Writes nothing; says what the store's journal said."""

    def __init__(self, course: RecordedCourse) -> None:
        self._course = course

    def write(self, record: ConnectionRecord, moved: ConnectionMoved) -> None:
        """Every step is taken."""

    def flush(self) -> None:
        """There is nothing to wait for."""

    @property
    def behind(self) -> bool:
        return self._course.was_behind()

    def when_caught_up(self, call: Callable[[], None]) -> None:
        """The recording says when."""


def _in_short(error: Exception) -> str:
    """One line; of a schema's errors the first one, with its place."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'all of it'}: {first['msg'].splitlines()[0]}"
    return next(iter(str(error).splitlines()), type(error).__name__)


def _raise(error: BaseException) -> None:
    raise error
