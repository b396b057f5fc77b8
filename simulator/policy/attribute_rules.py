"""The judges of the rules that look at a path's attributes alone."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import pairwise

from simulator.policy.registries import BOGON_ASNS, DOCUMENTATION_ASNS, PRIVATE_ASNS
from simulator.policy.rule import AsnTest, AttributeJudge, Parameters, PolicyContext
from simulator.session.messages import Role
from simulator.wire.path_attributes import PathAttributes, SegmentKind

ROLES = {
    "provider": Role.PROVIDER,
    "rs": Role.ROUTE_SERVER,
    "rs-client": Role.RS_CLIENT,
    "customer": Role.CUSTOMER,
    "peer": Role.PEER,
}
"""As RFC 9234 names them."""
_SETS = (SegmentKind.SET, SegmentKind.CONFED_SET)
_COMMUNITY = re.compile(r"([0-9]{1,5}):([0-9]{1,5})")
_LINK_LOCAL = 0xFE80 >> 6
"""The first ten bits of fe80::/10."""


def _limit(parameters: Parameters) -> int:
    limit = int(parameters["limit"])
    if limit < 0:
        raise ValueError(f"limit is a number from 0, not {limit}")
    return limit


def path_length(context: PolicyContext, parameters: Parameters) -> AttributeJudge:
    limit = _limit(parameters)

    def judge(path: PathAttributes, asns: tuple[int, ...]) -> str | None:
        # The length that RFC 4271 counts is never above the number of ASNs.
        if len(asns) <= limit or path.path_length <= limit:
            return None
        return f"{path.path_length} ASNs"

    return judge


def empty_path(context: PolicyContext, parameters: Parameters) -> AttributeJudge:
    return lambda path, asns: None if path.as_path else "AS_PATH is empty"


def as_set(context: PolicyContext, parameters: Parameters) -> AttributeJudge:
    def judge(path: PathAttributes, asns: tuple[int, ...]) -> str | None:
        for segment in path.as_path:
            if segment.kind in _SETS:
                return path.as_path_text
        return None

    return judge


def loop(context: PolicyContext, parameters: Parameters) -> AsnTest:
    return _refused(context.local_as)


def _refused(refused: int) -> AsnTest:
    return AsnTest(lambda path, asns: path.as_path_text if refused in asns else None, (range(refused, refused + 1),))


def first_as(context: PolicyContext, parameters: Parameters) -> AttributeJudge | None:
    peer = context.peer_as
    if peer is None:
        return None
    sequence = SegmentKind.SEQUENCE

    def judge(path: PathAttributes, asns: tuple[int, ...]) -> str | None:
        if not asns:
            return None  # another rule's
        if path.as_path[0].kind is not sequence:
            return f"{path.as_path_text}, peer is AS{peer}"
        return None if asns[0] == peer else f"AS{asns[0]}, peer is AS{peer}"

    return judge


def _inside(blocks: tuple[tuple[range, str], ...]) -> Callable[[int], bool]:
    # An ASN is inside a block when an odd number of bounds is not above it.
    bounds = sorted(bound for block, _ in blocks for bound in (block.start, block.stop))
    return lambda asn: bool(bisect_right(bounds, asn) & 1)


def bogon_asn(context: PolicyContext, parameters: Parameters) -> AsnTest:
    blocks = BOGON_ASNS + (DOCUMENTATION_ASNS if parameters["documentation"] else ())
    inside = _inside(blocks)

    def judge(path: PathAttributes, asns: tuple[int, ...]) -> str | None:
        for asn in asns:
            if inside(asn):
                return f"AS{asn}, {next(label for block, label in blocks if asn in block)}"
        return None

    return AsnTest(judge, tuple(block for block, _ in blocks))


def refused_asn(context: PolicyContext, parameters: Parameters) -> AsnTest:
    return _refused(int(parameters["asn"]))


def transit_free(context: PolicyContext, parameters: Parameters) -> AsnTest:
    refused = frozenset(parameters["asns"])
    peer = context.peer_as

    def judge(path: PathAttributes, asns: tuple[int, ...]) -> str | None:
        if refused.isdisjoint(asns):
            return None
        # A peer that is such a network itself stands first, as often as it prepends.
        first = asns[0] if peer is None else peer
        own = True
        for asn in asns:
            own = own and asn == first
            if asn in refused and not own:
                return f"AS{asn} in {path.as_path_text}"
        return None

    return AsnTest(judge, tuple(range(asn, asn + 1) for asn in sorted(refused)))


def next_hop(context: PolicyContext, parameters: Parameters) -> AttributeJudge | None:
    allowed = ip_address(context.peer_address)
    carried = ip_address(context.carried_address) if context.carried_address else allowed
    if not parameters["lan"]:
        return _only(allowed, carried)
    lan = [network for network in map(ip_network, context.lan) if network.version == allowed.version]
    if not lan:
        return None

    def judge(path: PathAttributes, asns: tuple[int, ...]) -> str | None:
        hop = path.next_hop
        if hop is not None and (hop == carried != allowed or any(hop in network for network in lan)):
            return None
        return f"{hop}, the exchange LAN is {', '.join(map(str, lan))}"

    return judge


def _only(allowed: IPv4Address | IPv6Address, carried: IPv4Address | IPv6Address) -> AttributeJudge:
    passed = allowed
    """Addresses are slow to compare, and equal octets are decoded to the same object over and over."""

    def judge(path: PathAttributes, asns: tuple[int, ...]) -> str | None:
        nonlocal passed
        hop = path.next_hop
        if hop is passed:
            return None
        if hop is None or hop not in (allowed, carried):
            return f"{hop}, peer is {allowed}"
        passed = hop
        return None

    return judge


def link_local_next_hop(context: PolicyContext, parameters: Parameters) -> AttributeJudge | None:
    if ip_address(context.peer_address).version == 4:
        return None

    def judge(path: PathAttributes, asns: tuple[int, ...]) -> str | None:
        hop = path.next_hop
        if hop is None or hop.version == 4:
            return str(path.link_local) if path.link_local is not None else None
        number = int(hop)
        if not number:
            return f"{hop} and {path.link_local}" if path.link_local is not None else str(hop)
        return str(hop) if number >> 118 == _LINK_LOCAL else None

    return judge


def otc(context: PolicyContext, parameters: Parameters) -> AttributeJudge | None:
    name = parameters["role"]
    if name not in ROLES:
        raise ValueError(f"role is one of {', '.join(ROLES)}, not {name!r}")
    role = ROLES[name] if context.role is None else context.role
    peer = context.peer_as
    if role in (Role.CUSTOMER, Role.RS_CLIENT):
        return None  # a provider of ours may send us routes that are for customers only
    if role is not Role.PEER:
        return lambda path, asns: None if path.otc is None else f"OTC AS{path.otc} from a {_CLIENTS[role]}"

    def judge(path: PathAttributes, asns: tuple[int, ...]) -> str | None:
        if path.otc is None:
            return None
        expected = peer if peer is not None else path.first_as
        return None if path.otc == expected else f"OTC AS{path.otc}, peer is AS{expected}"

    return judge


_CLIENTS = {Role.PROVIDER: "customer", Role.ROUTE_SERVER: "route server client"}


def many_communities(context: PolicyContext, parameters: Parameters) -> AttributeJudge:
    limit = _limit(parameters)

    def judge(path: PathAttributes, asns: tuple[int, ...]) -> str | None:
        count = len(path.communities) + len(path.extended_communities) + len(path.large_communities)
        return f"{count} communities" if count > limit else None

    return judge


def community_missing(context: PolicyContext, parameters: Parameters) -> AttributeJudge:
    text = parameters["community"]
    found = _COMMUNITY.fullmatch(text)
    if found is None or max(int(found[1]), int(found[2])) > 0xFFFF:
        raise ValueError(f"community is written as 8075:8007, not {text!r}")
    wanted = int(found[1]) << 16 | int(found[2])

    def judge(path: PathAttributes, asns: tuple[int, ...]) -> str | None:
        if wanted in path.communities:
            return None
        return f"{text} is not in {' '.join(path.communities_text)}" if path.communities else f"no community {text}"

    return judge


def private_asn(context: PolicyContext, parameters: Parameters) -> AsnTest:
    inside = _inside(PRIVATE_ASNS)

    def judge(path: PathAttributes, asns: tuple[int, ...]) -> str | None:
        for asn in asns:
            if inside(asn):
                return f"AS{asn}"
        return None

    return AsnTest(judge, tuple(block for block, _ in PRIVATE_ASNS))


def prepending(context: PolicyContext, parameters: Parameters) -> AttributeJudge:
    def judge(path: PathAttributes, asns: tuple[int, ...]) -> str | None:
        for left, right in pairwise(asns):
            if left == right:
                return f"AS{left} twice in {path.as_path_text}"
        return None

    return judge


def _origin_judge(allowed: frozenset[int] | None, where: str) -> AttributeJudge | None:
    if allowed is None:
        return None

    def judge(path: PathAttributes, asns: tuple[int, ...]) -> str | None:
        origin = path.origin_as
        if origin in allowed:
            return None
        return f"no origin AS in {path.as_path_text or 'an empty path'}" if origin is None else f"AS{origin} {where}"

    return judge


def irr_origin(context: PolicyContext, parameters: Parameters) -> AttributeJudge | None:
    irr = context.data.irr
    return _origin_judge(irr.allowed_origins(context.peer_as) if irr else None, "is not in the peer's as-set")


def registered_origin(context: PolicyContext, parameters: Parameters) -> AttributeJudge | None:
    return _origin_judge(context.data.registered_asns, "is not registered")
