"""What went wrong, as every face tells it: one sentence, who has to act, what to type, the proof.

The causes of the diagnosis come first; then what no cause explains: a check that could not be made, an errorMessage, a
connection that stopped on its way. What came out alike on several connections stands once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from simulator.connection.states import ConnectionState
from simulator.report.findings import diagnosis_of, excused, gate_leak, label, verdict
from simulator.report.model import RehearsedConnection, Report
from simulator.views.check import Blocks, CheckView, Status
from simulator.views.diagnosis import WHO_ACTS, CauseView, Proof, unexplained

TroubleKind = Literal["failed", "expected", "warned"]
_KINDS: tuple[TroubleKind, ...] = ("failed", "expected", "warned")
_BLOCKS = list(Blocks)
"""Hardest block first."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, alike on one or more connections; the words are those of the first."""

    kind: TroubleKind
    what: str
    where: tuple[str, ...] = ()
    """`peering/connection` of each; empty for the rehearsal itself."""
    check: str = ""
    """The check that it explains first."""
    evidence: tuple[str, ...] = ()
    cause: CauseView | None = None
    proof: Proof = field(default_factory=Proof)

    @property
    def who(self) -> str:
        """`the peer has to act`; empty where nobody knows who."""
        return WHO_ACTS[self.cause.side] if self.cause else ""

    @property
    def remedy(self) -> str:
        return self.cause.remedy if self.cause else ""

    @property
    def language(self) -> str:
        """The router in whose words the remedy is; empty for plain English."""
        return self.cause.remedy_language if self.cause else ""

    @property
    def explains(self) -> tuple[str, ...]:
        """Every check that did not hold because of it."""
        return self.cause.explains if self.cause else (self.check,) if self.check else ()

    @property
    def seen(self) -> tuple[str, ...]:
        """The evidence, but for what the sentence says already."""
        return tuple(line for line in self.evidence if line not in self.what and not self._holds(line))

    def _holds(self, line: str) -> bool:
        """Whether the sentence names what stands in a line's brackets: the routes of a rule."""
        named = line.partition(" (")[2].removesuffix(")")
        return bool(named) and named in self.what

    @property
    def elsewhere(self) -> int:
        """On how many connections besides the first."""
        return max(0, len(self.where) - 1)


def troubles(report: Report) -> list[Trouble]:
    """All that is wrong with a rehearsal: a leak and the lab's own errors, what failed, what was to fail, warnings."""
    found: dict[tuple[object, ...], Trouble] = {}
    for connection in report.connections:
        for each in troubles_of(report, connection):
            alike = (each.kind, each.cause.id if each.cause else "", each.check, "" if each.cause else each.what)
            known = found.get(alike)
            found[alike] = replace(known, where=tuple(dict.fromkeys((*known.where, *each.where)))) if known else each
    return [*_of_the_whole(report), *sorted(found.values(), key=lambda each: _KINDS.index(each.kind))]


def _of_the_whole(report: Report) -> Iterator[Trouble]:
    if leak := gate_leak(report):
        yield Trouble("failed", leak)
    if report.outcome == "error":
        yield from (Trouble("failed", error) for error in report.errors)


def unmet(report: Report) -> list[str]:
    """The errors that no trouble tells: expectations that were not met, but for a state that a cause explains."""
    told = {trouble.what for trouble in troubles(report)}
    for connection in report.connections:
        if any(trouble.kind == "failed" for trouble in troubles_of(report, connection)):
            told |= {f"{connection.id}: {check.id} {check.title}" for check in connection.checks if check.status.bad}
            wanted = f"{connection.id}: connection is {connection.connection_state}, expected"
            told |= {error for error in report.errors if error.startswith(wanted)}
    return [error for error in report.errors if error not in told]


def first_trouble(report: Report) -> Trouble | None:
    """The one thing to look at first; of a rehearsal that passed, what will bite later where nothing expects it."""
    found = [each for each in troubles(report) if each.kind != "expected"]
    if found and (found[0].kind == "failed" or report.outcome == "passed"):
        return found[0]
    # When the outcome is `failed`, the errors are expectations that were not met.
    return Trouble("failed", report.errors[0]) if report.errors else found[0] if found else None


def troubles_of(report: Report, connection: RehearsedConnection) -> list[Trouble]:
    """All that is wrong with one connection: what failed first, then what was to fail, then warnings."""
    bad = [check for check in connection.checks if check.status.bad]
    found = [_of_cause(report, connection, cause) for cause in diagnosis_of(report, connection)]
    alone = sorted(
        (check for check in bad if not check.causes),
        key=lambda check: (_BLOCKS.index(check.blocks), check.status is Status.ERROR),
    )
    found += [_of_check(report, connection, check) for check in alone]
    what = _without_a_check(report, connection)
    if what and not any(connection.fails(check) for check in bad):
        kind: TroubleKind = "expected" if excused(report, connection) else "failed"
        found.append(Trouble(kind, what, (label(connection),)))
    return sorted(found, key=lambda each: _KINDS.index(each.kind))


def _kind(report: Report, connection: RehearsedConnection, checks: list[CheckView]) -> TroubleKind:
    failing = [check for check in checks if connection.fails(check)]
    if any(not excused(report, connection, check) for check in failing):
        return "failed"
    return "expected" if failing else "warned"


def _of_cause(report: Report, connection: RehearsedConnection, cause: CauseView) -> Trouble:
    checks = [check for check in connection.checks if check.status.bad and check.id in cause.explains]
    kind = _kind(report, connection, checks)
    return Trouble(kind, cause.text, (label(connection),), cause.check, cause.evidence, cause, cause.proof)


def _of_check(report: Report, connection: RehearsedConnection, check: CheckView) -> Trouble:
    return Trouble(
        _kind(report, connection, [check]), unexplained(check), (label(connection),), check.id, check.evidence
    )


def _without_a_check(report: Report, connection: RehearsedConnection) -> str:
    """What is wrong with a connection where no check says so; empty where nothing is."""
    if connection.error_message:
        return connection.error_message
    if verdict(report, connection) == "incomplete":
        return f"it never became Active: it stopped at connection state {connection.connection_state}"
    failed = connection.connection_state is ConnectionState.PROVISIONING_FAILED
    return "the connection is ProvisioningFailed" if failed else ""
