"""Plays a recording through the real sessions, policies, gates, connections and checks. No sockets, no event loop.

Each record is either something that happened (the session hears it again), something that was decided (the same
is decided again, by what is computed now), or what came of it, which has to come again. Where it does not, the
recording and this turnup part: a difference says when, and from there on nothing more is expected.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any, Final

from pydantic import ValidationError

from simulator.addresses import IpAddress
from simulator.connection.connection import ConnectionTransition, TransitionRefusedError
from simulator.connection.states import ConnectionEvent, Flow
from simulator.diagnosis.check import When
from simulator.engine.control import ConnectionRecord, ControlPlane
from simulator.engine.gathering import Gathered
from simulator.engine.log import CheckEnded, ConnectionMoved, Event, EventLog
from simulator.engine.notices import of_validation
from simulator.engine.registrations import Registered
from simulator.peer.events import cease
from simulator.places.endpoint import Endpoint
from simulator.places.errors import LabError
from simulator.places.link import LinkKind
from simulator.policy.data.reading import DataError
from simulator.recording.changes import NO_CHANGES, Changes
from simulator.recording.codec import CodecError, decode
from simulator.recording.file import RecordingError, RecordingReader
from simulator.recording.lab import (
    ReplayedNetwork,
    ReplayedValidator,
    ReplayedWatcher,
    at_once,
    endpoint,
    topology_of,
)
from simulator.recording.outcome import Difference, Played, Verdicts, differing, plain, without_checks
from simulator.recording.records import SAID, fingerprint, in_words, result_of
from simulator.recording.secrets import comes_again
from simulator.rehearsal.ledger import Ledger
from simulator.rehearsal.reporting import final_report
from simulator.session.messages import Cease, Family, Notification
from simulator.session.states import BgpState
from simulator.speakers.replayed import GivenClock, ReplayedNeighbor
from simulator.topology.plan import SessionPlan
from simulator.topology.schema import Peer
from simulator.views.check import CheckView
from simulator.views.session import SessionView
from simulator.wire import nlri
from simulator.wire.framing import MessageType

_MOST: Final = 20
"""Differences that are kept (simulator)."""
_OF_SESSIONS: Final = frozenset("icrdfgt")
_WORLD: Final = frozenset({*"=tskPph", "a"})
"""Records of what followed: nobody waits for them once recording and replay have parted."""
_DATA: Final = 64 << 20
_NOTIFICATION: Final = bytes([MessageType.NOTIFICATION])


@dataclass(slots=True)
class _Outcome:
    started: float = 0.0
    finished: float = 0.0
    document: dict[str, Any] | None = None


class RecordingPlayer:
    """Plays one recording once; it is what the replayed lab asks (`LabSource`), and what its report is made of."""

    def __init__(self, reader: RecordingReader, changes: Changes = NO_CHANGES, *, keeps_routes: bool = False) -> None:
        """`keeps_routes`: the verdict on each route is kept, for those who compare."""
        self._reader = reader
        self._keeps_routes = keeps_routes
        self.verdicts: dict[str, Verdicts] = {}
        self._own_checks: frozenset[str] = frozenset()
        self._changes = changes
        self._records: Iterator[list[Any]] = iter(reader)
        self._ahead: list[Any] | None = None
        self.follows = not changes
        self.differences: list[Difference] = []
        self._neighbors: dict[int, ReplayedNeighbor] = {}
        self._sessions: dict[int, str] = {}
        """By the number of a peer."""
        self._made: list[tuple[int, str]] = []
        self._ways: dict[str, tuple[IpAddress, Endpoint, Endpoint | None]] = {}
        self._registered: dict[str, Registered] = {}
        self._views: dict[int, dict[str, SessionView]] = {}
        self._looks: dict[int, list[CheckView]] = {}
        self._told: set[int] = set()
        self._watches: dict[str, list[Coroutine[Any, Any, None]]] = {}
        self._data: dict[int, tuple[str, bytearray]] = {}
        self.versions: dict[str, str] = {}
        """What each router called itself."""
        self._outcome = _Outcome()
        self._skipped = 0
        self._says = False
        """An event is played that nothing computes."""
        self._plans: dict[str, SessionPlan] = {}
        self._peers: dict[str, Peer] = {}

    # --- the lab ---

    def _build(self, header: dict[str, Any]) -> None:
        try:
            self.topology = self._changes.topology(topology_of(header["topology"]))
            kind = LinkKind(header["link"])
            self._kind, self._by = str(header["kind"]), str(header["by"])
            self.follows = self.follows and self._kind != "import"  # nothing was decided, and nothing is expected
            self._own_checks = frozenset(map(str, header.get("own-checks", ())))
        except (KeyError, ValueError, ValidationError, TypeError) as error:
            raise self._reader.fail(f"its topology cannot be read: {str(error).splitlines()[0]}") from None
        self.clock = GivenClock()
        most = header.get("events")
        self.log = EventLog(most if isinstance(most, int) else None)
        self.network: ReplayedNetwork = ReplayedNetwork(self.topology, kind, self.log.append, self.clock, self)
        served = self._kind == "served"
        journal = _AnsweringJournal(self) if served else None
        self.control = ControlPlane(self.network.edges, self.log, self.clock, journal)
        if not served:
            self.control.add_all(self.topology)
        self.validator = ReplayedValidator(self.network, self.log, self.clock, self)
        records = self.control.records
        self.watcher = ReplayedWatcher(self.network, self.validator, records, self.log, self.clock, _raise)
        self.ledger = Ledger(self.topology, self.validator.views, self.log.append, self.clock.now)
        self.log.subscribe(self._expect)
        self.network.build()
        if self._changes.data:
            self.network.data.read()

    def play(self) -> Played:
        """All of it. Raises RecordingError."""
        header = next(self._records, None)
        if header is None:
            raise RecordingError(f"{self._reader.path}: an empty file is no recording")
        self._build(header[2])
        while (record := self._take()) is not None:
            try:
                self._happened(record)
            except RecordingError:
                raise
            except (DataError, CodecError) as error:
                raise self._reader.fail(str(error)) from None
            except Exception as error:
                # What a file of a stranger makes of the engine is its own fault; ours is found by the same line.
                raise self._reader.fail(f"it cannot be played: {type(error).__name__}: {error}") from error
        return self._played()

    def _played(self) -> Played:
        outcome = self._outcome
        for record in self.control.records.values():
            self._complete_views(record)
        if self._reader.cut_off:
            self.ledger.fail("the recording is cut off here: how it went on is not known")
        report = final_report(self, self.ledger, outcome.started, outcome.finished or self.clock.now())
        for record in self.control.records.values():
            self._keep_verdicts(plan for plan in record.plans if plan.id not in self.verdicts)
        if not self._changes and outcome.document is not None and (self.follows or self._kind == "import"):
            self._compare(without_checks(outcome.document, self._own_checks), result_of(report))
        return Played(
            report,
            self.topology,
            self.differences,
            self._kind,
            self._by,
            outcome.document,
            self._reader.cut_off,
            self._reader.tampered,
            self._reader.number,
            self._skipped,
            self.clock.now(),
            self.verdicts,
            tuple(self._remarks()),
        )

    def _remarks(self) -> Iterator[str]:
        if self._own_checks:
            yield f"its user's own checks are not played: {', '.join(sorted(self._own_checks))}"

    def _complete_views(self, record: ConnectionRecord) -> None:
        """Sessions that nobody has looked at are shown as they are now; of an import, those that are up."""
        best = self.ledger.best_views
        for plan in (plan for plan in record.plans if self._is_there(plan)):
            view = self._view(plan)
            is_up = self._kind == "import" and view.bgp_state is BgpState.ESTABLISHED
            if plan.id not in best or is_up:
                best[plan.id] = view

    def _keep_verdicts(self, plans: Iterable[SessionPlan]) -> None:
        for plan in plans if self._keeps_routes else ():
            if self._is_there(plan):
                self.verdicts[plan.id] = {
                    nlri.text(route.family, route.key): tuple(hit.rule for hit in route.hits)
                    for route in self.network.edges.routes(plan)
                }

    # --- reading ---

    def _peek(self) -> list[Any] | None:
        """The next record that is not about what is known: data, registrations and ways are taken at once."""
        while True:
            if self._ahead is None:
                self._ahead = next(self._records, None)
            record = self._ahead
            if record is None or not self._noted(record):
                return record
            self._ahead = None

    def _take(self) -> list[Any] | None:
        record, self._ahead = self._peek(), None
        return record

    def _noted(self, record: list[Any]) -> bool:
        match record:
            case ["D", int(number), str(key), str(name), int(at), str(octets), bool(last)]:
                self._take_data(number, key, name, at, octets, last)
            case ["n", str(peering), found]:
                self._registered[peering] = decode(Registered, found)
            case ["=", {"event": "check" | "watch", "check": str(check)}] if check in self._own_checks:
                pass
            case ["=" | "t" | "s" | "k" | "h", *_] if not self.follows:
                self._skipped += 1
            case _:
                return False
        return True

    def _take_data(self, number: int, key: str, name: str, at: int, octets: str, last: bool) -> None:
        if self._changes.data:
            return
        if at < 0:
            raise self._reader.fail(f"{name} was too large to be recorded: name the data (--with-data)")
        kept = self._data.setdefault(number, (key, bytearray()))
        if at == 0:
            kept[1].clear()
        if at != len(kept[1]) or len(kept[1]) > _DATA:
            raise self._reader.fail(f"the data of {name} are not whole")
        kept[1].extend(b64decode(octets, validate=True))
        if last:
            self.network.data.put(number, key, bytes(kept[1]))

    # --- what the lab asks (LabSource) ---

    def next_of(self, kinds: str, peer: int, stream: int | None = None) -> list[Any] | None:
        if not self.follows:
            return None
        record = self._peek()
        if record is None or record[0] not in kinds or record[0] == "@" or record[1] != peer:
            return None
        if stream is not None and record[2] != stream:
            return None
        return self._take()

    def new_peer(self, session: str) -> tuple[int, int]:
        record = self._peek()
        match record:
            case ["P", int(number), str(name), int(seed)] if name == session:
                self._take()
                self._sessions[number] = session
                return number, seed
        self.differs(f"{session}: a session is made that was not made")
        return 0, 0

    def carried(self, session: str) -> tuple[IpAddress, Endpoint, Endpoint | None] | None:
        record = self._peek()
        if record is not None and record[0] == "p" and record[1] == session:
            self._take_way(record)
            self._take()
        return self._ways.get(session)

    def _take_way(self, record: list[Any]) -> None:
        _, session, caller, ours, theirs = record
        self._ways[session] = ip_address(caller), endpoint(ours), None if theirs is None else endpoint(theirs)

    def registered(self, peering: str) -> Registered:
        self._peek()  # takes what is registered from now on
        return self._registered.get(peering, Registered())

    def look_at(self, session: str) -> dict[str, Any] | None:
        record = self._peek()
        match record:
            case ["l", _, "ACTIVE", _, [str(looked)], _, _, dict(facts)] if looked == session:
                self._take()
                return facts
        return None

    def was_behind(self) -> bool:
        """Whether the store had not written all of it when it was asked just now."""
        record = self._peek()
        if record is not None and record[0] == "h":
            self._take()
            return True
        return False

    def differs(self, what: str) -> None:
        """Recording and replay part here."""
        if self.follows:
            self._differ(what)
            self.follows = False

    def _differ(self, what: str) -> None:
        if len(self.differences) < _MOST:
            self.differences.append(Difference(self.clock.now(), what))

    # --- what has to come again ---

    def _expect(self, event: Event) -> None:
        """An event of the replay: it has to be the next one of the recording."""
        name = type(event).__name__
        if name in SAID and not self._says:
            said = self._peek()  # the control plane says it by itself
            if said is not None and said[:2] == ["E", name]:
                self._take()
        if not self.follows or name in SAID:
            return
        found, record = fingerprint(event), self._peek()
        if record is not None and record[0] == "=":
            if comes_again(plain(record[1:]), plain(found)):
                self._take()
                return
            self.differs(f"recorded: {in_words(record[1:])}; computed: {in_words(found)}")
        elif record is not None or not self._reader.cut_off:
            self.differs(f"computed and not recorded: {in_words(found)}")

    def _compare(self, recorded: dict[str, Any], computed: dict[str, Any]) -> None:
        for where, before, now in differing(recorded, plain(computed)):
            self._differ(f"{where}: recorded: {before}; computed: {now}")

    # --- what happened ---

    def _happened(self, record: list[Any]) -> None:
        kind, *given = record
        if kind == "@":
            self.clock.moment = round(self.clock.moment * 1e6 + given[0]) / 1e6
            if not self._outcome.started:
                self._outcome.started = self.clock.moment
        elif kind in _OF_SESSIONS:
            self._session(kind, given)
        elif kind in _WORLD:
            self._followed(kind, given)
        elif kind == "E":
            self._says = True
            self.log.append(decode(SAID[given[0]], given[1]))
            self._says = False
        elif kind == "y":
            connection = self.control.records[given[0]].connection
            for step in given[1]:
                connection.take(decode(ConnectionTransition, step))
        elif kind == "x":
            self._close(*given)
        elif kind == "b":
            self._views[given[0]] = self.validator.views(self._part(given[1], given[2]))
        elif kind == "l":
            self._look(*given)
        elif kind == "w":
            self._watch(given[0])
        elif kind == "e":
            self.watcher._tell_ended()
        elif kind in ("v", "q", "tell", "conclude"):
            self._decide(kind, given)
        elif kind == "result":
            started, finished, versions, document = given
            self.versions = {str(name): str(each) for name, each in dict(versions).items()}
            self._outcome = _Outcome(float(started), float(finished), dict(document))
        else:
            raise self._reader.fail(f"there is no record {kind[:20]}")

    def _session(self, kind: str, given: list[Any]) -> None:
        number, *more = given
        neighbor = self._neighbor(number)
        if neighbor is None:
            if self.follows:
                raise self._reader.fail(f"there is no session {number}")
            self._skipped += 1
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
            if self.follows:
                raise
            self._skipped += 1  # of a connection that this replay has not

    def _keep_view(self, neighbor: ReplayedNeighbor) -> None:
        """A session as it is before it ends, for a report that shows each at its height."""
        session = neighbor.config.id
        if neighbor.bgp_state is BgpState.ESTABLISHED and (plan := self.network.edges.provisioned(session)) is not None:
            self.ledger.best_views[session] = neighbor.view()
            self._keep_verdicts([plan])

    def _neighbor(self, number: int) -> ReplayedNeighbor | None:
        if number not in self._neighbors:
            session = self._sessions.get(number)
            for speaker in self.network.edges.replayed():
                for each in speaker.replayed():
                    if each.config.id == session and each.number in (0, number):
                        self._neighbors[number] = each
        return self._neighbors.get(number)

    def _followed(self, kind: str, given: list[Any]) -> None:
        """What follows from something else, and did not now."""
        if kind == "p":
            self._take_way([kind, *given])
        elif kind == "P":
            self._sessions[given[0]] = given[1]
        elif kind == "a" and (neighbor := self._neighbor(given[0])) is not None:
            neighbor.asked_to_judge = True
            self.network.edges.apply_data_to(neighbor.config.id)
        elif kind == "=" and self.follows:
            self.differs(f"recorded and not computed: {in_words(given)}")
        else:
            self._skipped += not self.follows

    def _close(self, number: int, code: int, subcode: int, words: str) -> None:
        neighbor = self._neighbor(number)
        if neighbor is None:
            self._skipped += 1
            return
        session = neighbor.config.id
        if session not in self.verdicts and (plan := self.network.edges.provisioned(session)) is not None:
            self._keep_verdicts([plan])
        self.ledger.best_views.setdefault(session, neighbor.view()) if self._kind != "rehearsal" else None
        for speaker in self.network.edges.replayed():
            if speaker.has(session):
                notification = cease(subcode, words) if code == 6 else Notification(code, subcode, b"", words)
                speaker.close_with(session, notification)
                self.network.edges.forget(session)

    # --- what was looked at ---

    def _part(self, connection: str, plans: list[str]) -> ConnectionRecord:
        """A connection with some of its sessions; those that there are."""
        record = self.control.records[connection]
        mine = tuple(plan for plan in record.plans if plan.id in plans and self._is_there(plan))
        return record if len(mine) == len(record.plans) else replace(record, plans=mine)

    def _is_there(self, plan: SessionPlan) -> bool:
        return self.network.edges.is_provisioned(plan)

    def _look(
        self,
        number: int,
        when: str,
        connection: str,
        plans: list[str],
        before: int,
        gathered: dict[str, Any],
        seen: dict[str, Any],
    ) -> None:
        if when == "ACTIVE":
            self._watched(plans[0], seen)
            return
        record = self._part(connection, plans)
        was = {plan.id: self._views.get(before, {}).get(plan.id) or self._view(plan) for plan in record.plans}
        self.validator.seen = seen
        try:
            if when == "LATE":
                self._looks[number] = self.validator.judge_late(record, was)
            else:
                known = Gathered(
                    was,
                    float(gathered["since"]),
                    expected=dict(gathered["expected"]),
                    lifted=bool(gathered["lifted"]),
                )
                self._looks[number] = self.validator.judge(When[when], record, known, final=bool(gathered["final"]))
        finally:
            self.validator.seen = None

    def _view(self, plan: SessionPlan) -> SessionView:
        return self.network.edges.view(plan)

    def _watch(self, session: str) -> None:
        work = self.watcher._judge(session)
        if _goes_on(work):
            self._watches.setdefault(session, []).append(work)

    def _watched(self, session: str, seen: dict[str, Any]) -> None:
        waiting = self._watches.get(session)
        if not waiting:
            if self.follows:
                self.differs(f"{session}: it was watched, and is not")
            return
        self.validator.seen = seen
        if _goes_on(waiting.pop(0)):
            raise self._reader.fail(f"{session} is still watched")
        self.validator.seen = None

    # --- what was decided ---

    def _decide(self, kind: str, given: list[Any]) -> None:
        if kind == "tell":
            for result in self._results(given[1]):
                self.log.append(CheckEnded(self.clock.now(), given[0], result))
        elif kind == "conclude":
            record, results = self.control.records[given[0]], self._results(given[1])
            self._control(lambda: self.control.conclude(record, results))
            self.log.append(of_validation(record, self.clock.now()))
        elif kind == "q":
            self._keep(*given)
        else:
            self._rule(*given)

    def _results(self, looks: list[int]) -> list[CheckView]:
        """What came of these looks, as it is computed now."""
        return [result for look in looks for result in self._looks.get(look, ())]

    def _control(self, call: Any) -> None:
        try:
            call()
        except TransitionRefusedError as error:
            if not self.follows:
                self._skipped += 1
            self._refused = str(error)
        except LabError as error:
            self._refused = str(error)

    def _rule(self, verb: str, *given: Any) -> None:
        control = self.control
        if verb in ("deny_all", "settle"):
            getattr(control, verb)()
            return
        if verb in ("admit", "dismiss"):
            plan = self._plan(given[0])
            self._control(lambda: at_once(getattr(self.network.edges, verb)(plan)))
            return
        if verb == "squeeze":
            self.network.edges.squeeze(given[0], Family[given[1]], given[2])
            return
        if verb == "sign_with":
            self.network.edges.sign_with(given[0], given[1], Family[given[2]], given[3])
            return
        if verb in ("add", "plan_again"):
            plans = [*map(self._plan, given[0])]
            if verb == "plan_again":
                self.network.edges.plan_again(plans)
            else:
                self._add(plans, given[1])
            return
        record = control.records[given[0]]
        if verb == "extend":
            plans = [*map(self._plan, given[1])]
            event = ConnectionEvent[given[2]]
            self._control(lambda: control.extend(record, plans, event, str(given[3])))
        elif verb == "lift":
            plans, results = [plan for plan in record.plans if plan.id in given[1]], self._results(given[2])
            record.results = results
            self._control(lambda: control.lift(record, plans, results))
        elif verb == "operate":
            event = ConnectionEvent[given[1]]
            self._control(lambda: control.operate(record, event, *map(str, given[2:])))
        elif verb in _PLAIN_VERBS:
            self._control(lambda: getattr(control, verb)(record, *map(str, given[1:])))
        else:
            raise self._reader.fail(f"nobody decides {verb[:20]}")

    def _plan(self, given: Any) -> SessionPlan:
        """A session with the nodes of the topology, where they are those."""
        text = repr(given)
        if text in self._plans:
            return self._plans[text]
        found = self._plans[text] = self._placed(decode(SessionPlan, given))
        return found

    def _placed(self, plan: SessionPlan) -> SessionPlan:
        nodes = {each.name: each for each in (*self.topology.peers, *self.topology.edges)}
        peer, edge = nodes.get(plan.peer.name), nodes.get(plan.edge.name)
        known = (
            peer if isinstance(peer, Peer) and peer == plan.peer else self._peers.setdefault(plan.peer.name, plan.peer)
        )
        if known == plan.peer:
            plan = replace(plan, peer=known)
        return replace(plan, edge=edge) if edge is not None and edge == plan.edge else plan

    def _add(self, plans: list[SessionPlan], flow: str) -> None:
        for plan in plans:
            self.control.records.pop(plan.connection, None)  # an earlier one, which is gone
        self.control.add(plans, Flow[flow])

    def _keep(self, verb: str, *given: Any) -> None:
        ledger, records = self.ledger, self.control.records
        match verb, given:
            case "fail", [str(error)]:
                ledger.fail(error)
            case "fall_short", [str(words)]:
                ledger.fall_short(words)
            case "refused", [str(words)]:
                ledger.refused(words)
            case "mismatch", [str(peering), str(words)]:
                ledger.mismatch(peering, words)
            case "add", [str(name), list(looks), *more]:
                ledger.add(records[name], self._results(looks), told=bool(more and more[0].get("told")))
            case "require", [str(name), list(looks)]:
                ledger.require(records[name], self._results(looks))
            case "replace_traffic", [str(name), list(looks)]:
                ledger.replace_traffic(records[name], self._results(looks))
            case "add_watched", [str(name)]:
                ledger.add_watched(records[name], self.watcher.seen(name))
            case "look", [str(name)]:
                self._keep_verdicts(records[name].plans)
                ledger.look(self._part(name, [plan.id for plan in records[name].plans]))
            case "compare", [str(name)]:
                self._complete_views(records[name])
                if all(plan.id in ledger.best_views for plan in records[name].plans):
                    ledger.compare(records[name])
            case "forbid_warnings", [list(names)]:
                ledger.forbid_warnings([records[name] for name in names])
            case _:
                raise self._reader.fail(f"nobody keeps {verb[:20]}")


_PLAIN_VERBS: Final = frozenset(
    {
        *("request", "approve", "reject", "ask", "find_conflict", "take_notice", "provision", "start_validation"),
        *("find_legacy", "request_conversion", "convert_legacy", "withdraw_conversion", "provision_new"),
        *("delete", "deprovision", "fail_provisioning", "forget"),
    }
)


class _AnsweringJournal:
    """Writes nothing; says what the store's journal said."""

    def __init__(self, player: RecordingPlayer) -> None:
        self._player = player

    def write(self, record: ConnectionRecord, moved: ConnectionMoved) -> None:
        """Every step is taken."""

    def flush(self) -> None:
        """There is nothing to wait for."""

    @property
    def behind(self) -> bool:
        return self._player.was_behind()

    def when_caught_up(self, call: Callable[[], None]) -> None:
        """The recording says when."""


def _raise(error: BaseException) -> None:
    raise error


def _goes_on(work: Coroutine[Any, Any, Any]) -> bool:
    """Whether a coroutine waits for something."""
    try:
        work.send(None)
    except StopIteration:
        return False
    return True
