"""What a rehearsal says when it is over: the sessions, what passed in one line, the gate, what failed, the remedies."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from simulator.cli.paragraphs import hanging, paragraph
from simulator.cli.sessions import SessionRow, session_lines
from simulator.connection.states import ConnectionState
from simulator.counts import count_of
from simulator.report.findings import furthest_bgp_state, furthest_state, label, verdict
from simulator.report.model import Report
from simulator.report.troubles import Trouble, TroubleKind, first_trouble, names, troubles, unmet
from simulator.views.check import Status
from simulator.views.diagnosis import to_do

_COUNTS = (("Received", "in"), ("Accepted", "acc"), ("Rejected", "rej"), ("Sent", "out"))
_MOST_LINES = 18
"""Of the table of sessions: with many, only those that need someone are shown."""
_MOST_TROUBLES = 6
_MOST_EVIDENCE = 4
_MOST_NAMES = 3
"""Of the connections that have something in common: so many are shown."""
_MOST_PROOFS = 8
_SOUND = ("passed", "warned")
_KINDS: dict[TroubleKind, tuple[str, str, str]] = {
    "failed": ("✗", "bold red", ""),
    "expected": ("◆", "cyan", "as expected: "),
    "warned": ("!", "yellow", "warning: "),
}
"""Mark, style, and the word before the sentence."""


def print_summary(console: Console, report: Report, *, written: bool = False, replayed: str = "") -> None:
    """The end of `turnup rehearse`. `written`: the report is in files, so that its lines and frames can be named.

    `replayed`: why a replay failed all the same; that is the last word then.
    """
    for line in summary_lines(console, report, written=written):
        console.print(line, soft_wrap=True, highlight=False)
    if replayed:
        console.print(Text.assemble(("Replay ", "bold"), ("failed", "bold red"), f": {replayed}"), soft_wrap=True)


def summary_lines(console: Console, report: Report, *, written: bool = False) -> list[Text]:
    """The summary in lines of the terminal's width."""
    return [
        *_sessions(console, report),
        *_passed(console, report),
        *_gate(console, report),
        *_errors(console, report),
        *_troubles(console, report, written=written),
        *_outcome(console, report),
    ]


def _sessions(console: Console, report: Report) -> list[Text]:
    rows = [
        SessionRow(
            connection=connection.id,
            neighbor=str(session.peer_address),
            peer_as=connection.peer_as,
            edge=session.edge,
            state=furthest_state(connection),
            bgp=furthest_bgp_state(connection, session.id),
            counts=(session.received, session.accepted, session.rejected, session.sent),
        )
        for connection in report.connections
        for session in connection.sessions
    ]
    if not rows:
        return []
    title = paragraph(console, Text("Each session as it stood when its connection had got furthest", "italic"))
    return [Text(), *title, *session_lines(console, rows, _COUNTS, _MOST_LINES), Text()]


def _passed(console: Console, report: Report) -> list[Text]:
    """One line for all that is well."""
    sound = [connection for connection in report.connections if verdict(report, connection) in _SOUND]
    if not sound:
        return []
    checks = [check for connection in sound for check in connection.checks]
    passed = sum(check.status is Status.SUCCESS for check in checks)
    skipped = sorted({check.id for check in checks if check.status is Status.SKIPPED})
    who = label(sound[0]) if len(sound) == 1 else count_of(len(sound), "connection")
    text = f"{who} became Active; {count_of(passed, 'check')} passed"
    return hanging(
        console,
        Text("✓", "bold green"),
        Text(f"{text}, skipped: {', '.join(skipped)}" if skipped else text),
        2,
    )


def _gate(console: Console, report: Report) -> list[Text]:
    gate = report.gate
    leaked = gate.nlri_sent_while_denied + gate.routes_taken_while_denied
    text = Text.assemble(
        ("gate: ", "bold"),
        (
            f"{gate.nlri_sent_while_denied} NLRI sent and {gate.routes_taken_while_denied} taken",
            "bold red" if leaked else "green",
        ),
        f" while the policy was DENY ALL; {gate.nlri_withheld} withheld",
    )
    return hanging(console, Text("✗", "bold red") if leaked else Text("✓", "bold green"), text, 2)


