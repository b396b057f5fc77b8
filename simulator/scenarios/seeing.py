"""What is seen of an expectation: nothing where it is met, else what there is instead, in words.

A judge looks at one connection or at one session, so that `expect` can ask it of all and `never` of any.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from simulator.counts import count_of
from simulator.diagnosis.evidence import Passage, TrafficSeen
from simulator.engine.control import ConnectionRecord
from simulator.engine.rows import row
from simulator.places.errors import LabError
from simulator.policy.rules import RULES
from simulator.rib.adj_in import HeldRoute
from simulator.scenarios.conditions import AskedDiagnosis, AskedRoute, ConditionKind, RefusedRoute
from simulator.scenarios.stage import Stage
from simulator.scenarios.values import Subject
from simulator.session.messages import Family
from simulator.session.states import BgpState
from simulator.tables import notation
from simulator.topology.plan import SessionPlan
from simulator.views.check import Status
from simulator.views.diagnosis import CauseView, diagnosis
from simulator.views.session import SessionView
from simulator.wire import nlri

OfConnection = Callable[[Any, ConnectionRecord], str]
OfSession = Callable[[Stage, Any, SessionPlan], str]
OfLab = Callable[[Stage, Any, Subject], str]


def causes(record: ConnectionRecord) -> tuple[CauseView, ...]:
    """Of the last validation and of the watch."""
    return diagnosis(record.id, (*record.results, *record.watched))


# --- connections ---


def _connection_state(states: Any, record: ConnectionRecord) -> str:
    if record.state in states:
        return ""
    why = f": {record.connection.error_message}" if record.connection.error_message else ""
    return f"the connection is {record.state}{why}"


def _error_message(pattern: str, record: ConnectionRecord) -> str:
    message = record.connection.error_message
    return "" if re.search(pattern, message) else f"its errorMessage is {message!r}"


def _failing(checks: list[str], record: ConnectionRecord) -> str:
    failed = [result.id for result in record.results if result.status is Status.FAILURE]
    return "" if set(checks) <= set(failed) else f"the checks that failed are {', '.join(failed) or 'none'}"


def _diagnosis(asked: Any, record: ConnectionRecord) -> str:
    found = causes(record)
    if not isinstance(asked, AskedDiagnosis):
        return f"the first cause is {_cause(found[0])}" if found else ""
    if not found:
        return "no cause was found"
    first = found[0]
    wrong = (
        (asked.first is not None and first.id != asked.first)
        or (asked.side is not None and first.side.value != asked.side)
        or (asked.remedy is not None and not re.search(asked.remedy, first.remedy))
    )
    return f"the first cause is {_cause(first)}" if wrong else ""


def _cause(cause: CauseView) -> str:
    return f"{cause.id} ({cause.side.value} has to act): {cause.text}"


CONNECTION: Final[dict[str, OfConnection]] = {
    "connection-state": _connection_state,
    "error-message": _error_message,
    "failing": _failing,
    "diagnosis": _diagnosis,
}

# --- sessions ---


def _view(stage: Stage, plan: SessionPlan) -> SessionView | None:
    edges = stage.network.edges
    return edges.view(plan) if edges.is_provisioned(plan) else None


_ABSENT: Final = "the edge has no such session"


def _bgp_state(stage: Stage, states: Any, plan: SessionPlan) -> str:
    edges = stage.network.edges
    if not edges.is_provisioned(plan):
        return "" if BgpState.IDLE in states else _ABSENT
    state = edges.bgp_state(plan)
    if state in states:
        return ""
    error = edges.view(plan).last_error
    return f"BGP is {state}" + (f": {error}" if error else "")


def _gate(stage: Stage, wanted: str, plan: SessionPlan) -> str:
    lifted = stage.network.edges.is_lifted(plan)
    if lifted == (wanted == "open"):
        return ""
    view = _view(stage, plan)
    return "the gate is open" if lifted else f"the gate is shut: {view.gate_why if view else _ABSENT}"


def _established_times(stage: Stage, wanted: int, plan: SessionPlan) -> str:
    view = _view(stage, plan)
    times = view.established_transitions if view is not None else 0
    return "" if times == wanted else f"it came up {count_of(times, 'time')}"


def _notification(stage: Stage, wanted: str, plan: SessionPlan) -> str:
    view = _view(stage, plan)
    last = view.notifications[-1] if view is not None and view.notifications else None
    if last is None:
        return "no NOTIFICATION was exchanged" if view is not None else _ABSENT
    found = last.notification
    by = "Microsoft" if last.sent else "the peer"
    return "" if wanted == f"{found.code}/{found.subcode}" else f"the last NOTIFICATION is {found}, by {by}"


def _count(what: Callable[[SessionView], int]) -> OfSession:
    def judge(stage: Stage, wanted: int, plan: SessionPlan) -> str:
        view = _view(stage, plan)
        if view is None:
            return "" if not wanted else _ABSENT
        return "" if what(view) == wanted else f"there are {what(view)}"

    return judge


# --- routes ---


def _routes(judge: Callable[[Stage, Any, SessionPlan, HeldRoute], str]) -> OfSession:
    """Each route of the session's family: what is wrong with the first that is not as asked."""

    def of_session(stage: Stage, asked: list[AskedRoute], plan: SessionPlan) -> str:
        return next(filter(None, (told(stage, route, plan) for route in asked)), "")

    def told(stage: Stage, route: AskedRoute, plan: SessionPlan) -> str:
        family, key = nlri.key(route.prefix)
        if family is not plan.family:
            return ""
        edges = stage.network.edges
        held = edges.route(plan, key) if edges.is_provisioned(plan) else None
        if held is None:
            return f"{route.prefix} is not announced"
        return _other_attributes(route, held) or judge(stage, route, plan, held)

    return of_session


