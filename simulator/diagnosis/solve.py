"""The diagnosis: the fewest causes that explain every failed check, and that no evidence contradicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from simulator.counts import count_of
from simulator.diagnosis.about import About
from simulator.diagnosis.cause_row import CauseRow
from simulator.diagnosis.causes import BY_ID, CAUSES, IMPLIED, RULE_ORDER, RULE_SIDES
from simulator.diagnosis.check_ids import CheckId, base
from simulator.diagnosis.evidence import Observation, RejectedRoutes, SessionEvidence
from simulator.diagnosis.fact import ABNORMAL, ROOTS, Fact, SessionFacts
from simulator.diagnosis.packets import of_checks, of_facts, of_rule
from simulator.diagnosis.remedies import mend
from simulator.views.check import Cause, Side

SUPPORTS = {
    "address": ("session-missing", "not-configured", "wrong-address", "wrong-half"),
    "local-address": ("source-address",),
    "local-as": ("local-as-wrong",),
    "remote-as": ("remote-as-wrong",),
    "family": ("family-missing", "session-missing"),
    "md5": ("md5", "md5-missing", "md5-not-agreed", "md5-at-microsoft"),
    "gtsm": ("gtsm", "gtsm-at-peer"),
    "hold-time": ("hold-time", "hold-time-zero", "hold-time-short"),
    "passive": ("passive",),
    "shutdown": ("shut-down",),
    "interface": ("interface-name",),
    "vrf": ("vrf-name",),
}
"""What did not match before a session (`simulator.preflight`) → the causes that it supports."""

_ORDER = {row.id: number for number, row in enumerate(CAUSES)}
_MOST = 4
"""So many mistakes at once are looked for exactly; more are taken one by one."""


@dataclass(frozen=True, slots=True)
class Symptoms:
    """What of one session is to be explained."""

    checks: frozenset[CheckId]
    facts: frozenset[Fact]

    def __len__(self) -> int:
        return len(self.checks) + len(self.facts)


def candidates(facts: SessionFacts) -> list[CauseRow]:
    """Every row that the facts allow."""
    return [row for row in CAUSES if allowed(row, facts)]


def allowed(row: CauseRow, facts: SessionFacts) -> bool:
    if any(map(facts.has, row.contradicted)) or not all(map(facts.has, row.needs)):
        return False
    if any(map(facts.has, row.told_by)):
        return True
    # Nothing is guessed of a session that was up.
    return row.possible and not facts.has(Fact.WAS_UP) and not any(map(facts.has, row.unless))


def smallest(symptoms: Symptoms, rows: Iterable[CauseRow], facts: SessionFacts) -> list[CauseRow]:
    """The fewest rows that explain all that any of them explains; of those the best told, then the first."""
    useful = sorted((row for row in rows if _covers(row, symptoms)), key=lambda row: _ORDER[row.id])
    wanted = frozenset(symptom for row in useful for symptom in _covers(row, symptoms))
    if not wanted:
        return []
    for size in range(1, min(_MOST, len(useful)) + 1):
        fitting = [
            chosen
            for chosen in combinations(useful, size)
            if wanted <= frozenset(symptom for row in chosen for symptom in _covers(row, symptoms))
        ]
        if fitting:
            return list(min(fitting, key=lambda few: _cost(tuple(few), facts)))
    return _greedy(wanted, useful, symptoms)


def _greedy(wanted: frozenset[object], useful: list[CauseRow], symptoms: Symptoms) -> list[CauseRow]:
    chosen: list[CauseRow] = []
    while wanted:
        best = max(useful, key=lambda row: (len(wanted & _covers(row, symptoms)), -_ORDER[row.id]))
        chosen.append(best)
        wanted -= _covers(best, symptoms)
    return chosen


def _covers(row: CauseRow, symptoms: Symptoms) -> frozenset[object]:
    return (symptoms.checks & set(row.explains)) | (symptoms.facts & {*row.told_by, *row.accounts})


def _told(row: CauseRow, facts: SessionFacts) -> bool:
    return any(map(facts.has, row.told_by))


def _cost(chosen: tuple[CauseRow, ...], facts: SessionFacts) -> tuple[int, int, int, tuple[int, ...]]:
    guesses = sum(not _told(row, facts) for row in chosen)
    weight = -sum(facts.has(fact) for row in chosen for fact in row.told_by)
    return guesses, weight, sum(_ORDER[row.id] for row in chosen), tuple(_ORDER[row.id] for row in chosen)


def diagnose(
    session: SessionEvidence, failed: Mapping[str, bool], facts: SessionFacts, rules: Iterable[RejectedRoutes]
) -> list[Cause]:
    """The causes of what failed on one session. `failed`: id of the check, and whether it blocks something."""
    checks = frozenset(base(check) for check in failed) - {CheckId.R3}
    silent = session.view.received == 0
    rules = list(rules)
    by_rule = [_of_rule(session, each, failed) for each in rules if roots(each, session.rejected) == [each]]
    if CheckId.R1 in checks and not silent:
        checks -= {CheckId.R1}  # what rejects the routes explains it
    if not checks and ABNORMAL.keys().isdisjoint(facts.found):
        return by_rule
    rows = candidates(facts)
    roots_seen = ROOTS.intersection(fact for row in rows if checks & {*row.explains} for fact in row.told_by)
    symptoms = Symptoms(checks, frozenset(fact for fact in facts.found if fact in ABNORMAL or fact in roots_seen))
    chosen = smallest(symptoms, rows, facts)
    causes = [_cause(row, session, facts, failed, rows, chosen, symptoms) for row in chosen]
    return [*causes, *by_rule]


def _cause(
    row: CauseRow,
    session: SessionEvidence,
    facts: SessionFacts,
    failed: Mapping[str, bool],
    rows: list[CauseRow],
    chosen: list[CauseRow],
    symptoms: Symptoms,
) -> Cause:
    before = (words for matter, words in session.preflight if row.id in SUPPORTS.get(matter, ()))
    evidence = (*facts.evidence(*row.told_by), *before)
    text, shared, others = _text(row, session, evidence), row.of_several, []
    if not _told(row, facts):
        alone = _covers(row, symptoms)
        others = [
            other
            for other in rows
            if other not in chosen and not _told(other, facts) and alone and alone <= _covers(other, symptoms)
        ]
    if others:
        alternatives = " or ".join(_text(other, session, ()) for other in others)
        apart = "; ".join(filter(None, (_apart(each, session) for each in (row, *others))))
        text = f"either {text}, or {alternatives}" + (f"; this tells them apart: {apart}" if apart else "")
        shared = f"either {shared}, or {' or '.join(other.of_several for other in others)}"
    words, language = mend(row.id, session, lacks=facts.lacks)
    explains = tuple(check for check in failed if base(check) in row.explains)
    packets = (*of_facts(session, filter(facts.has, row.told_by)), *of_checks(session, explains or failed))
    own = evidence[:1] if row.quotes and not others else ()
    return Cause(
        *(row.id, text, words, row.side, (session.view.id,), explains, evidence, language, _ORDER[row.id], packets),
        *(shared, own),
    )


def _text(row: CauseRow, session: SessionEvidence, evidence: tuple[str, ...]) -> str:
    return _filled(row.text, session, evidence[0] if evidence else "").removesuffix(": ")


def _apart(row: CauseRow, session: SessionEvidence) -> str:
    """What would decide, with the command of the router at hand."""
    about = About(session.answer.name if session.answer is not None else "")
    look = session.mender.look(about) if session.mender is not None else ""
    return _filled(row.apart, session, "").replace("{show}", look or "its log")


def _filled(template: str, session: SessionEvidence, told: str) -> str:
    view = session.view
    values = {
        "edge": view.local_address,
        "peer": view.peer_address,
        "family": view.family.label,
        "local_as": view.local_open.asn,
        "expected": view.peer_as,
        "mtu": session.mtu,
    }
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", str(value))
    return template.replace("{told}", told)  # last: what a router says may hold braces


def roots(rejected: RejectedRoutes, everything: Iterable[RejectedRoutes]) -> list[RejectedRoutes]:
    """The rules of the same mistake that reject all of its routes too and say more of it; itself where none does."""
    known = [other for other in IMPLIED.get(rejected.rule, ()) if other in rejected.always_with]
    found = [each for each in everything if each.rule in known]
    if rejected.rule == "first-as":  # of an AS that no route may have: there another one would be first without it
        found = [each for each in found if set(rejected.values) <= set(each.values)]
    return found or [rejected]


def _of_rule(session: SessionEvidence, rejected: RejectedRoutes, failed: Mapping[str, bool]) -> Cause:
    """A rule of the policy that rejects routes: where it rejects all of them, it is why none is acceptable."""
    only = rejected.all or not any(each.all for each in session.rejected)
    id_ = f"R3.{rejected.rule}"
    mine = {id_, *(f"R3.{each.rule}" for each in session.rejected if rejected in roots(each, session.rejected))}
    explains = tuple(check for check in failed if check in mine or (check == CheckId.R1 and only))
    scope = "every route" if rejected.all else count_of(rejected.count, "route") if rejected.count > 1 else "a route"
    more = f" and {rejected.count - len(rejected.examples):,} more" if rejected.count > len(rejected.examples) else ""
    shared, routes = f"{rejected.rule}: {rejected.explanation}; it rejects", f"{', '.join(rejected.examples)}{more}"
    returned = any(
        each.rule == "as-path-loop" and rejected in roots(each, session.rejected) for each in session.rejected
    )
    words, language = mend(rejected.rule, session, rule=True, returned=returned and rejected.rule == "microsoft-prefix")
    evidence = (f"{rejected.rule}: {rejected.count:,} ({', '.join(rejected.examples)})",)
    side = RULE_SIDES.get(rejected.rule, Side.PEER)
    packets = tuple(of_rule(session, rejected))
    return Cause(
        *(rejected.rule, f"{shared} {scope}: {routes}", words, side, (session.view.id,), explains, evidence),
        *(language, RULE_ORDER, packets, f"{shared} routes", (routes,)),
    )


def merged(causes: Iterable[Cause]) -> list[Cause]:
    """A cause of several sessions stands once, with all of them, in words that are true of each."""
    found: dict[tuple[str, str], Cause] = {}
    for cause in causes:
        row = BY_ID.get(cause.id)
        key = (cause.id, cause.text if row is not None and not row.once else cause.shared)
        if cause.remedy_language and row is not None:  # what is typed once is one mistake
            key = next((known for known, one in found.items() if _typed_alike(one, cause)), key)
        known = found.get(key)
        if known is None:
            found[key] = cause
            continue
        found[key] = replace(
            known,
            text=known.text if known.text == cause.text else _of_both(known, cause),
            own=tuple(dict.fromkeys((*known.own, *cause.own))),
            remedy=_together(known, cause),
            sessions=tuple(dict.fromkeys((*known.sessions, *cause.sessions))),
            explains=tuple(dict.fromkeys((*known.explains, *cause.explains))),
            evidence=tuple(dict.fromkeys((*known.evidence, *cause.evidence))),
            packets=tuple(dict.fromkeys((*known.packets, *cause.packets))),
        )
    return sorted(found.values(), key=lambda cause: cause.rank)


def _of_both(known: Cause, cause: Cause) -> str:
    """What is true of either session, and what each of them shows where that is little."""
    own = tuple(dict.fromkeys((*known.own, *cause.own)))
    return f"{known.shared}: {'; '.join(own)}" if own and len(own) <= _MOST_OWN else known.shared


_MOST_OWN = 3
"""What so many sessions show stands in the sentence; of more it stands in the evidence alone."""


def _typed_alike(one: Cause, other: Cause) -> bool:
    return (one.id, one.remedy, one.remedy_language, one.shared) == (
        *(other.id, other.remedy, other.remedy_language, other.shared),
    )


_MOST_REMEDIES = 4
"""So many sessions are mended one by one in the text; the others go alike."""


def _together(known: Cause, cause: Cause) -> str:
    """What is typed for either session; what makes the router take it stands once, at the end."""
    one, other = known.remedy.splitlines(), cause.remedy.splitlines()
    if not cause.remedy_language or len(known.sessions) >= _MOST_REMEDIES or cause.remedy in known.remedy:
        return known.remedy
    same = 0
    while same < min(len(one), len(other)) and one[-1 - same] == other[-1 - same] and one[-1 - same][:1].isalpha():
        same += 1
    end = one[len(one) - same :]
    return "\n".join([*one[: len(one) - same], *other[: len(other) - same], *end])


def of_connection(observation: Observation, failed: Mapping[str, bool]) -> list[Cause]:
    """The causes of the checks that look at no session: C1, C2, L4 and R6."""
    causes = []
    if CheckId.C2 in failed:
        causes.append(_plain("taken-back", observation.taken_back, "C2"))
    if CheckId.C1 in failed:
        causes.append(_plain("one-edge", "", "C1"))
    if CheckId.L4 in failed:
        causes.append(_plain("no-netem", observation.quality_problem, "L4"))
    if CheckId.R6 in failed:
        causes.append(_plain("nothing-to-rehearse", "", "R6"))
    return causes


def _plain(id_: str, told: str, check: str) -> Cause:
    row, (words, _) = CAUSES[_ORDER[id_]], mend(id_, None)
    text = row.text.replace("{told}", told)
    return Cause(id_, text, words, row.side, (), (check,), (), "", _ORDER[id_], shared=row.of_several)
