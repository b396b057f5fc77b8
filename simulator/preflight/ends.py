"""One session as one side has it configured, and what came of comparing the two sides. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from simulator.addresses import IpAddress
from simulator.session.messages import Family


class Fit(Enum):
    """How well two sides' configurations fit. The names are Batfish's (`bgpSessionCompatibility`)."""

    UNIQUE_MATCH = "exactly one session of the router fits"
    DYNAMIC_MATCH = "the router takes this session in a range of addresses"
    NO_MATCH_FOUND = "the router takes sessions in a range of addresses, and this one does not fit it"
    MULTIPLE_REMOTES = "several sessions of the router fit"
    HALF_OPEN = "the router has no session that fits"
    UNKNOWN_REMOTE = "the router's session is with an address that nobody has"
    INVALID_LOCAL_IP = "the router calls from an address that is on none of its interfaces"
    LOCAL_IP_UNKNOWN_STATICALLY = "a multihop session without an address to call from"
    """It comes up all the same where the way to the other side is the link's: then the address there is taken."""
    NO_LOCAL_AS = "the router's session has no AS of its own"
    NO_REMOTE_AS = "the router's session has no AS of the other side"
    NOT_READ = "the router's configuration could not be read"
    """Of ours: Batfish has no such row."""

    @property
    def fits(self) -> bool:
        """Such a session can come up, where nothing else is wrong with it."""
        return self in (Fit.UNIQUE_MATCH, Fit.DYNAMIC_MATCH, Fit.LOCAL_IP_UNKNOWN_STATICALLY)


class Matter(Enum):
    """What two sides can have configured differently."""

    ADDRESS = "neighbor address"
    LOCAL_ADDRESS = "source address"
    LOCAL_AS = "AS of the router"
    REMOTE_AS = "AS of Microsoft"
    FAMILY = "address family"
    MD5 = "MD5 key"
    GTSM = "GTSM"
    HOLD_TIME = "hold time"
    PASSIVE = "both sides only listen"
    SHUTDOWN = "shut down"
    INTERFACE = "interface"
    VRF = "VRF"


@dataclass(frozen=True, slots=True)
class RouterEnd:
    """One session as the peer's router has it configured. None: its configuration does not say, which fits anything."""

    remote_address: IpAddress | None
    dynamic: bool = False
    """The remote address is one of a range."""
    local_address: IpAddress | None = None
    local_as: int | None = None
    remote_as: int | None = None
    any_remote_as: bool = False
    """It takes whatever AS the other side is in."""
    multihop: bool = False
    family: bool | None = None
    """It has the session's family."""
    md5: str | None = None
    """The key; empty for none."""
    md5_hidden: bool = False
    """There is a key, and it cannot be compared."""
    gtsm: bool | None = None
    hold_time: int | None = None
    passive: bool = False
    shut_down: bool = False
    several: bool = False
    """The configuration has the session more than once."""
    outside: str = ""
    """Of a range: it, where Microsoft's address is not in it."""
    places: dict[Matter, str] = field(default_factory=dict)
    """`file:line` of what the user's own file says."""


@dataclass(frozen=True, slots=True)
class AgreedEnd:
    """The same session as it was agreed, seen from the router: what the edge is configured with."""

    edge_address: IpAddress
    router_address: IpAddress
    router_addresses: frozenset[IpAddress]
    """All that the router has on its interfaces towards Microsoft."""
    microsoft_as: int
    peer_as: int
    family: Family
    md5: str = ""
    gtsm: bool = False
    hold_time: int = 180
    """The edge's own, in seconds."""
    passive: bool = False


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that the two sides have configured differently."""

    matter: Matter
    agreed: str
    found: str
    place: str = ""
    """`file:line` of the user's own file; empty where there is no such line."""
    breaks: bool = True
    """The session does not come up so; otherwise it does, and bites later."""

    def __str__(self) -> str:
        where = f" ({self.place})" if self.place else ""
        return f"{self.matter.value}: agreed {self.agreed}, the router has {self.found}{where}"


@dataclass(frozen=True, slots=True)
class PreflightRow:
    """One session, both sides compared."""

    session: str
    connection: str
    peering: str
    peer: str
    router: str
    """The kind of the peer's router."""
    edge_address: str
    router_address: str
    fit: Fit
    mismatches: tuple[Mismatch, ...] = ()
    source: str = ""
    """Where the router's side was read: its user's file, the topology."""
    notes: tuple[str, ...] = ()
    """What else was seen: the daemon's own words about the file, or why it could not be asked."""

    @property
    def comes_up(self) -> bool:
        """As far as the configurations tell."""
        return self.fit.fits and not any(each.breaks for each in self.mismatches)

    @property
    def fine(self) -> bool:
        """Nothing differs at all."""
        return self.fit.fits and not self.mismatches
