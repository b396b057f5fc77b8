"""BGP messages as plain data: what the FSM reasons about and what `simulator.wire` turns into bytes and back.

Nothing here knows about octets, sockets or ExaBGP.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from ipaddress import IPv4Address

AS_TRANS = 23456
"""RFC 6793: stands for a four-octet ASN in a two-octet field."""


class Family(Enum):
    """The two address families of a peering session: (AFI, SAFI), RFC 4760."""

    IPV4 = (1, 1)
    IPV6 = (2, 1)

    # Members are single objects. An enum's own hash is a Python call, and families are dict keys wherever routes are.
    __hash__ = object.__hash__

    @property
    def afi(self) -> int:
        return self.value[0]

    @property
    def safi(self) -> int:
        return self.value[1]

    @property
    def label(self) -> str:
        return "IPv4" if self is Family.IPV4 else "IPv6"

    @property
    def max_length(self) -> int:
        """The longest prefix length, in bits."""
        return 32 if self is Family.IPV4 else 128


class Role(IntEnum):
    """BGP Role capability values, RFC 9234 §4.1."""

    PROVIDER = 0
    ROUTE_SERVER = 1
    RS_CLIENT = 2
    CUSTOMER = 3
    PEER = 4


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an OPEN announced (RFC 5492). `other` keeps the codes that nothing here interprets."""

    families: frozenset[Family] = frozenset()
    """Empty in our own OPEN: no multiprotocol capability is sent, which means IPv4 alone. Empty in the peer's: it
    offers only families that nothing here speaks (`simulator.wire` writes IPv4 where the capability is missing)."""
    asn4: bool = True
    """Four-octet AS number, RFC 6793."""
    route_refresh: bool = True
    """RFC 2918."""
    enhanced_route_refresh: bool = True
    """RFC 7313."""
    extended_message: bool = True
    """Messages up to 65,535 octets, RFC 8654."""
    role: Role | None = None
    """RFC 9234."""
    graceful_restart: bool = False
    """RFC 4724: seen in the peer's OPEN, never claimed in ours."""
    other: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Open:
    """An OPEN message (RFC 4271 §4.2)."""

    asn: int
    """The four-octet one where the capability carried it; 0 where either field holds that (RFC 7607 §2)."""
    hold_time: int
    """Seconds; 0 means no keepalives."""
    bgp_identifier: IPv4Address
    capabilities: Capabilities = field(default_factory=Capabilities)
    version: int = 4


class ErrorCode(IntEnum):
    """NOTIFICATION error codes (RFC 4271 §4.5, RFC 7313, RFC 9687)."""

    MESSAGE_HEADER = 1
    OPEN_MESSAGE = 2
    UPDATE_MESSAGE = 3
    HOLD_TIMER_EXPIRED = 4
    FSM = 5
    CEASE = 6
    ROUTE_REFRESH = 7
    SEND_HOLD_TIMER_EXPIRED = 8


class Cease(IntEnum):
    """Cease subcodes (RFC 4486)."""

    MAX_PREFIXES = 1
    ADMINISTRATIVE_SHUTDOWN = 2
    PEER_DECONFIGURED = 3
    ADMINISTRATIVE_RESET = 4
    CONNECTION_REJECTED = 5
    OTHER_CONFIGURATION_CHANGE = 6
    COLLISION_RESOLUTION = 7
    OUT_OF_RESOURCES = 8


_NAMES: dict[int, tuple[str, dict[int, str]]] = {
    1: ("Message Header Error", {1: "Connection Not Synchronized", 2: "Bad Message Length", 3: "Bad Message Type"}),
    2: (
        "OPEN Message Error",
        {
            1: "Unsupported Version Number",
            2: "Bad Peer AS",
            3: "Bad BGP Identifier",
            4: "Unsupported Optional Parameter",
            5: "Authentication Failure",  # RFC 1771 §6.2; later RFCs deprecate it
            6: "Unacceptable Hold Time",
            7: "Unsupported Capability",
            11: "Role Mismatch",
        },
    ),
    3: (
        "UPDATE Message Error",
        {
            1: "Malformed Attribute List",
            2: "Unrecognized Well-known Attribute",
            3: "Missing Well-known Attribute",
            4: "Attribute Flags Error",
            5: "Attribute Length Error",
            6: "Invalid ORIGIN Attribute",
            8: "Invalid NEXT_HOP Attribute",
            9: "Optional Attribute Error",
            10: "Invalid Network Field",
            11: "Malformed AS_PATH",
        },
    ),
    4: ("Hold Timer Expired", {}),
    5: (
        "Finite State Machine Error",
        {
            1: "Receive Unexpected Message in OpenSent State",
            2: "Receive Unexpected Message in OpenConfirm State",
            3: "Receive Unexpected Message in Established State",
        },
    ),
    6: (
        "Cease",
        {
            1: "Maximum Number of Prefixes Reached",
            2: "Administrative Shutdown",
            3: "Peer De-configured",
            4: "Administrative Reset",
            5: "Connection Rejected",
            6: "Other Configuration Change",
            7: "Connection Collision Resolution",
            8: "Out of Resources",
            9: "Hard Reset",
            10: "BFD Down",
        },
    ),
    7: ("ROUTE-REFRESH Message Error", {1: "Invalid Message Length"}),
    8: ("Send Hold Timer Expired", {}),
}


@dataclass(frozen=True, slots=True)
class Notification:
    """A NOTIFICATION message (RFC 4271 §4.5).

    `communication` is the shutdown communication of RFC 9003 (Cease 2 and 4); `data` is the raw data field.
    """

    code: int
    subcode: int = 0
    data: bytes = b""
    communication: str = ""

    def __str__(self) -> str:
        name, subcodes = _NAMES.get(self.code, (f"error {self.code}", {}))
        text = f"{self.code}/{self.subcode} {name}"
        if self.subcode:
            text += f": {subcodes.get(self.subcode, f'subcode {self.subcode}')}"
        if self.communication:
            text += f' "{self.communication}"'
        return text


@dataclass(frozen=True, slots=True)
class RouteRefresh:
    """A ROUTE-REFRESH message: subtype 0 request (RFC 2918), 1 BoRR, 2 EoRR (RFC 7313)."""

    family: Family
    subtype: int = 0
