"""What two OPENs agree on, and whether the peer's is acceptable (RFC 4271 §6.2, RFC 5492, RFC 6286, RFC 9234)."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.session.messages import AS_TRANS, Capabilities, ErrorCode, Family, Notification, Open, Role

STANDARD_MESSAGE = 4096
EXTENDED_MESSAGE = 65535
_ROLE = 9


@dataclass(frozen=True, slots=True)
class CapabilityRule:
    """What a session needs of one capability (RFC 5492 §3 leaves that to the speaker)."""

    code: int
    name: str
    source: str
    required: bool
    """Whether an OPEN without it is refused."""
    without: str
    """What follows where the peer's OPEN does not carry it."""


CAPABILITY_RULES: tuple[CapabilityRule, ...] = (
    CapabilityRule(
        1,
        "Multiprotocol, of the session's family",
        "RFC 4760 §8, RFC 5492 §5",
        True,
        "NOTIFICATION 2/7 Unsupported Capability; its data is the capability that is missing: 1, 4, AFI, 0, SAFI. "
        "An OPEN without any capability 1 offers IPv4 unicast",
    ),
    CapabilityRule(2, "Route refresh", "RFC 2918", False, "the peer is not asked to send its routes again"),
    CapabilityRule(6, "Extended message", "RFC 8654 §4", False, "no message longer than 4,096 octets is sent to it"),
    CapabilityRule(
        9,
        "BGP role",
        "RFC 9234 §4.2",
        False,
        "our role alone counts; a role that does not match ours is answered with 2/11",
    ),
    CapabilityRule(64, "Graceful restart", "RFC 7313 §4", False, "its BoRR counts before its End-of-RIB as well"),
    CapabilityRule(
        65, "Four-octet AS number", "RFC 6793 §4", False, "AS_PATH has two octets an ASN, with AS4_PATH beside it"
    ),
    CapabilityRule(
        70,
        "Enhanced route refresh",
        "RFC 7313 §4, §5",
        False,
        "a refresh is answered without BoRR and EoRR; a ROUTE-REFRESH of a wrong length is answered with 1/2, not 7/1",
    ),
)
"""Every capability that means something here. Whatever else an OPEN carries is ignored (RFC 5492 §4)."""


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The result of the OPEN exchange."""

    peer_as: int
    peer_identifier: str
    hold_time: int
    """Seconds, the smaller of both; 0 means no keepalives."""
    families: frozenset[Family]
    asn4: bool
    route_refresh: bool
    enhanced_route_refresh: bool
    message_size: int
    """The largest message that the peer takes, in octets. What we take is what our own OPEN says (RFC 8654 §4)."""
    peer_role: Role | None
    graceful_restart: bool = False
    """The peer's OPEN carries the Graceful Restart capability (RFC 4724)."""

    @property
    def keepalive(self) -> float:
        """Seconds between KEEPALIVEs: a third of the hold time (RFC 4271 §4.4)."""
        return self.hold_time / 3


def message_size(receiver: Capabilities) -> int:
    """The largest message, in octets, that the sender of these capabilities takes (RFC 8654 §4)."""
    return EXTENDED_MESSAGE if receiver.extended_message else STANDARD_MESSAGE


def negotiate(sent: Open, received: Open) -> Negotiated:
    """Combine both OPENs. A family is spoken when both offer it (RFC 4760 §8)."""
    ours, theirs = sent.capabilities, received.capabilities
    return Negotiated(
        peer_as=received.asn,
        peer_identifier=str(received.bgp_identifier),
        hold_time=min(sent.hold_time, received.hold_time),
        families=_common_families(ours, theirs),
        asn4=ours.asn4 and theirs.asn4,
        route_refresh=ours.route_refresh and theirs.route_refresh,
        enhanced_route_refresh=ours.enhanced_route_refresh and theirs.enhanced_route_refresh,
        message_size=message_size(theirs),
        peer_role=theirs.role,
        graceful_restart=theirs.graceful_restart,
    )


def _families(ours: Capabilities) -> frozenset[Family]:
    """What our OPEN offers: without any multiprotocol capability that is IPv4 unicast."""
    return ours.families or frozenset({Family.IPV4})


def _common_families(ours: Capabilities, theirs: Capabilities) -> frozenset[Family]:
    return _families(ours) & theirs.families


_NOBODY = (0, AS_TRANS)
"""No network has these ASNs: RFC 7607 §2, RFC 6793 §9."""
_COMPATIBLE_ROLES = {
    (Role.PROVIDER, Role.CUSTOMER),
    (Role.CUSTOMER, Role.PROVIDER),
    (Role.ROUTE_SERVER, Role.RS_CLIENT),
    (Role.RS_CLIENT, Role.ROUTE_SERVER),
    (Role.PEER, Role.PEER),
}


def judge_open(sent: Open, received: Open, expected_as: int | None) -> tuple[Notification, str] | None:
    """The NOTIFICATION that refuses the peer's OPEN and the reason in words, or None when it is acceptable.

    `expected_as` None accepts any ASN (a speaker that anything may be pointed at).
    """
    code = ErrorCode.OPEN_MESSAGE
    if received.version != 4:
        return Notification(code, 1, b"\x00\x04"), f"BGP version {received.version}, not 4"
    expected = f"AS{expected_as}" if expected_as is not None else "that of a network"
    if received.asn in _NOBODY or (expected_as is not None and received.asn != expected_as):
        return Notification(code, 2), f"the OPEN carries AS{received.asn}, expected {expected}"
    if int(received.bgp_identifier) == 0:
        return Notification(code, 3), "the BGP Identifier is 0.0.0.0"
    if received.bgp_identifier == sent.bgp_identifier and received.asn == sent.asn:
        # RFC 6286 §2.2: equal identifiers are an error only inside one AS; between ASes the ASN breaks the tie.
        return Notification(code, 3), f"the BGP Identifier {received.bgp_identifier} is our own"
    if received.hold_time in (1, 2):
        return Notification(code, 6), f"a hold time of {received.hold_time} s (must be 0 or at least 3)"
    if not _common_families(sent.capabilities, received.capabilities):
        wanted = sorted(_families(sent.capabilities), key=lambda family: family.value)
        missing = b"".join(bytes((1, 4, 0, family.afi, 0, family.safi)) for family in wanted)
        names = " or ".join(family.label for family in wanted)
        return Notification(code, 7, missing), f"no common address family: the OPEN does not offer {names} unicast"
    mismatch = _role_mismatch(sent.capabilities, received.capabilities)
    return (Notification(code, 11), mismatch) if mismatch else None


def _role_mismatch(ours: Capabilities, theirs: Capabilities) -> str:
    """RFC 9234 §4.2: why the roles do not correspond. A role that has no name corresponds to none."""
    unknown = theirs.role is None and _ROLE in theirs.other
    if ours.role is None or (theirs.role is None and not unknown) or (ours.role, theirs.role) in _COMPATIBLE_ROLES:
        return ""
    name = theirs.role.name if theirs.role is not None else "of an unknown value"
    return f"role {name} does not match ours, {ours.role.name} (RFC 9234)"


def we_win_collision(local: Open, remote: Open) -> bool:
    """Whether the connection that *we* dialled is the one to keep (RFC 4271 §6.8; RFC 6286 §2.3 for equal ids)."""
    return (int(local.bgp_identifier), local.asn) > (int(remote.bgp_identifier), remote.asn)
