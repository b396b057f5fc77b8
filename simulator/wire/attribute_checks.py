"""What each path attribute must look like before its value is decoded: the table behind the RFC 7606 verdict.

ExaBGP hands on several of these as valid (an ORIGIN of two octets, an empty AS_PATH segment), so the raw octets are
checked first: one row of `CHECKS` for each attribute. MP_REACH_NLRI and MP_UNREACH_NLRI are judged in `update`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from simulator.counts import count_of
from simulator.wire.attribute_block import cut, value_of
from simulator.wire.update_faults import ErrorHandling


class AttributeCode(IntEnum):
    """Path attribute type codes that are judged here."""

    ORIGIN = 1
    AS_PATH = 2
    NEXT_HOP = 3
    MULTI_EXIT_DISC = 4
    LOCAL_PREF = 5
    ATOMIC_AGGREGATE = 6
    AGGREGATOR = 7
    COMMUNITIES = 8
    ORIGINATOR_ID = 9
    CLUSTER_LIST = 10
    MP_REACH_NLRI = 14
    MP_UNREACH_NLRI = 15
    EXTENDED_COMMUNITIES = 16
    AS4_PATH = 17
    AS4_AGGREGATOR = 18
    PMSI_TUNNEL = 22
    TUNNEL_ENCAPSULATION = 23
    TRAFFIC_ENGINEERING = 24
    IPV6_EXTENDED_COMMUNITIES = 25
    AIGP = 26
    LARGE_COMMUNITIES = 32
    ONLY_TO_CUSTOMER = 35
    PREFIX_SID = 40
    ATTR_SET = 128


OPTIONAL: Final = 0x80
TRANSITIVE: Final = 0x40
PARTIAL: Final = 0x20
CONFEDERATION: Final = (3, 4)
"""AS_PATH segment types of RFC 5065."""


class SessionAddresses(NamedTuple):
    """The packed addresses of a session; empty: not known."""

    peer: bytes = b""
    """A usable next hop even where it is a loopback address."""
    own: bytes = b""
    """Never a next hop for ourselves."""


class CheckContext(NamedTuple):
    """The facts about the session and the UPDATE that a check needs."""

    asn4: bool
    external: bool
    next_hop_counts: bool = False
    """There is NLRI in the NLRI field, so NEXT_HOP is used; RFC 4760 §3 ignores it otherwise."""
    addresses: SessionAddresses = SessionAddresses()


class Defect(NamedTuple):
    """What is wrong with a value; clause and NOTIFICATION subcode when they are not the row's."""

    reason: str
    clause: str = ""
    subcode: int = 0


@dataclass(frozen=True, slots=True)
class AttributeCheck:
    """One attribute: its flags, the check of its value, and how a defect of the value is handled."""

    name: str
    flags: int
    clause: str
    verdict: Callable[[bytes, CheckContext], Defect | None]
    outcome: ErrorHandling = ErrorHandling.TREAT_AS_WITHDRAW
    subcode: int = 5
    may_be_empty: bool = False

    def passes(self, value: bytes, side: CheckContext) -> bool:
        """Whether there is nothing wrong with the value."""
        return bool(value or self.may_be_empty) and self.verdict(value, side) is None


def _exactly(size: int) -> Callable[[bytes, CheckContext], Defect | None]:
    def verdict(value: bytes, side: CheckContext) -> Defect | None:
        return None if len(value) == size else Defect(f"{count_of(len(value), 'octet')} instead of {size}")

    return verdict


def _at_least(size: int) -> Callable[[bytes, CheckContext], Defect | None]:
    def verdict(value: bytes, side: CheckContext) -> Defect | None:
        return None if len(value) >= size else Defect(f"{count_of(len(value), 'octet')}, less than {size}")

    return verdict


def _multiple_of(size: int) -> Callable[[bytes, CheckContext], Defect | None]:
    def verdict(value: bytes, side: CheckContext) -> Defect | None:
        return Defect(f"{count_of(len(value), 'octet')}, not a multiple of {size}") if len(value) % size else None

    return verdict


def _origin(value: bytes, side: CheckContext) -> Defect | None:
    if len(value) != 1:
        return Defect(f"{count_of(len(value), 'octet')} instead of 1")
    return None if value[0] <= 2 else Defect(f"undefined value {value[0]}", subcode=6)


_SEQUENCE: Final = 2
_ZEROS: Final = {2: bytes(2), 4: bytes(4)}
_AS_ZERO: Final = "RFC 7607 §2"


