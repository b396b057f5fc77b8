"""What was decided in a recorded lab is decided again: by its control plane, for its edges, and for its report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, Protocol

from simulator.connection.connection import TransitionRefusedError
from simulator.connection.states import ConnectionEvent, Flow
from simulator.engine.control import ConnectionRecord, ControlPlane
from simulator.engine.log import CheckEnded, EventLog
from simulator.engine.notices import of_validation
from simulator.places.errors import LabError
from simulator.recording.codec import decode
from simulator.recording.course import RecordedCourse
from simulator.recording.lab import ReplayedNetwork, ReplayedWatcher, at_once
from simulator.recording.looks import ReplayedLooks
from simulator.rehearsal.ledger import Ledger
from simulator.session.messages import Family
from simulator.speakers.replayed import GivenClock
from simulator.topology.plan import SessionPlan
from simulator.topology.schema import Peer, Topology

_PLAIN_VERBS: Final = frozenset(
    {
        *("request", "approve", "reject", "ask", "find_conflict", "take_notice", "provision", "start_validation"),
        *("find_legacy", "request_conversion", "convert_legacy", "withdraw_conversion", "provision_new"),
        *("delete", "deprovision", "fail_provisioning", "forget"),
    }
)


class ReplayShown(Protocol):
    """What a replay shows in the end, as far as decisions say when it is kept."""

    def keep_verdicts(self, plans: Iterable[SessionPlan]) -> None:
        """The verdicts on the routes of these sessions, as they are now."""

    def complete_views(self, record: ConnectionRecord) -> None:
        """Sessions that nobody has looked at are shown as they are now."""


class ReplayedDecisions:
    """The decisions of one replay."""

    def __init__(
        self,
        course: RecordedCourse,
        topology: Topology,
        network: ReplayedNetwork,
        control: ControlPlane,
        watcher: ReplayedWatcher,
        looks: ReplayedLooks,
        ledger: Ledger,
        log: EventLog,
        clock: GivenClock,
        shown: ReplayShown,
    ) -> None:
        self._course, self._topology, self._network, self._control = course, topology, network, control
        self._watcher, self._looks, self._ledger, self._log = watcher, looks, ledger, log
        self._clock, self._shown = clock, shown
        self._plans: dict[str, SessionPlan] = {}
        self._peers: dict[str, Peer] = {}

    def decide(self, kind: str, given: list[Any]) -> None:
        """One decision of the recording is made again."""
        if kind == "tell":
            for result in self._looks.results(given[1]):
                self._log.append(CheckEnded(self._clock.now(), given[0], result))
        elif kind == "conclude":
            record, results = self._control.records[given[0]], self._looks.results(given[1])
            self._try(lambda: self._control.conclude(record, results))
            self._log.append(of_validation(record, self._clock.now()))
        elif kind == "q":
            self._keep(*given)
        else:
            self._rule(*given)

    def _try(self, call: Any) -> None:
        try:
            call()
        except TransitionRefusedError:
            if not self._course.follows:
                self._course.skipped += 1
        except LabError:
            pass  # the recording has what came of it

    def _rule(self, verb: str, *given: Any) -> None:
        control = self._control
        if verb in ("deny_all", "settle"):
            getattr(control, verb)()
            return
        if verb in ("admit", "dismiss"):
            plan = self._plan(given[0])
            self._try(lambda: at_once(getattr(self._network.edges, verb)(plan)))
            return
        if verb == "squeeze":
            self._network.edges.squeeze(given[0], Family[given[1]], given[2])
            return
        if verb == "sign_with":
            self._network.edges.sign_with(given[0], given[1], Family[given[2]], given[3])
            return
        if verb in ("add", "plan_again"):
            plans = [*map(self._plan, given[0])]
            if verb == "plan_again":
                self._network.edges.plan_again(plans)
            else:
                self._add(plans, given[1])
            return
        record = control.records[given[0]]
        if verb == "extend":
            plans = [*map(self._plan, given[1])]
            event = ConnectionEvent[given[2]]
            self._try(lambda: control.extend(record, plans, event, str(given[3])))
        elif verb == "lift":
            plans, results = [plan for plan in record.plans if plan.id in given[1]], self._looks.results(given[2])
            record.results = results
            self._try(lambda: control.lift(record, plans, results))
        elif verb == "operate":
            event = ConnectionEvent[given[1]]
            self._try(lambda: control.operate(record, event, *map(str, given[2:])))
        elif verb in _PLAIN_VERBS:
            self._try(lambda: getattr(control, verb)(record, *map(str, given[1:])))
        else:
            raise self._course.fail(f"nobody decides {verb[:20]}")

    def _plan(self, given: Any) -> SessionPlan:
        """A session with the nodes of the topology, where they are those."""
        text = repr(given)
        if text in self._plans:
            return self._plans[text]
        found = self._plans[text] = self._placed(decode(SessionPlan, given))
        return found

    def _placed(self, plan: SessionPlan) -> SessionPlan:
        nodes = {each.name: each for each in (*self._topology.peers, *self._topology.edges)}
        peer, edge = nodes.get(plan.peer.name), nodes.get(plan.edge.name)
        known = (
            peer if isinstance(peer, Peer) and peer == plan.peer else self._peers.setdefault(plan.peer.name, plan.peer)
        )
        if known == plan.peer:
            plan = replace(plan, peer=known)
        return replace(plan, edge=edge) if edge is not None and edge == plan.edge else plan

    def _add(self, plans: list[SessionPlan], flow: str) -> None:
        for plan in plans:
            self._control.records.pop(plan.connection, None)  # an earlier one, which is gone
        self._control.add(plans, Flow[flow])

    def _keep(self, verb: str, *given: Any) -> None:
        ledger, records = self._ledger, self._control.records
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
                ledger.add(records[name], self._looks.results(looks), told=bool(more and more[0].get("told")))
            case "require", [str(name), list(looks)]:
                ledger.require(records[name], self._looks.results(looks))
            case "replace_traffic", [str(name), list(looks)]:
                ledger.replace_traffic(records[name], self._looks.results(looks))
            case "add_watched", [str(name)]:
                ledger.add_watched(records[name], self._watcher.seen(name))
            case "look", [str(name)]:
                self._shown.keep_verdicts(records[name].plans)
                ledger.look(self._looks.part(name, [plan.id for plan in records[name].plans]))
            case "compare", [str(name)]:
                self._shown.complete_views(records[name])
                if all(plan.id in ledger.best_views for plan in records[name].plans):
                    ledger.compare(records[name])
            case "forbid_warnings", [list(names)]:
                ledger.forbid_warnings([records[name] for name in names])
            case _:
                raise self._course.fail(f"nobody keeps {verb[:20]}")
