"""What went wrong, as every face tells it: one sentence, who has to act, what to type, the proof.

The causes of the diagnosis come first; then what no cause explains: a check that could not be made, an errorMessage, a
connection that stopped on its way. What came out alike on several connections stands once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Literal

from simulator.connection.states import ConnectionState
from simulator.report.findings import diagnosis_of, excused, gate_leak, label, verdict, was_active
from simulator.report.model import RehearsedConnection, Report
from simulator.views.check import Blocks, CheckView, Status
from simulator.views.diagnosis import WHO_ACTS, CauseView, Proof, unexplained

TroubleKind = Literal["failed", "expected", "warned"]
_KINDS: tuple[TroubleKind, ...] = ("failed", "expected", "warned")
_BLOCKS = list(Blocks)
"""Hardest block first."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, alike on one or more connections. Its sentence is true of each of them."""

    kind: TroubleKind
    what: str
    where: tuple[str, ...] = ()
    """`peering/connection` of each; empty for the rehearsal itself."""
    check: str = ""
    """The check that it explains first."""
    evidence: tuple[str, ...] = ()
    cause: CauseView | None = None
    proof: Proof = field(default_factory=Proof)
    each: tuple[Trouble, ...] = ()
    """Of several connections: what it is on each; the evidence, the cause and the proof are the first's."""

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
        if self.each:
            return tuple(dict.fromkeys(check for one in self.each for check in one.explains))
        return self.cause.explains if self.cause else (self.check,) if self.check else ()

    @property
    def seen(self) -> tuple[str, ...]:
        """The evidence, but for what the sentence says already; of several connections with the name of each."""
        if not self.each:
            return tuple(line for line in self.evidence if line not in self.what and not self._holds(line))
        return self._of_each(lambda one: (self._beside(one.what), *one.seen) if one.what != self.what else one.seen)

    def _beside(self, what: str) -> str:
        """What the sentence of one connection says more than that of all, where it goes on behind it."""
        more = what.removeprefix(self.what)
        return what if more == what else more.lstrip(" ,:;(").removesuffix(")" if more.startswith(" (") else "")

    @property
    def proofs(self) -> tuple[str, ...]:
        """The lines of the proof; of several connections with the name of each."""
        return self._of_each(lambda one: one.proof.lines) if self.each else self.proof.lines

    @property
    def remedies(self) -> tuple[tuple[str, str, str], ...]:
        """What to do or type, with the language, and the connections that it is for; those are left out where it is for
        all of them."""
        found: dict[tuple[str, str], list[str]] = {}
        for one in self.each or (self,):
            if one.remedy:
                found.setdefault((one.remedy, one.language), []).extend(one.where)
        everywhere = len(found) == 1 and len(*found.values()) >= len(self.where)
        return tuple((*what, "" if everywhere else names(where)) for what, where in found.items())

    def _of_each(self, lines: Callable[[Trouble], tuple[str, ...]]) -> tuple[str, ...]:
        """Lines of every connection: once where they are the same on all of them, else one of each in turn."""
        told = [(one.where[0], lines(one)) for one in self.each]
        if len({mine for _, mine in told}) == 1:
            return told[0][1]
        turns = zip_longest(*([f"{where}: {line}" for line in mine] for where, mine in told))
        return tuple(line for turn in turns for line in turn if line is not None)

    def _holds(self, line: str) -> bool:
        """Whether the sentence names what stands in a line's brackets: the routes of a rule."""
        named = line.partition(" (")[2].removesuffix(")")
        return bool(named) and named in self.what

    @property
    def elsewhere(self) -> int:
        """On how many connections besides the first."""
        return max(0, len(self.where) - 1)


_MOST_NAMES = 3


def names(where: Sequence[str]) -> str:
    """The first few connections, and how many more there are."""
    more = f" and {len(where) - _MOST_NAMES} more" if len(where) > _MOST_NAMES else ""
    return f"{', '.join(where[:_MOST_NAMES])}{more}"


def troubles(report: Report) -> list[Trouble]:
    """All that is wrong with a rehearsal: a leak and the lab's own errors, what failed, what was to fail, warnings."""
    found: dict[tuple[object, ...], list[Trouble]] = {}
    for connection in report.connections:
        for each in troubles_of(report, connection):
            words = (each.cause.id, each.cause.shared) if each.cause else ("", each.what)
            found.setdefault((each.kind, each.check, *words), []).append(each)
    together = [_of_several(alike) for alike in found.values()]
    return [*_of_the_whole(report), *sorted(together, key=lambda each: _KINDS.index(each.kind))]


def _of_several(alike: list[Trouble]) -> Trouble:
    """One in place of those that came out alike: what they do not have in common is left to each."""
    first = alike[0]
    if len(alike) == 1:
        return first
    same = all(each.what == first.what for each in alike)
    what = first.what if same or first.cause is None else first.cause.shared
    where = tuple(dict.fromkeys(name for each in alike for name in each.where))
    return replace(first, what=what, where=where, each=tuple(alike))


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
    if not was_active(connection) and verdict(report, connection) == "incomplete":
        return f"it never became Active: it stopped at connection state {connection.connection_state}"
    failed = connection.connection_state is ConnectionState.PROVISIONING_FAILED
    return "the connection is ProvisioningFailed" if failed else ""
