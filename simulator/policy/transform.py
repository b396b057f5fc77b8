"""What AS8075 does to a route that it takes: a pure function of path attributes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator.policy.rule import PolicyContext
from simulator.session.messages import Role
from simulator.wire.path_attributes import PathAttributes

MAPS_COMMUNITY = 8075 << 16 | 8007
"""8075:8007, the one community of Microsoft's that a peer is to send."""
GRACEFUL_SHUTDOWN = 0xFFFF0000
"""RFC 8326."""
FROM_PEER = 1
"""The function of the informational large community (RFC 8195 §3): learned from this peer."""


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """Microsoft publishes that it overwrites MED. The simulator chose the value, and everything else here."""

    med: int | None = 0
    """The MED that every route gets; None removes it."""
    local_pref: int = 100
    informational: bool = True
    """Add the large community `<our ASN>:1:<the peer's ASN>`."""


def imported(path: PathAttributes, settings: ImportSettings, context: PolicyContext) -> PathAttributes:
    """The path as Loc-RIB has it.

    MED is overwritten; communities in our own name go (RFC 7454 §11), the MAPS community apart; a peer's graceful
    shutdown makes it the last choice (RFC 8326 §4.2); OTC is set as our role demands (RFC 9234 §5).
    """
    local_as, peer_as = context.local_as, context.peer_as or path.first_as
    communities = tuple(value for value in path.communities if value >> 16 != local_as or value == MAPS_COMMUNITY)
    large = tuple(value for value in path.large_communities if value[0] != local_as)
    if settings.informational and peer_as is not None:
        large += ((local_as, FROM_PEER, peer_as),)
    otc = path.otc
    if otc is None and context.role in (Role.PEER, Role.CUSTOMER, Role.RS_CLIENT):
        otc = peer_as
    return replace(
        path,
        med=settings.med,
        local_pref=0 if GRACEFUL_SHUTDOWN in path.communities else settings.local_pref,
        communities=communities,
        large_communities=large,
        otc=otc,
    )
