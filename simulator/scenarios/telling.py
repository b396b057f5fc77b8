"""What a failure says beside its first line: the rule, the remedy, the last events of both axes, the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from simulator.diagnosis.remedies import RULES as REMEDIES
from simulator.engine.log import ConnectionMoved
from simulator.peer.events import BgpStateChanged
from simulator.policy.rules import RULES
from simulator.scenarios.conditions import Conditions
from simulator.scenarios.seeing import causes
from simulator.scenarios.stage import Stage
from simulator.scenarios.values import Subject
from simulator.session.messages import Family
from simulator.topology.plan import SessionPlan
from simulator.views.diagnosis import in_words
from simulator.views.times import clock
from simulator.wire import nlri

_EVENTS: Final = 6
"""Of each axis, the last."""
_CAUSES: Final = 3
"""Of each connection, the first."""
_LONGEST: Final = {Family.IPV4: 24, Family.IPV6: 48}


def detail(stage: Stage, subject: Subject, report: str, keep: str = "--report DIR") -> str:
    """Several lines; `report`: the directory of its report, empty where none is written; `keep` would write one."""
    lines = [*_states(stage, subject), *_rules(stage, subject), *_causes(stage, subject)]
    lines += ["  last of the connection:", *(f"    {line}" for line in _moves(stage, subject))]
    lines += ["  last of BGP:", *(f"    {line}" for line in _changes(stage, subject))]
    if report:
        lines.append(f"  evidence: {report} (report.html, events.jsonl, wire.pcap, the routers' logs)")
    else:
        lines.append(f"  evidence: {keep} keeps the report, its events and the packets")
    return "\n".join(lines)


def _states(stage: Stage, subject: Subject) -> Iterator[str]:
    """Both axes side by side, under their names."""
    edges = stage.network.edges
    for record, plan in stage.sessions(subject):
        state = edges.bgp_state(plan) if edges.is_provisioned(plan) else "not configured at the edge"
        gate = "open" if edges.is_lifted(plan) else "shut"
        yield f"  {plan.id}: connection {record.state}, BGP {state}, gate {gate}"


def _rules(stage: Stage, subject: Subject) -> Iterator[str]:
    """Why the routes that are asked about are refused, and what to do."""
    told: dict[str, None] = {}
    for prefix in _prefixes(subject):
        family, key = nlri.key(prefix)
        for _, plan in stage.sessions(subject):
            edges = stage.network.edges
            held = edges.route(plan, key) if plan.family is family and edges.is_provisioned(plan) else None
            for hit in held.hits if held is not None else ():
                source = RULES[hit.rule].source if hit.rule in RULES else "RFC 7606"
                told[f"  {prefix}: {hit} [{source}]"] = None
                told[f"    to mend it: {_remedy(hit.rule, plan)}"] = None
    yield from told


def _remedy(rule: str, plan: SessionPlan) -> str:
    return REMEDIES.get(rule, REMEDIES["*"]).format(
        edge=plan.edge_address, length=_LONGEST[plan.family], expected=plan.peer.asn, peer=plan.peer_address
    )


def _prefixes(subject: Subject) -> list[str]:
    if not isinstance(subject, Conditions):
        return []
    routes = [*(subject.accepts or ()), *(subject.withholds or ()), *(subject.rejects or ())]
    return list(dict.fromkeys(route.prefix for route in routes))


def _causes(stage: Stage, subject: Subject) -> Iterator[str]:
    """Those of each connection that are to be looked at first."""
    for record in stage.connections(subject):
        found = causes(record)
        yield from (f"  {record.id}: {cause.check} {in_words(cause)}" for cause in found[:_CAUSES])
        if len(found) > _CAUSES:
            yield f"  {record.id}: and {len(found) - _CAUSES} more causes"


def _moves(stage: Stage, subject: Subject) -> list[str]:
    mine = {record.id for record in stage.connections(subject)}
    moves = [event for event in stage.log.entries if isinstance(event, ConnectionMoved) and event.connection in mine]
    return [
        f"{clock(each.time)} {each.connection}: {each.transition.source} → {each.transition.target}: "
        f"{each.transition.reason}"
        for each in moves[-_EVENTS:]
    ] or ["nothing"]


def _changes(stage: Stage, subject: Subject) -> list[str]:
    mine = {plan.id for _, plan in stage.sessions(subject)}
    changes = [event for event in stage.log.entries if isinstance(event, BgpStateChanged) and event.session in mine]
    return [
        f"{clock(each.transition.time)} {each.session}: {each.transition.source} → {each.transition.target}: "
        f"{each.transition.reason}"
        for each in changes[-_EVENTS:]
    ] or ["nothing"]