def _segments(value: bytes, width: int, external: bool) -> Defect | None:
    """Segment type, overrun, underrun, no empty segment, no AS 0."""
    offset, total = 0, len(value)
    zero = _ZEROS[width]
    suspect = zero in value
    if total > 2 and value[0] == _SEQUENCE and value[1] * width == total - 2 and not suspect:
        return None  # one sequence, as nearly every path is
    while offset < total:
        kind = value[offset]
        if not 1 <= kind <= 4:
            return Defect(f"unknown segment type {kind}")
        if offset + 2 > total:
            return Defect("a segment without a length")
        count = value[offset + 1]
        if not count:
            return Defect("an empty segment")
        start = offset + 2
        offset = start + count * width
        if offset > total:
            return Defect("a segment runs past the attribute")
        if external and kind in CONFEDERATION:
            return Defect("a confederation segment from an external peer", "RFC 5065 §5, RFC 7606 §3 e")
        if suspect and any(value[at : at + width] == zero for at in range(start, offset, width)):
            return Defect("AS 0", _AS_ZERO)
    return None


def _as_path(value: bytes, side: CheckContext) -> Defect | None:
    return _segments(value, 4 if side.asn4 else 2, side.external)


def _as4_path(value: bytes, side: CheckContext) -> Defect | None:
    return _segments(value, 4, False)


def _aggregator(width: int) -> Callable[[bytes, CheckContext], Defect | None]:
    def verdict(value: bytes, side: CheckContext) -> Defect | None:
        size = width or (4 if side.asn4 else 2)
        if len(value) != size + 4:
            return Defect(f"{count_of(len(value), 'octet')} instead of {size + 4}")
        return None if any(value[:size]) else Defect("AS 0", _AS_ZERO)

    return verdict


def unusable_next_hop(address: bytes, addresses: SessionAddresses) -> str:
    """Why these 4 or 16 octets cannot be used as a next hop (RFC 4271 §6.3), empty when they can."""
    if address == addresses.peer:
        return ""
    if address == addresses.own:
        reason = "our own address"
    elif len(address) == 4:
        # 0/8, 127/8, multicast and what lies beyond it.
        reason = "" if 0 < address[0] < 224 and address[0] != 127 else "no host address"
    else:
        # Multicast, the unspecified address and the loopback address.
        reason = "no host address" if address[0] == 0xFF or (address[:15] == bytes(15) and address[15] <= 1) else ""
    return reason and f"{IPv4Address(address) if len(address) == 4 else IPv6Address(address)} is {reason}"


def _next_hop(value: bytes, side: CheckContext) -> Defect | None:
    if len(value) != 4:
        return Defect(f"{count_of(len(value), 'octet')} instead of 4")
    if side.next_hop_counts and (reason := unusable_next_hop(value, side.addresses)):
        return Defect(reason, "RFC 4271 §6.3, RFC 7606 §3 e", 8)
    return None


_COMPOSITE: Final = 0x80
_COMPOSITE_LABEL: Final = 3
_SOURCE_AND_GROUP: Final = (8, 32)
_PMSI_TUNNELS: Final[dict[int, tuple[int, ...]]] = {
    0x00: (),  # no tunnel: the identifier is ignored
    0x01: (12, 24),  # RSVP-TE P2MP LSP: a session object's address, tunnel and P2MP id
    0x02: (),  # mLDP P2MP LSP: a FEC element
    0x03: _SOURCE_AND_GROUP,  # PIM-SSM
    0x04: _SOURCE_AND_GROUP,  # PIM-SM
    0x05: _SOURCE_AND_GROUP,  # BIDIR-PIM
    0x06: (4, 16),  # ingress replication: an address
    0x07: (),  # mLDP MP2MP LSP
    0x08: (),  # transport tunnel (RFC 7524)
    0x0A: (),  # assisted replication (RFC 9574)
    0x0B: (),  # BIER (RFC 8556)
    0x0C: (),  # SR-MPLS P2MP tree
    0x0D: (),  # SRv6 P2MP tree
    **dict.fromkeys(range(0x7B, 0x7F), ()),  # experiments (RFC 7385)
    **dict.fromkeys(range(0xFB, 0xFF), ()),  # experiments with composite tunnels (RFC 8317)
    0xFF: (),  # wildcard (RFC 8338)
}
"""IANA's tunnel types, each with the possible lengths of its identifier; empty: any length."""
_MLDP: Final = (0x02, 0x07)
_NOT_COMPOSITE: Final = (0x00, 0x06)
"""No tunnel and ingress replication cannot stand beside an ingress replication tunnel (RFC 8317 §5.2)."""


