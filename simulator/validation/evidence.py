"""What the checks look at: everything that was observed of one connection, at one moment. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.speakers.events import SessionView


@dataclass(frozen=True, slots=True)
class LanAnswer:
    """Who answered for the peer's address on the link (ARP or Neighbor Discovery, then ICMP)."""

    macs: frozenset[str]
    pinged: bool
    rtt: float | None = None
    """Of that echo, in milliseconds."""
    elsewhere: tuple[str, ...] = ()
    """Of a Direct link on which nobody answered: the other addresses of its prefix that somebody answers for."""
    whole: str | None = None
    """Why an echo as long as the link's MTU, with DF, got no answer; empty where it got one; None: not asked."""


@dataclass(frozen=True, slots=True)
class PeerTable:
    """What the peer's own router says that it holds from us on one session. `error` when it could not be asked.

    `not_ours`: why there is nobody to ask, which is no error: what this side saw has to do.
    """

    prefixes: frozenset[str] = frozenset()
    error: str = ""
    not_ours: str = ""
    says: str = ""
    """The router's own words for the session, and its reason where something keeps the session or its routes back."""


@dataclass(frozen=True, slots=True)
class CaptureProof:
    """What a capture on the LAN shows of what left AS8075's edge."""

    conclusive: bool
    reason: str
    nlri: int
    packets: int


@dataclass(frozen=True, slots=True)
class RejectedRoutes:
    """Routes of one session that one rule rejects: the count and the first few."""

    rule: str
    source: str
    explanation: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionEvidence:
    """One session of the connection under validation."""

    view: SessionView
    max_prefixes: int
    router: str
    """The kind of router at the other end: remedies are written for it."""
    soaked: bool
    """Established without interruption for the soak time."""
    settled: bool
    """The peer has sent End-of-RIB, or nothing more for the soak time: its table is in."""
    transitions_before: int = 0
    """How often it had been Established when the validation began."""
    notifications_before: int = 0
    foreign_identifiers: dict[str, str] = field(default_factory=dict)
    """BGP Identifiers of *other* peers on this edge, and whose they are."""
    lan: LanAnswer | None = None
    """None: not asked yet, or the link has nothing to ask on."""
    mtu: int = 1500
    """The link's, in octets."""
    tcp_counters: dict[str, int] = field(default_factory=dict)
    """How the kernel's TcpExt counters of the edge moved since the validation began."""
    peer_table: PeerTable | None = None
    rejected: tuple[RejectedRoutes, ...] = ()
    announced: frozenset[str] = frozenset()
    """What this session is to announce, in text."""
    lost: tuple[str, ...] = ()
    """After the lift: what went wrong on the running session since (reset, NOTIFICATION, withdraw)."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One connection."""

    connection: str
    sessions: tuple[SessionEvidence, ...]
    has_lan: bool
    """Whether the link has interfaces, with neighbours that answer (loopback has none)."""
    soak: float
    """Seconds."""
    final: bool = False
    """The deadline is over, or everything is in: what is not true now fails."""
    capture: CaptureProof | None = None
    capture_skipped: str = ""
    """Why there is no capture; empty where there is one."""
    direct: bool = False
    """Of a Direct peering, on a link of its own."""
    edges: frozenset[str] = frozenset()
    """The edge routers that the connections of its peering lead to."""
    quality_asked: str = ""
    """The latency, jitter and loss that the topology asks of the link; empty for none."""
    quality_problem: str = ""
    """Why they are not there."""
