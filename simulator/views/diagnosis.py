"""The diagnosis of a connection: the causes of all that its checks found, in the order in which to look at them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from simulator.views.check import Cause, CheckView, Side


@dataclass(frozen=True, slots=True)
class Proof:
    """Where to look a cause up."""

    frames: tuple[int, ...] = ()
    """Numbers of frames in wire.pcap, as tshark counts them."""
    events: tuple[int, ...] = ()
    """Lines of events.jsonl, from 1."""


@dataclass(frozen=True, slots=True)
class CauseView:
    """One cause as every face shows it."""

    id: str
    side: Side
    """Who has to act."""
    connection: str
    sessions: tuple[str, ...]
    check: str
    """The check that it explains first."""
    explains: tuple[str, ...]
    text: str
    evidence: tuple[str, ...]
    remedy: str
    remedy_language: str
    warns: bool
    """It blocks nothing now."""
    proof: Proof = field(default_factory=Proof)


def diagnosis(connection: str, checks: Iterable[CheckView]) -> tuple[CauseView, ...]:
    """The causes of a connection's checks, each once: those that block something first, then the warnings."""
    found: dict[tuple[str, str], tuple[Cause, list[CheckView]]] = {}
    for check in checks:
        for cause in check.causes if check.status.bad else ():
            found.setdefault((cause.id, cause.text), (cause, []))[1].append(check)
    views = []
    for cause, explained in found.values():
        stops = [check for check in explained if check.stops]
        first = (stops or explained)[0]
        view = CauseView(
            id=cause.id,
            side=cause.side,
            connection=connection,
            sessions=cause.sessions,
            check=first.id,
            explains=tuple(dict.fromkeys((*cause.explains, *(check.id for check in explained)))),
            text=cause.text,
            evidence=cause.evidence or first.evidence,
            remedy=cause.remedy,
            remedy_language=cause.remedy_language,
            warns=not stops,
        )
        views.append((not stops, cause.rank, view))
    return tuple(view for _, _, view in sorted(views, key=lambda each: each[:2]))