def _pmsi_tunnel(value: bytes, side: CheckContext) -> Defect | None:
    """Malformed: an undefined tunnel type, or an identifier that cannot be one of its type."""
    if len(value) < 5:
        return Defect(f"{count_of(len(value), 'octet')}, less than 5")
    kind, identifier = value[1], value[5:]
    if kind not in _PMSI_TUNNELS and kind & _COMPOSITE:
        base = kind & ~_COMPOSITE
        if base in _NOT_COMPOSITE:
            return Defect(f"tunnel type {base} as a composite tunnel")
        if base in _PMSI_TUNNELS and len(identifier) < _COMPOSITE_LABEL:
            return Defect("a composite tunnel without its label")
        kind, identifier = base, identifier[_COMPOSITE_LABEL:]
    sizes = _PMSI_TUNNELS.get(kind)
    if sizes is None:
        return Defect(f"undefined tunnel type {value[1]}")
    if sizes and len(identifier) not in sizes:
        return Defect(
            f"a tunnel identifier of {count_of(len(identifier), 'octet')} instead of {' or '.join(map(str, sizes))}"
        )
    if kind in _MLDP and not _is_mldp(identifier):
        return Defect("a tunnel identifier that is no FEC element")
    return None


_ROOTS: Final = ((1, 4), (2, 16))
"""Address families of an mLDP root, and how long their addresses are."""


def _is_mldp(value: bytes) -> bool:
    """A P2MP or MP2MP FEC element (RFC 6388 §2.2): type, address family, root, opaque value, each with its length."""
    if len(value) < 4 or (int.from_bytes(value[1:3], "big"), value[3]) not in _ROOTS:
        return False
    opaque = 4 + value[3]
    return len(value) >= opaque + 2 and len(value) == opaque + 2 + int.from_bytes(value[opaque : opaque + 2], "big")


def _tlvs(value: bytes, *, inclusive: bool) -> list[tuple[int, bytes]] | None:
    """(type, value), one octet of type and two of length, which may count these three; None when one runs too far."""
    found, offset = [], 0
    while offset < len(value):
        start = offset + 3
        end = start + int.from_bytes(value[offset + 1 : start], "big") - (3 if inclusive else 0)
        if end < start or end > len(value):
            return None
        found.append((value[offset], value[start:end]))
        offset = end
    return found


def _tunnel_encapsulation(value: bytes, side: CheckContext) -> Defect | None:
    """Every TLV ends where its last sub-TLV ends; types that nobody knows are no defect."""
    offset = 0
    while offset < len(value):
        start = offset + 4
        end = start + int.from_bytes(value[offset + 2 : start], "big")
        if end > len(value):
            return Defect("a tunnel TLV runs past the attribute")
        while start < end:
            # Sub-TLV types from 128 have a length of two octets.
            header = 3 if value[start] & 0x80 else 2
            start += header + int.from_bytes(value[start + 1 : start + header], "big")
        if start != end:
            return Defect("a sub-TLV runs past its tunnel TLV")
        offset = end
    return None


def _aigp(value: bytes, side: CheckContext) -> Defect | None:
    tlvs = _tlvs(value, inclusive=True)
    if tlvs is None:
        return Defect("a TLV runs past the attribute")
    metric = next((part for kind, part in tlvs if kind == 1), None)
    return Defect("an AIGP TLV that is not 11 octets long") if metric is not None and len(metric) != 8 else None


def _prefix_sid(value: bytes, side: CheckContext) -> Defect | None:
    return Defect("a TLV runs past the attribute") if _tlvs(value, inclusive=False) is None else None


def _attr_set(value: bytes, side: CheckContext) -> Defect | None:
    if len(value) < 4:
        return Defect(f"{count_of(len(value), 'octet')}, less than 4")
    inner = CheckContext(asn4=True, external=False)
    attributes, rest = cut(value[4:])
    for attribute in attributes:
        flags, code, part = attribute[0], attribute[1], value_of(attribute)
        if code in (AttributeCode.MP_REACH_NLRI, AttributeCode.MP_UNREACH_NLRI):
            return Defect(f"attribute {code} is inside")
        check = CHECKS.get(code)
        # One inside another is left alone: a message has room for thousands of levels.
        if check is not None and code != AttributeCode.ATTR_SET:
            if (flags ^ check.flags) & (OPTIONAL | TRANSITIVE):
                return Defect(f"{check.name} inside has flags 0x{flags:02x}")
            if (not part and not check.may_be_empty) or check.verdict(part, inner):
                return Defect(f"{check.name} inside is malformed")
    if rest:
        return Defect("an attribute inside runs past it")
    return None


