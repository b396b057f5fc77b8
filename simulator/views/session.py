"""A session as everybody sees it: checks, the event log, reports, APIs and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from simulator.session.messages import Family, Open
from simulator.session.outputs import NotificationSeen
from simulator.session.states import BgpState


@dataclass(frozen=True, slots=True)
class Cut:
    """A deny found announcements on their way to a peer that had not taken them, and reset the connection."""

    handed: int
    """NLRI that the kernel had got by then, of those that the session was to announce."""
    held: int
    """Octets of what the kernel had got that the peer's TCP had not acknowledged (SIOCOUTQ): dropped but for those
    that are on the wire. What was acknowledged is in the peer's hands, read or not, and cannot be recalled."""

    def __str__(self) -> str:
        return f"denied while announcements were unsent: {self.handed} NLRI handed to TCP, {self.held} octets not taken"


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session at one moment, as checks, tables and the report read it."""

    id: str
    local_address: IPv4Address | IPv6Address
    peer_address: IPv4Address | IPv6Address
    family: Family
    bgp_state: BgpState
    established_transitions: int
    established_at: float | None
    negotiated_families: frozenset[Family]
    negotiated_hold_time: int | None
    local_open: Open
    peer_open: Open | None
    peer_as: int | None
    """The ASN that the peer's OPEN has to carry; None: any."""
    dialled: bool | None
    """Whether the Established connection is the one that we dialled."""
    last_error: str
    notifications: tuple[NotificationSeen, ...]
    received: int
    accepted: int
    rejected: int
    sent: int
    """NLRI that the kernel was given for the peer, and that were not withdrawn."""
    rendered: int
    """NLRI ready to be sent."""
    taken: int
    """Routes of this session in Loc-RIB."""
    gate_open: bool
    gate_why: str
    withheld_in: int
    withheld_out: int
    leaked_in: int
    leaked_out: int
    withdrawn_by_us: int
    md5: bool
    gtsm: bool
    peer_closed_early: str = ""
    """How the peer last ended a TCP connection that had not reached OpenConfirm."""
    end_of_rib: bool = False
    """The peer said that it has sent all it has (RFC 4724 §2)."""
    last_update: float | None = None
    peer_open_at: float | None = None
    last_error_at: float | None = None
    peer_closed_early_at: float | None = None
    disabled: bool = False
    """The peer's routes are ignored until the session ends: AFI/SAFI disable (RFC 7606 §2)."""
    connection: str = ""
    """Whose session it is; empty where nobody gave it a place."""
    peer: str = ""
    edge: str = ""
    cut: Cut | None = None
    """How the last deny ended the connection; None where it did not, and from the next lift on."""
