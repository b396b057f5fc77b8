"""The data of a report: plain, serialisable, complete. Writers in this package read nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from simulator.connection.states import ConnectionState
from simulator.packets.kinds import Packets, PacketTally
from simulator.views.check import CheckView
from simulator.views.connection import ConnectionView, ShutGate
from simulator.views.octets import Octets

RehearsalOutcome = Literal["passed", "failed", "error"]

WantedPackets = tuple[Packets, float]
"""Packets up to a moment, in seconds since the epoch: when the check had ended that they are to prove."""
FoundFrames = Mapping[WantedPackets, PacketTally]


@dataclass(frozen=True, slots=True)
class RehearsedConnection(ConnectionView):
    """One peering connection as the rehearsal left it; its sessions' counts are at their height while Active."""

    expected_state: ConnectionState = ConnectionState.ACTIVE
    """The connection state that the topology wants to see reached: a rehearsed fault ends elsewhere."""
    expected_failures: tuple[str, ...] = ()
    """Ids of the checks that the topology wants to see fail."""
    forbidden_warnings: tuple[str, ...] = ()
    """Ids of the checks that warned though the topology permits it not: they fail the rehearsal."""

    @classmethod
    def of(
        cls,
        view: ConnectionView,
        expected_state: str,
        expected_failures: Iterable[str],
        forbidden_warnings: Iterable[str],
    ) -> RehearsedConnection:
        """A connection, with what its topology expects of it."""
        seen = {each.name: getattr(view, each.name) for each in fields(view)}
        return cls(
            **seen,
            expected_state=ConnectionState(expected_state),
            expected_failures=tuple(expected_failures),
            forbidden_warnings=tuple(forbidden_warnings),
        )

    def fails(self, check: CheckView) -> bool:
        """Whether a check's bad end counts: it blocks something, or it warns and the topology forbids that."""
        return check.fails or (check.warns and check.id in self.forbidden_warnings)


@dataclass(frozen=True, slots=True)
class GateReport:
    """The gates' counters over the whole rehearsal, in NLRI."""

    nlri_sent_while_denied: int
    routes_taken_while_denied: int
    nlri_withheld: int


@dataclass
class Report:
    """One rehearsal."""

    topology: str
    outcome: RehearsalOutcome
    started: float
    finished: float
    link: str
    """`loopback` or `netns`."""
    router: dict[str, str]
    """Peer name → router and version, e.g. `BIRD 2.0.12`."""
    connections: tuple[RehearsedConnection, ...]
    gate: GateReport
    errors: tuple[str, ...] = ()
    """One line each: what went wrong with the rehearsal itself."""
    events: tuple[dict[str, Any], ...] = ()
    """Every event in order, flat and JSON-serialisable: the content of events.jsonl."""
    segments: tuple[Octets, ...] = ()
    """Filled when the link allows no capture."""
    capture: str = ""
    """Path of a pcap captured on the lab's interfaces; empty when it must be written from `segments`."""
    notes: tuple[str, ...] = field(default=())
    shut_gates: Mapping[str, tuple[ShutGate, ...]] = field(default_factory=dict)
    """By connection: where gates were shut though it was Active. A rehearsal has none."""
    diagnosis_seconds: float | None = None
    """From a deadline, or from when a connection was known to fail, to the verdict: the longest; None where unknown."""
    frames: FoundFrames = field(default_factory=dict)
    """Of wire.pcap; known once that file is written."""

    @cached_property
    def lines(self) -> dict[tuple[str, str], list[int]]:
        """Lines of events.jsonl, from 1: by connection and check where the check ended, and by `""` and session where
        its NOTIFICATIONs stand."""
        found: dict[tuple[str, str], list[int]] = {}
        for number, row in enumerate(self.events, 1):
            match row.get("event"):
                case "check":
                    subject = str(row.get("connection")), str(row.get("check"))
                case "notification":
                    subject = "", str(row.get("session"))
                case _:
                    continue
            found.setdefault(subject, []).append(number)
        return found

    def lines_of(self, connection: str, checks: Iterable[str], sessions: Iterable[str]) -> tuple[int, ...]:
        """The lines on which checks of a connection ended, and on which NOTIFICATIONs of sessions stand."""
        wanted = [*((connection, check) for check in checks), *(("", session) for session in sessions)]
        return tuple(sorted(number for subject in wanted for number in self.lines.get(subject, ())))

    def ended(self, connection: str, checks: Iterable[str]) -> float:
        """When the last of these checks had ended; the end of the rehearsal where no event says so."""
        lines = self.lines_of(connection, checks, ())
        time = str(self.events[lines[-1] - 1].get("time", "")) if lines else ""
        return datetime.fromisoformat(time).timestamp() if time else self.finished