_WELL_KNOWN: Final = TRANSITIVE
_BOTH: Final = OPTIONAL | TRANSITIVE
_DISCARD: Final = ErrorHandling.DISCARD

CHECKS: Final[dict[int, AttributeCheck]] = {
    AttributeCode.ORIGIN: AttributeCheck("ORIGIN", _WELL_KNOWN, "RFC 7606 §7.1", _origin),
    AttributeCode.AS_PATH: AttributeCheck(
        "AS_PATH", _WELL_KNOWN, "RFC 7606 §7.2", _as_path, subcode=11, may_be_empty=True
    ),
    AttributeCode.NEXT_HOP: AttributeCheck("NEXT_HOP", _WELL_KNOWN, "RFC 7606 §7.3", _next_hop),
    AttributeCode.MULTI_EXIT_DISC: AttributeCheck("MULTI_EXIT_DISC", OPTIONAL, "RFC 7606 §7.4", _exactly(4)),
    AttributeCode.LOCAL_PREF: AttributeCheck("LOCAL_PREF", _WELL_KNOWN, "RFC 7606 §7.5", _exactly(4)),
    AttributeCode.ATOMIC_AGGREGATE: AttributeCheck(
        "ATOMIC_AGGREGATE", _WELL_KNOWN, "RFC 7606 §7.6", _exactly(0), _DISCARD, may_be_empty=True
    ),
    AttributeCode.AGGREGATOR: AttributeCheck("AGGREGATOR", _BOTH, "RFC 7606 §7.7", _aggregator(0), _DISCARD),
    AttributeCode.COMMUNITIES: AttributeCheck("COMMUNITIES", _BOTH, "RFC 7606 §7.8", _multiple_of(4)),
    AttributeCode.ORIGINATOR_ID: AttributeCheck("ORIGINATOR_ID", OPTIONAL, "RFC 7606 §7.9", _exactly(4)),
    AttributeCode.CLUSTER_LIST: AttributeCheck("CLUSTER_LIST", OPTIONAL, "RFC 7606 §7.10", _multiple_of(4)),
    AttributeCode.EXTENDED_COMMUNITIES: AttributeCheck(
        "EXTENDED_COMMUNITIES", _BOTH, "RFC 7606 §7.14", _multiple_of(8)
    ),
    AttributeCode.AS4_PATH: AttributeCheck("AS4_PATH", _BOTH, "RFC 6793 §6", _as4_path, _DISCARD),
    AttributeCode.AS4_AGGREGATOR: AttributeCheck("AS4_AGGREGATOR", _BOTH, "RFC 6793 §6", _aggregator(4), _DISCARD),
    AttributeCode.PMSI_TUNNEL: AttributeCheck("PMSI_TUNNEL", _BOTH, "RFC 6514 §5", _pmsi_tunnel),
    AttributeCode.TUNNEL_ENCAPSULATION: AttributeCheck(
        "TUNNEL_ENCAPSULATION", _BOTH, "RFC 9012 §13", _tunnel_encapsulation
    ),
    # One switching capability descriptor at least (RFC 5543 §3).
    AttributeCode.TRAFFIC_ENGINEERING: AttributeCheck("TRAFFIC_ENGINEERING", OPTIONAL, "RFC 7606 §7.13", _at_least(36)),
    AttributeCode.IPV6_EXTENDED_COMMUNITIES: AttributeCheck(
        "IPV6_EXTENDED_COMMUNITIES", _BOTH, "RFC 7606 §7.15", _multiple_of(20)
    ),
    AttributeCode.AIGP: AttributeCheck("AIGP", OPTIONAL, "RFC 7311 §3.2", _aigp, _DISCARD),
    AttributeCode.LARGE_COMMUNITIES: AttributeCheck("LARGE_COMMUNITIES", _BOTH, "RFC 8092 §6", _multiple_of(12)),
    AttributeCode.ONLY_TO_CUSTOMER: AttributeCheck("ONLY_TO_CUSTOMER", _BOTH, "RFC 9234 §5", _exactly(4)),
    AttributeCode.PREFIX_SID: AttributeCheck("PREFIX_SID", _BOTH, "RFC 8669 §6", _prefix_sid, _DISCARD),
    AttributeCode.ATTR_SET: AttributeCheck("ATTR_SET", _BOTH, "RFC 7606 §7.16, RFC 6368 §5", _attr_set),
}

DECODED: Final[frozenset[int]] = frozenset((*range(1, 9), 16, 17, 18, 32, 35))
"""The attributes whose values are read; of all others the transitive ones are passed on as they came."""