def _other_attributes(route: AskedRoute, held: HeldRoute) -> str:
    path = held.attributes.path
    if route.as_path is not None and path.as_path_text != " ".join(map(str, route.as_path)):
        return f"{route.prefix} has the AS path {path.as_path_text or '(empty)'}"
    if lacking := {notation.community(text) for text in route.communities or ()} - set(path.communities):
        missing = ", ".join(f"{value >> 16}:{value & 0xFFFF}" for value in sorted(lacking))
        return f"{route.prefix} lacks the community {missing}"
    wanted = notation.large_communities(route.large_communities or ())
    if any(value not in path.large_communities for value in wanted):
        return f"{route.prefix} lacks one of the large communities {', '.join(route.large_communities or ())}"
    return ""


def _refusal(prefix: str, held: HeldRoute) -> str:
    """Every rule that refuses it, each with who says so."""
    hits = "; ".join(f"{hit} [{RULES[hit.rule].source if hit.rule in RULES else 'RFC 7606'}]" for hit in held.hits)
    return f"{prefix} is refused by {hits}"


def _accepts(stage: Stage, route: AskedRoute, plan: SessionPlan, held: HeldRoute) -> str:
    if held.hits:
        return _refusal(route.prefix, held)
    if stage.network.edges.is_lifted(plan):
        return ""
    view = _view(stage, plan)
    return f"{route.prefix} is withheld: {view.gate_why if view is not None else ''}"


def _withholds(stage: Stage, route: AskedRoute, plan: SessionPlan, held: HeldRoute) -> str:
    if held.hits:
        return _refusal(route.prefix, held)
    return f"{route.prefix} is accepted: the gate is open" if stage.network.edges.is_lifted(plan) else ""


def _rejects(stage: Stage, route: RefusedRoute, plan: SessionPlan, held: HeldRoute) -> str:
    if not held.hits:
        return f"no rule refuses {route.prefix}"
    if route.rule is None or any(hit.rule == route.rule for hit in held.hits):
        return ""
    return _refusal(route.prefix, held)