def _errors(console: Console, report: Report) -> list[Text]:
    """What did not come out as the topology expects; the lab's own errors are troubles."""
    return [line for error in unmet(report) for line in hanging(console, Text("✗", "bold red"), Text(error), 2)]


def _lines(console: Console, trouble: Trouble, *, written: bool) -> list[Text]:
    """One thing that is wrong: the sentence, who has to act, what was seen, what to type, the proof."""
    mark, style, words = _KINDS[trouble.kind]
    where = names(trouble.where)
    what = Text.assemble((f"{where}: " if where else "", "bold"), (words, style), trouble.what)
    found = hanging(console, Text(mark, style), what, 2)
    if trouble.who:
        found += _row(console, "who", f"{trouble.who}{_checks(trouble)}")
    most = _MOST_NAMES if trouble.each else _MOST_EVIDENCE
    for evidence in trouble.seen[:most]:
        found += _row(console, "seen", evidence, "dim")
    found += _more(console, len(trouble.seen) - most)
    remedies = trouble.remedies
    shown = remedies if len(remedies) <= _MOST_NAMES else remedies[:1]
    for remedy, language, place in shown:
        found += _remedy(console, remedy, language, place)
    found += _more(console, len(remedies) - len(shown))
    proofs = trouble.proofs if written else ()
    for number, line in enumerate(proofs[:_MOST_PROOFS]):
        found += _row(console, "" if number else "proof", line, "dim")
    return found + _more(console, len(proofs) - _MOST_PROOFS)


def _more(console: Console, left: int) -> list[Text]:
    return _row(console, "", f"and {left} more in the report", "dim") if left > 0 else []


def _checks(trouble: Trouble) -> str:
    if not trouble.explains:
        return ""
    noun = "check" if len(trouble.explains) == 1 else "checks"
    return f" ({noun} {', '.join(trouble.explains)})"


def _row(console: Console, name: str, text: str, style: str = "") -> list[Text]:
    return hanging(console, Text(f"    {name}:" if name else ""), Text(text, style), 11)


def _remedy(console: Console, remedy: str, language: str, where: str) -> list[Text]:
    """Prose is wrapped; lines of a configuration stay as they are, to be copied."""
    what = to_do(remedy, language)
    if what == "do":
        return _row(console, what, f"{where}: {remedy}" if where else remedy, "cyan")
    place = f", for {where}" if where else ""
    return [Text(f"    {what}{place}:"), *(Text(f"      {line}", "cyan") for line in remedy.splitlines())]


def _troubles(console: Console, report: Report, *, written: bool) -> list[Text]:
    """Warnings first, so that what failed and its remedies stand last, above the prompt."""
    found = troubles(report)
    kept = sorted(found[:_MOST_TROUBLES], key=lambda trouble: trouble.kind == "failed")
    lines = [_lines(console, trouble, written=written) for trouble in kept]
    if hidden := len(found) - len(kept):
        lines.insert(0, hanging(console, Text("…"), Text(f"{hidden} failures and warnings more are in the report"), 2))
    return [line for block in lines for line in block]


def _outcome(console: Console, report: Report) -> list[Text]:
    connections = report.connections
    reached = sum(ConnectionState.ACTIVE in connection.reached for connection in connections)
    removed = sum(
        connection.connection_state is ConnectionState.NONE and bool(connection.reached) for connection in connections
    )
    text = f"{reached} of {count_of(len(connections), 'connection')} became Active"
    if removed:
        text += f", {removed} deprovisioned"
    words: str = report.outcome
    style = "bold green" if report.outcome == "passed" else "bold red"
    first = first_trouble(report)
    if report.outcome == "passed" and first is not None and first.kind == "warned":
        words, style = "passed, with warnings", "bold yellow"
    return paragraph(console, Text.assemble(("Rehearsal ", "bold"), (words, style), f": {text}"))
