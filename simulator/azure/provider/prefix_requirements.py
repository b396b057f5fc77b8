"""Peering Service's requirements on an announced prefix (MAPS), judged from what the sessions really received.

Sources: Microsoft's registered prefix requirements and Peering Service prefix requirements. Both publish what is
required and what a failure is called, not the order of the checks: that of the documents is kept here (simulator).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

from simulator.addresses import IpAddress
from simulator.policy.data.irr import IrrLists
from simulator.policy.rule import AsnTest, PolicyContext
from simulator.policy.rules import RULES
from simulator.wire.path_attributes import PathAttributes

COMMUNITY: Final = "8075:8007"
_NOBODY: Final = PolicyContext(None, "192.0.2.1")
_PRIVATE: Final = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_PATH_RULES: Final = ("maps-as-path-too-long", "maps-private-asn", "maps-prepending")


@dataclass(frozen=True, slots=True)
class PrefixOnSession:
    """What one session holds of a prefix."""

    peer: IpAddress
    edge: str
    path: PathAttributes | None
    """None: the prefix is not announced there."""


def _fires(rule: str) -> Callable[[PathAttributes], bool]:
    build = RULES[rule].attributes
    assert build is not None, "it looks at the path attributes"
    built = build(_NOBODY, RULES[rule].parameters)
    judge = built.judge if isinstance(built, AsnTest) else built
    assert judge is not None, "it needs nothing of the session"
    return lambda path: judge(path, path.asns) is not None


_COMMUNITY_MISSING: Final = _fires("maps-community-missing")
_TOO_LONG, _PRIVATE_ASN, _PREPENDED = (_fires(rule) for rule in _PATH_RULES)


def is_private(prefix: IPv4Network) -> bool:
    """Private address space (RFC 1918)."""
    return any(prefix.subnet_of(block) for block in _PRIVATE)


def registered_prefix_fault(
    prefix: IPv4Network, seen: Sequence[PrefixOnSession], irr: IrrLists | None = None, peer_as: int | None = None
) -> str:
    """The errorMessage of a registered prefix; empty when it is Verified. Raises nothing.

    Microsoft publishes no message for a private prefix and an unregistered origin: those are the simulator's. `irr`
    None: nothing is known of the routing registries, and nothing is asked of them.
    """
    if is_private(prefix):
        return "Prefix is in a private range"
    missing = _missing(seen)
    if missing or not seen:
        return f"Prefix not received from IP: {', '.join(missing) or 'no session'}"
    paths = [each.path for each in seen if each.path is not None]
    if any(map(_COMMUNITY_MISSING, paths)):
        return "Advertisement missing MAPS community"
    if any(_TOO_LONG(path) or _PRIVATE_ASN(path) or _PREPENDED(path) for path in paths):
        return "AS path isn't correct"
    known = irr.allowed_origins(peer_as) if irr is not None else None
    if known is not None and any(path.origin_as not in known for path in paths):
        return "Origin ASN is not registered in a routing registry"
    return ""


def service_prefix_fault(
    prefix: IPv4Network, primary: Sequence[PrefixOnSession], backup: Sequence[PrefixOnSession] | None
) -> str:
    """The errorMessage of a peering service prefix; empty when it is Verified. Raises nothing.

    `primary` and `backup`: the provider's sessions at its two locations; `backup` None where the service names none.
    The published texts have their values left out ("for prefix"): they are filled in here (simulator).
    """
    if len({each.edge for each in primary}) < 2:
        return "Provider has fewer than two sessions in its primary location"
    if backup is not None and not backup:
        return "Provider has no sessions in its backup location"
    seen = [*primary, *(backup or ())]
    missing = _missing(seen)
    if missing:
        return f"Not receiving prefix advertisement from IP {', '.join(missing)} for prefix {prefix}"
    paths = [each.path for each in seen if each.path is not None]
    if any(map(_COMMUNITY_MISSING, paths)):
        return f"Received route for prefix {prefix} should have the MAPS community {COMMUNITY}"
    if any(map(_TOO_LONG, paths)):
        return f"AS path length for prefix should be <=3 for prefix {prefix}"
    if any(map(_PRIVATE_ASN, paths)):
        return f"AS path for prefix {prefix} shouldn't have any private ASN"
    return ""


def _missing(seen: Iterable[PrefixOnSession]) -> list[str]:
    """The peer's addresses that the prefix does not come from, each once."""
    return list(dict.fromkeys(str(each.peer) for each in seen if each.path is None))
