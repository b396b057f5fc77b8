"""What a check is, and the words in which all checks say what they saw. Checks observe; they do not name causes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from simulator.diagnosis.evidence import Observation, SessionEvidence
from simulator.views.check import Blocks, Side, Status


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found of one session, or of the connection."""

    status: Status
    evidence: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()
    """Of a skipped check: the checks that it rests on and that did not succeed."""
    warns: bool = False
    """Of a failure: it blocks nothing, whatever the check blocks otherwise."""

    @property
    def holds(self) -> bool:
        """Success, or nothing to look at; a failure that only warns does not stand in another check's way."""
        if self.status is Status.SKIPPED:
            return not self.rests_on
        return self.status is Status.SUCCESS or (self.status is Status.FAILURE and self.warns)


SessionJudge = Callable[[SessionEvidence, Observation], Finding]
ConnectionJudge = Callable[[Observation], Finding]


class When(Enum):
    """At what time of a connection's life a check runs."""

    VALIDATING = "validating"
    LIFTED = "after the lift"
    TRAFFIC = "once the routes are exchanged"
    ACTIVE = "while Active"
    DEPROVISIONING = "PendingRemove"


@dataclass(frozen=True, slots=True)
class Check:
    """One entry of the catalogue, or a user's own: it looks at each session, or at the whole connection."""

    id: str
    """Of the catalogue a `CheckId`."""
    title: str
    source: str
    blocks: Blocks
    of_session: SessionJudge | None = None
    of_connection: ConnectionJudge | None = None
    needs: tuple[str, ...] = ()
    """Checks that must have succeeded, on the same session, for this one to mean anything."""
    only: str = ""
    """Where it is made, in words; empty for everywhere."""
    applies: Callable[[Observation], bool] = lambda observation: True
    when: When = When.VALIDATING
    """Of a user's own check; the catalogue's lists say it of theirs."""
    remedy: str = ""
    """Of a user's own check: what to do where it fails. The catalogue's causes have remedies of their own."""
    side: Side = Side.PEER
    """Of a user's own check: who has to do it."""
    strict: bool = False
    """A failure that would only warn blocks."""


def passed(*evidence: str) -> Finding:
    return Finding(Status.SUCCESS, evidence)


def failed(evidence: Iterable[str], *, warns: bool = False) -> Finding:
    return Finding(Status.FAILURE, tuple(evidence), warns=warns)


UNSET = Finding(Status.UNSET)
"""It cannot tell yet."""


def skipped(reason: str) -> Finding:
    return Finding(Status.SKIPPED, (reason,))


def resting_on(*checks: str) -> Finding:
    """Skipped, because of checks that did not succeed."""
    return Finding(Status.SKIPPED, (f"rests on {', '.join(checks)}, which did not succeed",), rests_on=checks)


def name_of(session: SessionEvidence) -> str:
    """`IPv4 192.0.2.1`: the session as evidence names it."""
    return f"{session.view.family.label} {session.view.peer_address}"


def ends_of(session: SessionEvidence) -> str:
    """`IPv4 192.0.2.1 with 192.0.2.75`: the session by both of the addresses that it was asked for with."""
    return f"{name_of(session)} with {session.view.local_address}"
