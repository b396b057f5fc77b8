"""What two OPENs agree on, and whether the peer's is acceptable (RFC 4271 §6.2, RFC 5492, RFC 6286, RFC 9234)."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.session.messages import Capabilities, ErrorCode, Family, Notification, Open, Role

STANDARD_MESSAGE = 4096
EXTENDED_MESSAGE = 65535
_ROLE_CAPABILITY = 9


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
    """The largest UPDATE, in octets."""
    peer_role: Role | None

    @property
    def keepalive(self) -> float:
        """Seconds between KEEPALIVEs: a third of the hold time (RFC 4271 §4.4)."""
        return self.hold_time / 3


def negotiate(sent: Open, received: Open) -> Negotiated:
    """Combine both OPENs. A family is spoken when both offer it (RFC 4760 §8)."""
    ours, theirs = sent.capabilities, received.capabilities
    return Negotiated(
        peer_as=received.asn,
        peer_identifier=str(received.bgp_identifier),
        hold_time=min(sent.hold_time, received.hold_time),
        families=(ours.families or frozenset({Family.IPV4})) & theirs.families,
        asn4=ours.asn4 and theirs.asn4,
        route_refresh=ours.route_refresh and theirs.route_refresh,
        enhanced_route_refresh=ours.enhanced_route_refresh and theirs.enhanced_route_refresh,
        message_size=EXTENDED_MESSAGE if ours.extended_message and theirs.extended_message else STANDARD_MESSAGE,
        peer_role=theirs.role,
    )


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
    if received.asn == 0 or (expected_as is not None and received.asn != expected_as):
        return Notification(code, 2), f"the OPEN carries AS{received.asn}, expected AS{expected_as or 'any but 0'}"
    if int(received.bgp_identifier) == 0:
        return Notification(code, 3), "the BGP Identifier is 0.0.0.0"
    if received.bgp_identifier == sent.bgp_identifier and received.asn == sent.asn:
        # RFC 6286 §2.2: equal identifiers are an error only inside one AS; between ASes the ASN breaks the tie.
        return Notification(code, 3), f"the BGP Identifier {received.bgp_identifier} is our own"
    if received.hold_time in (1, 2):
        return Notification(code, 6), f"a hold time of {received.hold_time} s (must be 0 or at least 3)"
    mismatch = _role_mismatch(sent.capabilities, received.capabilities)
    return (Notification(code, 11), mismatch) if mismatch else None


def _role_mismatch(ours: Capabilities, theirs: Capabilities) -> str:
    """RFC 9234 §4.2: why the roles do not correspond. A role that has no name corresponds to none."""
    unknown = theirs.role is None and _ROLE_CAPABILITY in theirs.other
    if ours.role is None or (theirs.role is None and not unknown) or (ours.role, theirs.role) in _COMPATIBLE_ROLES:
        return ""
    name = theirs.role.name if theirs.role is not None else "of an unknown value"
    return f"role {name} does not match ours, {ours.role.name} (RFC 9234)"


def we_win_collision(local: Open, remote: Open) -> bool:
    """Whether the connection that *we* dialled is the one to keep (RFC 4271 §6.8; RFC 6286 §2.3 for equal ids)."""
    return (int(local.bgp_identifier), local.asn) > (int(remote.bgp_identifier), remote.asn)
