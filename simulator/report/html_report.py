"""report.html: one file, no script, no request; everything in it but the template is untrusted text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment

from simulator.connection.states import ConnectionState
from simulator.report.environment import environment
from simulator.report.findings import (
    ConnectionVerdict,
    diagnosis_of,
    excused,
    furthest_bgp_state,
    furthest_state,
    gate_leak,
    gate_sentence,
    gate_tested,
    label,
    verdict,
)
from simulator.report.layout import in_order
from simulator.report.marks import MARKS, mark_of
from simulator.report.model import RehearsedConnection, Report
from simulator.report.outcome import outcome_sentence
from simulator.report.pcap import WirePcap
from simulator.report.proof import of_check
from simulator.report.timeline import Drawing, draw
from simulator.report.troubles import Trouble, first_trouble, troubles, troubles_of, unmet
from simulator.session.states import BgpState
from simulator.views.check import CheckView
from simulator.views.connection import StepView
from simulator.views.diagnosis import WHO_ACTS, Proof, to_do
from simulator.views.session import SessionView
from simulator.views.states import BGP_GROUPS, CONNECTION_GROUPS
from simulator.views.times import duration

_SOUND = ("passed", "warned", "expected")
_ALL_OPEN = 3
"""With more connections than this, the sound ones are folded so that the broken one is not scrolled past."""
_ROWS = 1000
"""State changes listed per connection; the rest is in events.jsonl."""

_VERDICT_WORDS: dict[ConnectionVerdict, tuple[str, str]] = {
    "failed": ("✕", "failed"),
    "incomplete": ("!", "never Active"),
    "expected": ("◆", "failed as expected"),
    "warned": ("▲", "passed with warnings"),
    "passed": ("✓", "passed"),
}
_KINDS = {
    "failure": ("✕", "Failed", "failed"),
    "error": ("!", "Could not be made", "could not be made"),
    "expected": ("◆", "Failed, as the topology expects", "failed as expected"),
    "warn": ("▲", "Warnings, which block nothing", "warned"),
    "unset": ("○", "Not run", "not run"),
    "skipped": ("–", "Skipped", "skipped"),
    "success": ("✓", "Passed", "passed"),
}
"""Css class of a group of checks → icon, title, word in a count; worst first."""
_OUTCOME_WORDS = {
    "passed": ("✓", "Passed"),
    "warned": ("▲", "Passed, with warnings"),
    "failed": ("✕", "Failed"),
    "error": ("!", "Error"),
}
_LED = 3
"""Troubles that the head of the page tells in full; more are folded below it."""


@dataclass(frozen=True, slots=True)
class CheckGroup:
    """Checks that ended alike."""

    css: str
    icon: str
    title: str
    checks: tuple[CheckView, ...]
    folded: bool


@dataclass(frozen=True, slots=True)
class Section:
    """One connection as the template wants it."""

    anchor: str
    name: str
    connection: RehearsedConnection
    verdict: ConnectionVerdict
    icon: str
    words: str
    troubles: tuple[Trouble, ...]
    drawings: tuple[Drawing, ...]
    changes: list[StepView]
    groups: tuple[CheckGroup, ...]
    counts: str
    folded: bool
    furthest: ConnectionState
    """Active where the connection became so, whatever came afterwards."""
    afterwards: str
    """What became of a connection that was Active: `removed`, or the state that it has now."""
    sessions: tuple[tuple[SessionView, BgpState], ...]
    """Each session, with its BGP state when the connection had got furthest."""
    proofs: Mapping[str, Proof]
    """Of each check that ended badly, by its id."""
    first_problem: str
    """The cause of what is wrong; empty where nothing is."""


def html_report(report: Report, capture: WirePcap) -> bytes:
    """The whole file, as UTF-8."""
    sections = [_section(number, item, report) for number, item in enumerate(report.connections, 1)]
    # Broken ones first: nobody scrolls at 2 a.m. The anchors keep the topology's numbering.
    sections.sort(key=lambda section: list(_VERDICT_WORDS).index(section.verdict))
    found = troubles(report)
    first = first_trouble(report)
    warned = report.outcome == "passed" and first is not None and first.kind == "warned"
    outcome = "warned" if warned else report.outcome
    icon, word = _OUTCOME_WORDS[outcome]
    led = [each for each in found if each.kind == ("warned" if warned else "failed")]
    if first is not None and not led:
        led = [first]
    also = [] if warned else [each for each in found if each.kind == "warned"]
    page = (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            capture=capture,
            icon=icon,
            word=word,
            outcome=outcome,
            sentence=outcome_sentence(report),
            led=led[:_LED],
            more_led=led[_LED:],
            also=also,
            told={(each.where[:1], each.what) for each in [*led, *also]},
            anchors={section.name: section.anchor for section in sections},
            unmet=[error for error in unmet(report) if error not in {each.what for each in led}],
            gate_sentence=gate_sentence(report),
            gate_word="leaked" if gate_leak(report) else "held" if gate_tested(report) else "untested",
            lasted=duration(report.finished - report.started),
            sections=sections,
            listed=[section for section in sections if not section.folded],
            folded=[section for section in sections if section.folded],
            tally=Counter(section.verdict for section in sections),
            verdict_words=_VERDICT_WORDS,
            connection_groups=CONNECTION_GROUPS,
            bgp_groups=BGP_GROUPS,
            marks=MARKS,
            rows=_ROWS,
        )
    )
    return page.encode("utf-8", errors="replace")


def _section(number: int, connection: RehearsedConnection, report: Report) -> Section:
    result = verdict(report, connection)
    icon, words = _VERDICT_WORDS[result]
    found = troubles_of(report, connection)
    return Section(
        anchor=f"c{number}",
        name=label(connection),
        connection=connection,
        verdict=result,
        icon=icon,
        words=words,
        troubles=tuple(found),
        drawings=draw(connection, report.started, report.finished, report.shut_gates.get(connection.id, ())),
        changes=in_order(connection.timeline),
        groups=_groups(report, connection),
        counts=_counts(report, connection),
        folded=len(report.connections) > _ALL_OPEN and result in _SOUND,
        furthest=furthest_state(connection),
        afterwards=_afterwards(connection),
        sessions=tuple((each, furthest_bgp_state(connection, each.id)) for each in connection.sessions),
        proofs=_proofs(report, connection),
        first_problem=_first_problem(found),
    )


def _proofs(report: Report, connection: RehearsedConnection) -> dict[str, Proof]:
    causes = diagnosis_of(report, connection)
    bad = (check for check in connection.checks if check.status.bad)
    return {check.id: of_check(report, connection.id, check, causes) for check in bad}


def _afterwards(connection: RehearsedConnection) -> str:
    if furthest_state(connection) is connection.connection_state:
        return ""
    removed = connection.connection_state is ConnectionState.NONE
    return "removed" if removed else connection.connection_state.value


def _first_problem(found: list[Trouble]) -> str:
    if not found:
        return ""
    first = found[0]
    seen = f": {first.evidence[0]}" if first.cause is None and first.evidence else ""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{first.what}{seen}{more}"


def _kind(report: Report, connection: RehearsedConnection, check: CheckView) -> str:
    """In which group of _KINDS a check belongs."""
    if check.warns and not connection.fails(check):
        return "warn"
    return "expected" if check.fails and excused(report, connection, check) else check.status.value


def _groups(report: Report, connection: RehearsedConnection) -> tuple[CheckGroup, ...]:
    """Worst first; what is sound is folded as soon as something is not."""
    trouble = any(connection.fails(check) for check in connection.checks)
    members: dict[str, list[CheckView]] = {}
    for check in connection.checks:
        members.setdefault(_kind(report, connection, check), []).append(check)
    return tuple(
        CheckGroup(css, icon, title, tuple(members[css]), folded=trouble and css in ("unset", "skipped", "success"))
        for css, (icon, title, _) in _KINDS.items()
        if css in members
    )


def _counts(report: Report, connection: RehearsedConnection) -> str:
    tally = Counter(_kind(report, connection, check) for check in connection.checks)
    return ", ".join(f"{tally[css]} {word}" for css, (_, _, word) in _KINDS.items() if tally[css]) or "no checks"


@cache
def _environment() -> Environment:
    made = environment()
    made.globals |= {"mark_of": mark_of, "to_do": to_do, "who_acts": WHO_ACTS}
    return made