def _lacks(stage: Stage, prefixes: list[str], plan: SessionPlan) -> str:
    edges = stage.network.edges
    for prefix in prefixes:
        family, key = nlri.key(prefix)
        if family is plan.family and edges.is_provisioned(plan) and edges.route(plan, key) is not None:
            return f"{prefix} is announced"
    return ""


SESSION: Final[dict[str, OfSession]] = {
    "bgp-state": _bgp_state,
    "gate": _gate,
    "established-times": _established_times,
    "notification": _notification,
    "accepts": _routes(_accepts),
    "withholds": _routes(_withholds),
    "rejects": _routes(_rejects),
    "lacks": _lacks,
    "received": _count(lambda view: view.received),
    "accepted": _count(lambda view: view.accepted),
    "rejected": _count(lambda view: view.rejected),
    "sent": _count(lambda view: view.sent),
}

# --- the lab ---


def _event(stage: Stage, pattern: str, subject: Subject) -> str:
    for event in stage.log.entries[stage.since :]:
        if re.search(pattern, text_of(event)):
            return ""
    return f"none of {count_of(len(stage.log.entries) - stage.since, 'event')} since the last step is so"


def text_of(event: Any) -> str:
    """An event as a line of events.jsonl."""
    return json.dumps(row(event), ensure_ascii=False)


LAB: Final[dict[str, OfLab]] = {"event": _event}

# --- what takes time to look at ---


async def router_has(stage: Stage, prefixes: list[str], plan: SessionPlan, *, wanted: bool) -> str:
    """Of one session, whether the peer's router holds these from Microsoft; those of another family are left out."""
    mine = [prefix for prefix in prefixes if nlri.key(prefix)[0] is plan.family]
    if not mine:
        return ""
    if not stage.network.peers.runs(plan.peer.name):
        return f"the router of {plan.peer.name} does not run" if wanted else ""
    try:
        held = await stage.network.peers.router(plan.peer.name).received(plan.router_session)
    except (LabError, KeyError) as error:
        return f"the router of {plan.peer.name} does not say what it holds: {error}"
    wrong = [prefix for prefix in mine if (prefix in held) != wanted]
    if not wrong:
        return ""
    what = "does not hold" if wanted else "holds"
    return f"{plan.peer.name} {what} {', '.join(wrong)} (it holds {count_of(len(held), 'prefix', 'prefixes')})"


async def traffic(stage: Stage, wanted: str, plan: SessionPlan) -> str:
    """Of one session, in both directions."""
    if stage.traffic is None:
        return "there are no hosts in this lab: traffic needs link: netns"
    if plan.id not in stage.crossed and not stage.network.edges.is_provisioned(plan):
        return "the edge has no such session" if wanted == "passes" else ""  # no route of it was ever taken
    if wanted == "passes":
        seen = await stage.traffic.after_lift(plan)
        stage.crossed[plan.id] = seen
    elif (passed := stage.crossed.get(plan.id)) is not None:  # the same ways again, though their routes may be gone
        seen = await stage.traffic.after_deny(plan, passed)
    else:
        seen = await stage.traffic.before_lift(plan)
    if seen.skipped:
        return f"no packet could be sent: {seen.skipped}"
    return next(_other_traffic(seen, passes=wanted == "passes"), "")


def _other_traffic(seen: TrafficSeen, *, passes: bool) -> Iterator[str]:
    for crossing in seen.crossings:
        if (crossing.passage is Passage.PASSED) != passes:
            yield f"{crossing}: {crossing.passage.value}{f' (says {crossing.by})' if crossing.by else ''}"


SLOW: Final = frozenset({"router-has", "router-lacks", "traffic"})


def of_family(kind: ConditionKind, value: Any, family: Family) -> bool:
    """Whether an expectation of routes has anything to say of a session of this family."""
    texts = (
        [each.prefix if isinstance(each, AskedRoute) else str(each) for each in value]
        if isinstance(value, list)
        else []
    )
    if kind.name not in ("accepts", "withholds", "rejects", "lacks", "router-has", "router-lacks"):
        return True
    return any(nlri.key(text)[0] is family for text in texts)
