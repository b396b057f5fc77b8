"""The data of a report: plain, serialisable, complete. Writers in this package read nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["passed", "failed", "error"]
Axis = Literal["connection", "bgp"]
Status = Literal["success", "failure", "error", "skipped", "unset"]


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One change on one of the two axes. `session` is empty on the connection axis."""

    time: str
    """UTC, RFC 3339 with microseconds."""
    axis: Axis
    from_: str
    to: str
    reason: str
    session: str = ""


@dataclass(frozen=True, slots=True)
class CauseReport:
    """One possible cause of a failed check, and the remedy as the operator would type it."""

    id: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One check of the catalogue, as it ended."""

    id: str
    title: str
    status: Status
    source: str
    """Where the check comes from: a Microsoft document, an RFC, or `simulator`."""
    blocks: Literal["active", "rehearsal", "warn"]
    evidence: tuple[str, ...] = ()
    causes: tuple[CauseReport, ...] = ()
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class SessionReport:
    """One BGP session of a connection at the end of the rehearsal; counts are at their height while Active."""

    id: str
    local_address: str
    peer_address: str
    family: Literal["IPv4", "IPv6"]
    bgp_state: str
    established_transitions: int
    received: int
    accepted: int
    rejected: int
    sent: int


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """One peering connection: its final state, sessions, two-axis timeline and checks."""

    id: str
    peering: str
    peer: str
    connection_state: str
    """The state in which the rehearsal left it (`None` once deprovisioned)."""
    reached: tuple[str, ...]
    """Every connection state that it went through, in order."""
    sessions: tuple[SessionReport, ...]
    timeline: tuple[TimelineEntry, ...]
    checks: tuple[CheckReport, ...]
    error_message: str = ""
    peer_as: int = 0
    """The peer's ASN; 0 when unknown."""
    kind: str = ""
    """`Exchange`, `Direct` or `IxRs`: whose life cycle it is."""
    profile: str = ""
    """The lifted policy's profile."""
    expected_state: str = "Active"
    """The connection state that the topology wants to see reached: a rehearsed fault ends elsewhere."""
    expected_failures: tuple[str, ...] = ()
    """Ids of the checks that the topology wants to see fail."""


@dataclass(frozen=True, slots=True)
class GateReport:
    """The gates' counters over the whole rehearsal, in NLRI."""

    nlri_sent_while_denied: int
    routes_taken_while_denied: int
    nlri_withheld: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Octets of one direction of one TCP connection, as a speaker wrote or read them: the source of a written pcap."""

    time: float
    """Seconds since the epoch."""
    source: str
    source_port: int
    destination: str
    destination_port: int
    data: bytes
    flags: str = "PA"
    """TCP flags: S, SA, PA, FA, R."""


@dataclass(slots=True)
class Report:
    """One rehearsal."""

    topology: str
    outcome: Outcome
    started: str
    finished: str
    link: str
    """`loopback` or `netns`."""
    router: dict[str, str]
    """Peer name → router and version, e.g. `BIRD 2.0.12`."""
    connections: tuple[ConnectionReport, ...]
    gate: GateReport
    errors: tuple[str, ...] = ()
    """One line each: what went wrong with the rehearsal itself."""
    events: tuple[dict[str, Any], ...] = ()
    """Every event in order, flat and JSON-serialisable: the content of events.jsonl."""
    segments: tuple[Segment, ...] = ()
    """Filled when the link allows no capture."""
    capture: str = ""
    """Path of a pcap captured on the lab's interfaces; empty when it must be written from `segments`."""
    notes: tuple[str, ...] = field(default=())
