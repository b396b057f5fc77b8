"""What a check is, and the words in which all of them tell what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from simulator.diagnosis.evidence import Observation, SessionEvidence
from simulator.diagnosis.remedies import remedy
from simulator.diagnosis.result import Finding
from simulator.session.messages import Family
from simulator.views.check import Blocks, Cause, Status


@dataclass(frozen=True, slots=True)
class Check:
    """One entry of the catalogue."""

    id: str
    title: str
    source: str
    blocks: Blocks
    judge: Callable[[Observation], Finding]
    needs: tuple[str, ...] = ()
    """Checks that must have succeeded for this one to mean anything."""
    only: str = ""
    """Where it is made, in words; empty for everywhere."""
    applies: Callable[[Observation], bool] = lambda observation: True


def cause_of(id_: str, text: str, session: SessionEvidence) -> Cause:
    """A cause with its remedy, written for the router at the session's other end."""
    view = session.view
    edge, peer = session.carried or (view.local_address, view.peer_address)
    values: dict[str, Any] = {
        "expected": view.peer_as,
        "local_as": view.local_open.asn,
        "edge": edge,
        "peer": peer,
        "family": view.family.label,
        "channel": "ipv4" if view.family is Family.IPV4 else "ipv6",
        "mtu": session.mtu,
    }
    return Cause(id_, text, remedy(id_, session.remedies, **values))


def passed(*evidence: str) -> Finding:
    return Finding(Status.SUCCESS, evidence)


def failed(evidence: Iterable[str], *causes: Cause) -> Finding:
    return Finding(Status.FAILURE, tuple(evidence), causes)


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


def of_each(judge: Callable[[SessionEvidence, Observation], Finding]) -> Callable[[Observation], Finding]:
    """A check of every session: the worst status counts, and evidence says which session it is of."""
    order = (Status.FAILURE, Status.ERROR, Status.UNSET, Status.SUCCESS, Status.SKIPPED)

    def rank(finding: Finding) -> float:
        return order.index(Status.SUCCESS) - 0.5 if finding.rests_on else order.index(finding.status)

    def combined(observation: Observation) -> Finding:
        if not observation.sessions:
            return Finding(Status.ERROR, ("the connection has no session to look at",))
        found = [(session, judge(session, observation)) for session in observation.sessions]
        found.sort(key=lambda pair: rank(pair[1]))  # failures come first
        # One text stands once; another text of the same cause is of another session, and names what is there.
        causes: dict[tuple[str, str], Cause] = {}
        for cause in (cause for _, finding in found for cause in finding.causes):
            causes.setdefault((cause.id, cause.text), cause)
        return Finding(
            status=found[0][1].status,
            evidence=tuple(f"{name_of(session)}: {line}" for session, finding in found for line in finding.evidence),
            causes=tuple(causes.values()),
            rests_on=tuple(dict.fromkeys(check for _, finding in found for check in finding.rests_on)),
            session=ends_of(found[0][0]),
        )

    return combined
