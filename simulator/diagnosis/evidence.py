"""What the checks look at: everything that was observed of one connection, at one moment. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

from simulator.diagnosis.about import Mender
from simulator.diagnosis.router_answer import RouterAnswer
from simulator.diagnosis.watched import Watched
from simulator.packets.kinds import PacketsSeen
from simulator.session.messages import Family
from simulator.session.states import BgpState
from simulator.views.session import SessionView

LONG_ECHOES = 12
"""Echoes of the link's full size that are asked for (simulator)."""
_RESTS = 60.0
"""Seconds that a session rests at most between two attempts."""


def since(before: SessionView, now: SessionView, when: float) -> SessionView:
    """A session now, with the evidence of the time since `when` alone, when it was as `before`.

    Counters count from then. NOTIFICATIONs, errors and an OPEN of an earlier time are left out, unless the OPEN is that
    of the TCP connection that still talks; of a session that was down, the last attempt counts though it ended before,
    because there may be no other while it rests.

    NOTIFICATIONs until a session that was down came up do not count either: a router that rests after a Cease refuses
    the first call, as it does when a deleted peering is requested again.
    """
    ups = now.established_transitions - before.established_transitions
    came_up = ups == 1 and before.bgp_state is not BgpState.ESTABLISHED
    quiet_until = now.established_at if came_up and now.established_at is not None else 0.0
    fresh = when if before.bgp_state is BgpState.ESTABLISHED else when - _RESTS
    talks = now.bgp_state in (BgpState.OPEN_CONFIRM, BgpState.ESTABLISHED)
    return replace(
        now,
        established_transitions=ups,
        notifications=tuple(
            seen for seen in now.notifications if seen not in before.notifications and seen.time > quiet_until
        ),
        peer_open=now.peer_open if talks or _at_or_after(now.peer_open_at, fresh) else None,
        last_error=now.last_error if _at_or_after(now.last_error_at, fresh) else "",
        peer_closed_early=now.peer_closed_early if _at_or_after(now.peer_closed_early_at, fresh) else "",
        withheld_in=now.withheld_in - before.withheld_in,
        withheld_out=now.withheld_out - before.withheld_out,
        leaked_in=now.leaked_in - before.leaked_in,
        leaked_out=now.leaked_out - before.leaked_out,
        withdrawn_by_us=now.withdrawn_by_us - before.withdrawn_by_us,
    )


def _at_or_after(moment: float | None, when: float) -> bool:
    return moment is not None and moment >= when


@dataclass(frozen=True, slots=True)
class LanAnswer:
    """Who answered for the peer's address on the link (ARP or Neighbor Discovery, then ICMP)."""

    macs: frozenset[str]
    pinged: bool
    rtt: float | None = None
    """Of that echo, in milliseconds."""
    elsewhere: tuple[str, ...] = ()
    """Of a Direct link on which nobody answered: the other addresses of its prefix that somebody answers for."""
    foreign: bool = False
    """None of these MACs is the router's own, where its interfaces can be looked at."""
    whole: str | None = None
    """Why an echo as long as the link's MTU, with DF, got no answer; empty where it got one; None: not asked."""
    lost: int = 0
    """Of `LONG_ECHOES` such echoes that got answers those that got none."""


class TcpEnd(Enum):
    """What a TCP handshake from the edge to the router's BGP port came to."""

    OPENS = "open"
    REFUSED = "refused"
    SILENT = "filtered"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class PeerTable:
    """What the peer's own router says that it holds from us on one session. `error` when it could not be asked.

    `not_ours`: why there is nobody to ask, which is no error: what this side saw has to do.
    """

    prefixes: frozenset[str] = frozenset()
    error: str = ""
    not_ours: str = ""


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
    all: bool = False
    """It rejects every route of the session."""
    always_with: frozenset[str] = frozenset()
    """The rules that reject each of these routes as well."""
    values: tuple[str, ...] = ()
    """What it found in the first few: next hops, AS numbers."""


@dataclass(frozen=True, slots=True)
class RouteServerPaths:
    """What a route server passed on: how many routes, and of each kind of meddling the count and the first few."""

    routes: int
    own_as: tuple[int, tuple[str, ...]]
    """Its own AS stands in the path of somebody else's route."""
    next_hop: tuple[int, tuple[str, ...]]
    """It is the next hop of somebody else's route."""
    control: tuple[int, tuple[str, ...]]
    """Communities that told it where a route may go are still there."""


