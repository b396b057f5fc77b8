"""What a failure says beside its first line: the rule, the remedy, the last events of both axes, the evidence.

It is laid out for a terminal of 80 columns, of which pytest takes the first eight. What is to be typed stands in lines
of its own, as it is to be typed: those are never broken.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from simulator.connection.connection import ConnectionTransition
from simulator.counts import count_of
from simulator.diagnosis.remedies import RULES as REMEDIES
from simulator.engine.log import ConnectionMoved
from simulator.peer.events import BgpStateChanged
from simulator.policy.rules import RULES
from simulator.rib.adj_in import HeldRoute
from simulator.scenarios.conditions import Conditions
from simulator.scenarios.seeing import causes
from simulator.scenarios.stage import Stage
from simulator.scenarios.values import Subject
from simulator.session.messages import Family
from simulator.session.outputs import BgpTransition
from simulator.topology.plan import SessionPlan
from simulator.views.diagnosis import WHO_ACTS, CauseView, to_do
from simulator.views.times import clock
from simulator.wire import nlri

WIDTH: Final = 72
"""Columns of a line that can be broken."""
_EVENTS: Final = 6
"""Of each axis, the last."""
_CAUSES: Final = 3
"""Of each connection, the first."""
_LONGEST: Final = {Family.IPV4: 24, Family.IPV6: 48}


def detail(stage: Stage, subject: Subject, report: str, keep: str = "--report DIR") -> str:
    """Several lines; `report`: the directory of its report, empty where none is written; `keep` would write one."""
    told = _Told(stage, subject)
    lines = [*told.states(), *told.refusals(), *told.causes()]
    lines += [*_line("last of the connection, UTC:"), *told.moves()]
    lines += [*_line("last of BGP, UTC:"), *told.changes()]
    if report:
        lines += [*_line("evidence (report.html, events.jsonl, wire.pcap, the routers' logs):"), f"    {report}"]
    else:
        lines += _line(f"evidence: {keep} keeps the report, the packets and the logs")
    return "\n".join(lines)


def _line(text: str, indent: int = 2) -> list[str]:
    """One fact, broken between words where it is long."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


class _Told:
    """What there is to say of some connections and sessions."""

    def __init__(self, stage: Stage, subject: Subject) -> None:
        self._stage = stage
        self._prefixes = _prefixes(subject)
        families = {nlri.key(prefix)[0] for prefix in self._prefixes} or set(Family)
        self._records = stage.connections(subject)
        self._plans = [plan for _, plan in stage.sessions(subject) if plan.family in families]
        self._causes = {record.id: causes(record) for record in self._records}
        self._remedied: set[str] = set()
        """The rules whose remedy has been told."""

    def states(self) -> Iterator[str]:
        """Both axes side by side, under their names; sessions that are alike stand together."""
        edges, alike = self._stage.network.edges, dict[str, list[str]]()
        states = {record.id: record.state for record in self._records}
        for plan in self._plans:
            state = edges.bgp_state(plan) if edges.is_provisioned(plan) else "not configured at the edge"
            gate = "open" if edges.is_lifted(plan) else "shut"
            words = f"connection {states[plan.connection]}, BGP {state}, gate {gate}"
            alike.setdefault(words, []).append(plan.id)
        for words, sessions in alike.items():
            yield from _line(f"{words}: {', '.join(sessions)}")

    def refusals(self) -> Iterator[str]:
        """Why the routes that are asked about are refused, and what to do; what several sessions say once."""
        seen: set[tuple[str, str]] = set()
        for prefix in self._prefixes:
            for plan in self._plans:
                held = self._held(plan, prefix)
                for hit in held.hits if held is not None else ():
                    if held is not None and (prefix, hit.rule) not in seen:
                        seen.add((prefix, hit.rule))
                        source = RULES[hit.rule].source if hit.rule in RULES else "RFC 7606"
                        path = held.attributes.path.as_path_text or "(empty)"
                        yield from _line(f"{prefix} path {path}: {hit} [{source}]")
                        yield from self._mended(hit.rule, plan)

    def _held(self, plan: SessionPlan, prefix: str) -> HeldRoute | None:
        family, key = nlri.key(prefix)
        edges = self._stage.network.edges
        return edges.route(plan, key) if plan.family is family and edges.is_provisioned(plan) else None

    def _mended(self, rule: str, plan: SessionPlan) -> Iterator[str]:
        """In the words of the peer's own router, where it was diagnosed."""
        cause = next((each for each in self._causes[plan.connection] if each.id == rule), None)
        if rule in self._remedied:
            return
        self._remedied.add(rule)
        if cause is not None and cause.remedy:
            yield from _to_mend(cause)
            return
        remedy = REMEDIES.get(rule, REMEDIES["*"]).format(
            edge=plan.edge_address, length=_LONGEST[plan.family], expected=plan.peer.asn, peer=plan.peer_address
        )
        yield from _line(f"to mend it: {remedy}", indent=4)

    def causes(self) -> Iterator[str]:
        """Those of each connection that are to be looked at first."""
        for record in self._records:
            found = [cause for cause in self._causes[record.id] if cause.id not in self._remedied]
            sources = {check.id: check.source for check in (*record.results, *record.watched)}
            for cause in found[:_CAUSES]:
                yield from _line(f"{record.id}: {cause.check} {cause.text} [{sources.get(cause.check, 'simulator')}]")
                yield from _to_mend(cause)
            if len(found) > _CAUSES:
                yield from _line(f"{record.id}: and {count_of(len(found) - _CAUSES, 'more cause')}")

    # --- the last events ---

    def moves(self) -> list[str]:
        """Of the connections."""
        mine = {record.id for record in self._records}
        moves = [each for each in self._stage.log.entries if isinstance(each, ConnectionMoved)]
        return _last([(each.connection, each.transition) for each in moves if each.connection in mine])

    def changes(self) -> list[str]:
        """Of the sessions' BGP FSMs."""
        mine = {plan.id for plan in self._plans}
        changes = [each for each in self._stage.log.entries if isinstance(each, BgpStateChanged)]
        return _last([(each.session, each.transition) for each in changes if each.session in mine])


def _prefixes(subject: Subject) -> list[str]:
    if not isinstance(subject, Conditions):
        return []
    routes = [*(subject.accepts or ()), *(subject.withholds or ()), *(subject.rejects or ())]
    return list(dict.fromkeys([*(route.prefix for route in routes), *(subject.lacks or ())]))


def _to_mend(cause: CauseView) -> Iterator[str]:
    """Who has to act, and the remedy: plain words in a sentence, what is to be typed line by line."""
    lines = [line.rstrip() for line in cause.remedy.splitlines() if line.strip()]
    who = WHO_ACTS[cause.side]
    if len(lines) <= 1 and not cause.remedy_language:
        yield from _line(f"to mend it, {who}: {''.join(lines)}" if lines else who, indent=4)
        return
    yield from _line(f"to mend it, {who}; {to_do(cause.remedy, cause.remedy_language)}:", indent=4)
    yield from (f"      {line}" for line in lines)


def _last(steps: Sequence[tuple[str, ConnectionTransition | BgpTransition]]) -> list[str]:
    """The last steps; whose they are where they are of several."""
    last = steps[-_EVENTS:]
    several = len({name for name, _ in last}) > 1
    lines = [
        line
        for name, step in last
        for line in _line(
            f"{clock(step.time)} {f'{name}: ' if several else ''}{step.source} → {step.target}: {step.reason}", indent=4
        )
    ]
    return lines or ["    nothing"]
