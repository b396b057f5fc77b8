"""The configuration that a speaker gets and the events that it gives: plain data, as between two processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from simulator.addresses import IpAddress
from simulator.gate import Withheld
from simulator.places.endpoint import Endpoint
from simulator.policy.max_prefix import Level, MaxPrefix
from simulator.policy.policy import Policy
from simulator.policy.verdict import Hits
from simulator.rib.attribute_set import AttributeSet
from simulator.session.config import SessionTimes
from simulator.session.messages import Capabilities, Family, Notification, Open, Role
from simulator.session.outputs import BgpTransition, NotificationSeen
from simulator.views.session import Cut
from simulator.wire.update_faults import ErrorHandling

NO_HITS: Mapping[bytes, Hits] = {}


@dataclass(frozen=True, slots=True)
class NeighborConfig:
    """One session that a speaker is to have."""

    id: str
    local_as: int
    router_id: str
    local_address: IpAddress
    """This side's address as its peer knows it. Unspecified (0.0.0.0, ::): that of whatever connection there is."""
    peer_address: IpAddress
    peer_as: int | None
    local: Endpoint
    """Where this side listens and dials from. The port is that of a listener that is already open."""
    remote: Endpoint | None
    """Where to dial; None: wait for the peer."""
    gated: bool = True
    """False only for a simulated peer's router: the gate is Microsoft's."""
    policy: Policy | None = None
    """Judges what is received; None accepts everything."""
    role: Role | None = None
    """Our RFC 9234 role: in the OPEN, and for OTC on what is sent."""
    md5: str | None = field(default=None, repr=False)
    gtsm: bool = False
    hold_time: int = 90
    dial: bool = True
    dial_first: bool = True
    times: SessionTimes = field(default_factory=SessionTimes)
    max_prefix: MaxPrefix | None = None
    """How many prefixes the peer may announce; None: any number."""
    next_hop: IpAddress | None = None
    """Of what this side announces; its address where None."""

    @property
    def own_next_hop(self) -> IpAddress:
        return self.next_hop or self.local_address

    @property
    def family(self) -> Family:
        return Family.IPV4 if self.local_address.version == 4 else Family.IPV6

    def met(self, peer_as: int, local: IpAddress | None) -> NeighborConfig:
        """What was left open is known once the session is up: the ASN of the peer's OPEN, our end of the connection."""
        anybody, anywhere = self.peer_as is None, local is not None and self.local_address.is_unspecified
        if not anybody and not anywhere:
            return self
        return replace(
            self,
            peer_as=peer_as,
            policy=self.policy.of_peer(peer_as) if self.policy is not None and anybody else self.policy,
            local_address=local if local is not None and anywhere else self.local_address,
        )

    def open_message(self) -> Open:
        """The OPEN of this side."""
        from ipaddress import IPv4Address

        capabilities = Capabilities(families=frozenset({self.family}), role=self.role)
        return Open(self.local_as, self.hold_time, IPv4Address(self.router_id), capabilities)


@dataclass(frozen=True, slots=True)
class BgpStateChanged:
    """The BGP FSM of a session moved."""

    session: str
    transition: BgpTransition


@dataclass(frozen=True, slots=True)
class NotificationExchanged:
    """A NOTIFICATION was sent or received."""

    session: str
    seen: NotificationSeen


# There are two events an UPDATE under DENY ALL. A named tuple is made in less than half the time of a frozen class.
class RoutesAnnounced(NamedTuple):
    """The peer announced routes with these attributes."""

    session: str
    time: float
    family: Family
    keys: tuple[bytes, ...]
    attributes: AttributeSet
    added: int
    """How many of them the peer had not announced before: the others replace a route."""
    hits: Mapping[bytes, Hits] = NO_HITS
    """The rules about prefixes that reject some of them; those about attributes are in `attributes.hits`."""

    def hits_of(self, key: bytes) -> Hits:
        """Every rule that rejects one of these routes."""
        return self.hits.get(key, ()) + self.attributes.hits


@dataclass(frozen=True, slots=True)
class RoutesWithdrawn:
    """The peer withdrew routes (or announced them malformed: RFC 7606 treat-as-withdraw)."""

    session: str
    time: float
    family: Family
    keys: tuple[bytes, ...]
    malformed: str = ""


@dataclass(frozen=True, slots=True)
class MalformedUpdate:
    """One defect of an UPDATE and what RFC 7606 makes of it; its §6 asks for the whole message and the prefixes."""

    session: str
    time: float
    family: Family | None
    """The session's, or that of an incorrect MP attribute; None when that is one that nothing here speaks."""
    outcome: ErrorHandling
    attribute: int | None
    """Type code; None when the defect is not in an attribute."""
    reason: str
    clause: str
    octets: bytes
    """The attribute, field or block as received."""
    update: bytes
    """The body of the whole UPDATE."""
    keys: tuple[bytes, ...] = ()
    """What it announced of the session's family, where that can be read."""


@dataclass(frozen=True, slots=True)
class PrefixLimit:
    """The peer's prefixes came to lie above the warning threshold or the limit of the session."""

    session: str
    time: float
    level: Level
    count: int
    rule: MaxPrefix


@dataclass(frozen=True, slots=True)
class EndOfRib:
    """The peer has sent all it has (RFC 4724 §2)."""

    session: str
    time: float
    family: Family


@dataclass(frozen=True, slots=True)
class MessageIgnored:
    """A message that an RFC has us read and ignore, and log."""

    session: str
    time: float
    reason: str


class GateWithheld(NamedTuple):
    """The gate held NLRI back."""

    session: str
    withheld: Withheld


@dataclass(frozen=True, slots=True)
class GateMoved:
    """The gate of a session opened or shut."""

    session: str
    time: float
    is_open: bool
    sent: int
    """NLRI that the lift lets go, or that the re-deny withdraws."""
    taken: int
    """Routes that entered, or left, Loc-RIB."""
    cut: Cut | None = None
    """The re-deny had to reset the session."""


@dataclass(frozen=True, slots=True)
class PolicyApplied:
    """Another policy, or other data, was applied to a running session: what the peer had announced was judged again."""

    session: str
    time: float
    refused: int
    """Routes that were acceptable and are not any more."""
    accepted: int
    """Routes that have become acceptable."""


@dataclass(frozen=True, slots=True)
class UnknownPeer:
    """Somebody called who is not configured; it got a Cease."""

    speaker: str
    time: float
    address: str
    count: int = 1
    """Calls that this tells of."""


@dataclass(frozen=True, slots=True)
class CallerRefused:
    """A peer of ours called when its connection is not wanted."""

    session: str
    time: float
    address: str
    why: str
    again: float | None
    """When it will be heard; None where that is no matter of time."""
    count: int = 1
    """Calls that this tells of."""


SpeakerEvent = (
    BgpStateChanged
    | NotificationExchanged
    | RoutesAnnounced
    | RoutesWithdrawn
    | MalformedUpdate
    | PrefixLimit
    | EndOfRib
    | MessageIgnored
    | GateWithheld
    | GateMoved
    | PolicyApplied
    | UnknownPeer
    | CallerRefused
)


def cease(subcode: int, communication: str = "") -> Notification:
    """A Cease with a shutdown communication (RFC 4486, RFC 9003)."""
    return Notification(6, subcode, b"", communication)