Examples = tuple[int, tuple[str, ...]]
"""How many, and the first few."""


@dataclass(frozen=True, slots=True)
class ImportMarks:
    """Of a session's routes that would be accepted: what the import overwrites or takes off, and what has no ROA."""

    routes: int
    med: Examples
    """They carry a MED that is overwritten with another."""
    communities: Examples
    """They carry communities in AS8075's own name, which are taken off."""
    unsigned: Examples | None
    """No ROA covers them; None: there are no ROAs to look at."""
    values: tuple[str, ...] = ()
    """The MEDs and communities of the first few."""


class Passage(Enum):
    """What became of a datagram."""

    PASSED = "passed"
    NO_ROUTE = "no route"
    NEXT_HOP_SILENT = "the next hop does not answer"
    SENT_BACK = "came back to the edge, or was for nobody there"
    EXPIRED = "its TTL expired on the way"
    TOO_LONG = "it is longer than a link on the way takes"
    REFUSED = "refused"
    LOST = "nothing was heard of it"
    OTHER_WAY = "it came by another session's link"


@dataclass(frozen=True, slots=True)
class Crossing:
    """A datagram from a Microsoft service to a host behind the peer's router, or from there."""

    to_peer: bool
    source: IPv4Address | IPv6Address
    target: IPv4Address | IPv6Address
    router: str
    """The node that the peer's host stands behind."""
    passage: Passage
    by: str = ""
    """Who said so; empty where nobody did."""
    detour: str = ""
    """The link by which it came to Microsoft, where the peering has no connection there."""
    routers: int = 2
    """On the way, by its TTL: the edge and the peer's router are two."""
    whole: Passage | None = None
    """Of one as long as the link's MTU, with DF; None: not tried."""
    size: int = 1500
    """Octets of that one."""

    def __str__(self) -> str:
        return f"{self.source} to {self.target}"


@dataclass(frozen=True, slots=True)
class TrafficSeen:
    """What passed by one session at one time."""

    crossings: tuple[Crossing, ...] = ()
    skipped: str = ""
    """Why nothing was tried; empty where something was."""
    notes: tuple[str, ...] = ()
    programmed: int | None = None
    """Routes of the session that the edge's kernel held, by its own word."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What passed by one session, at all times at which it was tried."""

    before: TrafficSeen | None = None
    """The lift."""
    lifted: TrafficSeen | None = None
    denied: TrafficSeen | None = None


