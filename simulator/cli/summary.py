"""What a rehearsal says when it is over: the sessions, what passed in one line, the gate, what failed, the remedies."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from simulator.cli.paragraphs import hanging, paragraph
from simulator.cli.sessions import SessionRow, session_lines
from simulator.connection.states import ConnectionState
from simulator.report.findings import excused, furthest_bgp_state, furthest_state, label, verdict
from simulator.report.model import RehearsedConnection, Report
from simulator.views.check import CheckView, Status

_COUNTS = (("Received", "in"), ("Accepted", "acc"), ("Rejected", "rej"), ("Sent", "out"))
_MOST_LINES = 18
"""Of the table of sessions: with many, only those that need someone are shown."""
_MOST_TROUBLES = 6
_MOST_EVIDENCE = 6
_MOST_NAMES = 3
_SOUND = ("passed", "warned")


def print_summary(console: Console, report: Report) -> None:
    """The end of `turnup rehearse`."""
    for line in summary_lines(console, report):
        console.print(line, soft_wrap=True, highlight=False)


def summary_lines(console: Console, report: Report) -> list[Text]:
    """The summary in lines of the terminal's width."""
    return [
        *_sessions(console, report),
        *_passed(console, report),
        *_gate(console, report),
        *(line for trouble in _troubles(report) for line in trouble.lines(console)),
        *(line for error in report.errors for line in hanging(console, Text("✗", "bold red"), Text(error), 2)),
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
    who = label(sound[0]) if len(sound) == 1 else f"{len(sound)} connections"
    text = f"{who} became Active; {passed} checks passed"
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


@dataclass(slots=True)
class Trouble:
    """A check that ended badly alike on one or more connections; or an errorMessage."""

    mark: Text
    what: Text
    check: CheckView | None
    where: list[str] = field(default_factory=list)

    def lines(self, console: Console) -> list[Text]:
        names = ", ".join(self.where[:_MOST_NAMES])
        more = f" and {len(self.where) - _MOST_NAMES} more" if len(self.where) > _MOST_NAMES else ""
        found = hanging(console, self.mark, Text.assemble((f"{names}{more}: ", "bold"), self.what), 2)
        if self.check is None:
            return found
        for evidence in self.check.evidence[:_MOST_EVIDENCE]:
            found += hanging(console, Text("   "), Text(evidence, "dim"), 4)
        if left := len(self.check.evidence) - _MOST_EVIDENCE:
            found += [Text(f"    and {left} lines more in the report", "dim")] if left > 0 else []
        for cause in self.check.causes:
            found += hanging(console, Text("    cause:"), Text(cause.text), 12)
            if cause.remedy:
                found += _remedy(console, cause.remedy)
        return found


def _remedy(console: Console, remedy: str) -> list[Text]:
    """Prose is wrapped; lines of a configuration stay as they are, to be copied."""
    if "\n" not in remedy:
        return hanging(console, Text("    remedy:"), Text(remedy, "cyan"), 12)
    return [Text("    remedy:"), *(Text(f"      {line}", "cyan") for line in remedy.splitlines())]


def _troubles(report: Report) -> list[Trouble]:
    """Warnings first, so that what failed and its remedies stand last."""
    found: dict[tuple[object, ...], Trouble] = {}
    for connection in report.connections:
        bad = [check for check in connection.checks if check.status.bad]
        for check in bad:
            trouble = found.setdefault(_alike(report, connection, check), _trouble(report, connection, check))
            trouble.where.append(label(connection))
        what = _without_a_check(report, connection)
        if what and not any(connection.fails(check) for check in bad):
            wanted = excused(report, connection)
            mark = Text("◆", "cyan") if wanted else Text("✗", "bold red")
            alone = Trouble(mark, Text(f"{what}, as expected" if wanted else what), None)
            found.setdefault((1 if wanted else 2, what), alone).where.append(label(connection))
    ordered = sorted(found.items(), key=lambda item: item[0][0] == 2)
    hidden = len(ordered) - _MOST_TROUBLES
    kept = [trouble for _, trouble in ordered[max(0, hidden) :]]
    if hidden > 0:
        kept.insert(
            0, Trouble(Text("…"), Text(f"{hidden} kinds of failures and warnings more"), None, ["see the report"])
        )
    return kept


def _without_a_check(report: Report, connection: RehearsedConnection) -> str:
    """What is wrong with a connection where no check says so; empty where nothing is."""
    if connection.error_message:
        return connection.error_message
    if verdict(report, connection) == "incomplete":
        return f"it never became Active: it stopped at connection state {connection.connection_state}"
    return ""


def _alike(report: Report, connection: RehearsedConnection, check: CheckView) -> tuple[object, ...]:
    """Checks with one of these are printed once."""
    rank = 0 if not connection.fails(check) else 1 if excused(report, connection, check) else 2
    return (rank, check.id, check.causes[0].id if check.causes else "")


def _trouble(report: Report, connection: RehearsedConnection, check: CheckView) -> Trouble:
    status = "could not be made" if check.status is Status.ERROR else "failed"
    if not connection.fails(check):
        return Trouble(
            Text("!", "yellow"), Text.assemble(f"check {check.id} ", ("warns", "yellow"), f": {check.title}"), check
        )
    if excused(report, connection, check):
        words = Text.assemble(f"check {check.id} ", (f"{status}, as expected", "cyan"), f": {check.title}")
        return Trouble(Text("◆", "cyan"), words, check)
    words = Text.assemble(f"check {check.id} ", (status, "bold red"), f": {check.title}")
    return Trouble(Text("✗", "bold red"), words, check)


def _outcome(console: Console, report: Report) -> list[Text]:
    connections = report.connections
    reached = sum(ConnectionState.ACTIVE in connection.reached for connection in connections)
    removed = sum(
        connection.connection_state is ConnectionState.NONE and bool(connection.reached) for connection in connections
    )
    text = f"{reached} of {len(connections)} connections became Active"
    if removed:
        text += f", {removed} deprovisioned"
    style = "bold green" if report.outcome == "passed" else "bold red"
    return paragraph(console, Text.assemble(("Rehearsal ", "bold"), (report.outcome, style), f": {text}"))