@dataclass(frozen=True, slots=True)
class SessionEvidence:
    """One session of the connection under validation."""

    view: SessionView
    """As it is now; what it counts, and what happened to it, is of the time since the validation began (`since`). Its
    addresses are those that were agreed."""
    max_prefixes: int
    soaked: bool
    """Established without interruption for the soak time."""
    settled: bool
    """The peer has sent End-of-RIB, or nothing more for the soak time: its table is in."""
    up_for: float | None = None
    """Seconds since it came up, or since the validation began, which is later; None: it is down, or was not timed."""
    mender: Mender | None = None
    """What mends a cause in the words of the router at the other end; None: plain words have to do."""
    answer: RouterAnswer | None = None
    """What that router itself says of the session; None: it was not asked, or cannot be."""
    probe: TcpEnd | None = None
    """A TCP handshake with its BGP port; None: not tried."""
    key_problem: str = ""
    """How the edge's own MD5 key is not the one that was agreed; empty where it is."""
    packets: PacketsSeen | None = None
    """What crossed the link between its two addresses since the validation began; None where nothing is captured."""
    peer_counters: Mapping[str, int] = field(default_factory=dict)
    """How the kernel's TcpExt counters moved at the router since the validation began; empty where they are unknown."""
    prefixes: frozenset[str] = frozenset()
    """What it announces that would be accepted, in text."""
    turned_away: frozenset[str] = frozenset()
    """What it announces that would not be accepted, in text."""
    preflight: tuple[tuple[str, str], ...] = ()
    """What did not match before the session, where both sides' configurations were compared: the matter, and words."""
    unheard: tuple[str, ...] = ()
    """What the topology says that the peer announces, where its router has a user's own file, and that does not come
    on this session."""
    own_prefixes: tuple[str, ...] = ()
    """The first that the peer is to announce on this session, as the topology says."""
    was_up: bool = False
    """It was Established when the time that is looked at began."""
    carried: tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address] | None = None
    """The edge's address and the peer's that really carry it, where they are others: a router outside of the lab is
    configured with them."""
    foreign_identifiers: dict[str, str] = field(default_factory=dict)
    """The BGP Identifier of the peer, where *another* peer on this edge uses it as well, and who."""
    lan: LanAnswer | None = None
    """None: not asked yet, or the link has nothing to ask on."""
    lost_before: int = 0
    """Echoes that the link lost when it was last asked: nobody asks it after the lift."""
    mtu: int = 1500
    """The link's, in octets."""
    tcp_counters: dict[str, int] = field(default_factory=dict)
    """How the kernel's TcpExt counters of the edge moved since the validation began."""
    peer_table: PeerTable | None = None
    rejected: tuple[RejectedRoutes, ...] = ()
    announced: frozenset[str] = frozenset()
    """What this session is to announce, in text."""
    expected: int | None = None
    """After the lift: how many accepted routes are waited for; None: any number will do."""
    lost: tuple[str, ...] = ()
    """After the lift: what went wrong on the running session since (reset, NOTIFICATION, withdraw)."""
    watched: Watched | None = None
    """While Active: what its watch has seen."""
    flapping: Mapping[str, int] = field(default_factory=dict)
    """Prefix → how often it was withdrawn since the validation began, of those that came again."""
    through_server: RouteServerPaths | None = None
    """Of an IxRs peering's session; None for every other."""
    members: Mapping[str, PeerTable] = field(default_factory=dict)
    """After the lift, of an IxRs peering's session: what each member behind the route server holds from it."""
    marks: ImportMarks | None = None
    """Before the lift, once its table is in; None otherwise."""
    traffic: Traffic | None = None
    """None: nothing is known of traffic."""
    programmed: int | None = None
    """Routes of the session in the edge's kernel FIB, by the kernel's word; None: the edge programs none."""
    frames: tuple[str, ...] | None = None
    """Frames that an exchange forbids and that came from a MAC that answers for the peer: `3 LLDP`; None where nothing
    is captured."""

    @property
    def held_there(self) -> frozenset[str]:
        """What the peer's own table has of what we announce: a router may list routes of its own beside them."""
        return self.peer_table.prefixes & self.announced if self.peer_table is not None else frozenset()

    @property
    def echoes_lost(self) -> int:
        """Of those that were sent over the link; the others were answered."""
        return self.lan.lost if self.lan is not None else self.lost_before

    @property
    def half_up(self) -> bool:
        """Established here for the soak time, and not at the router, by its own word: what we send does not arrive."""
        return self.soaked and self.answer is not None and self.answer.established is False

    @property
    def is_up(self) -> bool:
        """Established at both ends, as far as the router's is known."""
        return self.view.bgp_state is BgpState.ESTABLISHED and not self.half_up


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
    edges_there: frozenset[str] = frozenset()
    """The edge routers that it could have connections to at the same place."""
    quality_asked: str = ""
    """The latency, jitter and loss that the topology asks of the link; empty for none."""
    quality_problem: str = ""
    """Why they are not there."""
    traffic_skipped: str = ""
    """Why no traffic is tried; empty where it is."""
    taken_back: str = ""
    """Why the connection left its way to Active for PendingRemove; empty where it did not."""
    siblings: tuple[Sibling, ...] = ()
    """The other sessions of the same peer and peering, on other edges."""
    awaited: frozenset[Family] = frozenset()
    """Families of which such a session has not sent its table yet: what comes there is not known."""


@dataclass(frozen=True, slots=True)
class Sibling:
    """A session on another edge, whose table is in."""

    name: str
    family: Family
    prefixes: frozenset[str]
    rejected: frozenset[str] = frozenset()
    """Prefixes that it announces and that are not acceptable."""
    next_hops: Mapping[str, str] = field(default_factory=dict)
    """Of those that are rejected for their next hop: prefix → that next hop."""
    told: bool = False
    """What it lacks its own connection tells, or has told."""
