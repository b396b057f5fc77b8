"""Path attributes as plain data, with ExaBGP's classes for their values (RFC 4271 §5, RFC 6793, RFC 8092, RFC 9234)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

from exabgp.bgp.message.notification import Notify as ExaNotify
from exabgp.bgp.message.open.asn import ASN
from exabgp.bgp.message.update.attribute import (
    MED,
    SEQUENCE,
    SET,
    Aggregator,
    AS4Path,
    ASPath,
    AtomicAggregate,
    GenericAttribute,
    LocalPreference,
    NextHop,
    Origin,
)
from exabgp.bgp.message.update.attribute import Attributes as ExaAttributes
from exabgp.bgp.message.update.attribute.aggregator import Aggregator4
from exabgp.bgp.message.update.attribute.aspath import CONFED_SEQUENCE, CONFED_SET
from exabgp.bgp.message.update.attribute.community import Communities, ExtendedCommunities, LargeCommunities
from exabgp.protocol.ip import IPv4

from simulator.wire import _exabgp  # noqa: F401  (silences the library)
from simulator.wire.attribute_checks import (
    CHECKS,
    DECODED,
    EXTENDED_LENGTH,
    OPTIONAL,
    TRANSITIVE,
    Addresses,
    Code,
    walk,
)
from simulator.wire.faults import AttributeFault, Fault, Outcome
from simulator.wire.judgement import Reach, judge
from simulator.wire.update import next_hops

__all__ = ["AsSegment", "AttributeFault", "PathAttributes", "SegmentKind", "decode", "encode"]


class SegmentKind(IntEnum):
    """AS_PATH segment types (RFC 4271 §4.3, RFC 5065 §3)."""

    SET = 1
    SEQUENCE = 2
    CONFED_SEQUENCE = 3
    CONFED_SET = 4


_BRACKETS: Final = {1: ("{", "}"), 2: ("", ""), 3: ("(", ")"), 4: ("[", "]")}


@dataclass(frozen=True, slots=True)
class AsSegment:
    """One AS_PATH segment."""

    kind: SegmentKind
    asns: tuple[int, ...]

    def __str__(self) -> str:
        left, right = _BRACKETS[self.kind]
        return left + " ".join(map(str, self.asns)) + right


@dataclass(frozen=True, slots=True)
class PathAttributes:
    """The attributes of a route, MP_REACH_NLRI apart: `next_hop` is then filled in by whoever split the UPDATE."""

    origin: int = 0
    """0 IGP, 1 EGP, 2 INCOMPLETE."""
    as_path: tuple[AsSegment, ...] = ()
    next_hop: IPv4Address | IPv6Address | None = None
    link_local: IPv6Address | None = None
    """The second IPv6 next hop (RFC 2545 §3)."""
    med: int | None = None
    local_pref: int | None = None
    atomic_aggregate: bool = False
    aggregator: tuple[int, IPv4Address] | None = None
    communities: tuple[int, ...] = ()
    """32-bit values in the order received."""
    extended_communities: tuple[bytes, ...] = ()
    """Eight octets each."""
    large_communities: tuple[tuple[int, int, int], ...] = ()
    otc: int | None = None
    """Only to Customer (RFC 9234 §5)."""
    unknown: tuple[tuple[int, int, bytes], ...] = ()
    """(flags, code, value) of other transitive attributes, as received: who passes them on sets Partial (0x20)."""
    discarded: tuple[Fault, ...] = ()
    """What `decode` left out by RFC 7606 attribute discard."""

    @property
    def asns(self) -> tuple[int, ...]:
        """Every ASN of the path from the left, sets included."""
        return tuple(asn for segment in self.as_path for asn in segment.asns)

    @property
    def path_length(self) -> int:
        """RFC 4271 §9.1.2.2: a set counts as one; RFC 5065 §5.3: confederation segments as none."""
        sequences = sum(len(s.asns) for s in self.as_path if s.kind is SegmentKind.SEQUENCE)
        return sequences + sum(s.kind is SegmentKind.SET for s in self.as_path)

    @property
    def first_as(self) -> int | None:
        """The leftmost AS, None when the path is empty or starts with anything but a sequence."""
        if not self.as_path or self.as_path[0].kind is not SegmentKind.SEQUENCE:
            return None
        return self.as_path[0].asns[0]

    @property
    def origin_as(self) -> int | None:
        """The last AS of a final sequence, None otherwise (RFC 6811 §2)."""
        if not self.as_path or self.as_path[-1].kind is not SegmentKind.SEQUENCE:
            return None
        return self.as_path[-1].asns[-1]

    @property
    def as_path_text(self) -> str:
        """For example `64496 64500 {64501 64502}`."""
        return " ".join(map(str, self.as_path))

    @property
    def communities_text(self) -> tuple[str, ...]:
        """For example `8075:8007`."""
        return tuple(f"{value >> 16}:{value & 0xFFFF}" for value in self.communities)


@dataclass(frozen=True, slots=True)
class _Session:
    """The one thing ExaBGP's attribute classes ask of its Negotiated."""

    asn4: bool


_SESSIONS: Final = {True: _Session(True), False: _Session(False)}
_EXA_SEGMENTS: Final[dict[int, Any]] = {1: SET, 2: SEQUENCE, 3: CONFED_SEQUENCE, 4: CONFED_SET}


def _exa_path(path: Iterable[AsSegment]) -> list[Any]:
    return [_EXA_SEGMENTS[segment.kind](map(ASN, segment.asns)) for segment in path if segment.asns]


def encode(attrs: PathAttributes, *, asn4: bool) -> bytes:
    """The attribute block by type code, without MP_REACH_NLRI: NEXT_HOP is in it only when it is an IPv4 address."""
    session = _SESSIONS[asn4]
    block = Origin(attrs.origin).pack()
    # Both may bring their AS4 twin along (RFC 6793 §4.2.2), hence the sorting below.
    block += ASPath(_exa_path(attrs.as_path)).pack(session)
    if isinstance(attrs.next_hop, IPv4Address):
        block += NextHop(str(attrs.next_hop)).pack()
    if attrs.med is not None:
        block += MED(attrs.med).pack()
    if attrs.local_pref is not None:
        block += LocalPreference(attrs.local_pref).pack()
    if attrs.atomic_aggregate:
        block += AtomicAggregate().pack()
    if attrs.aggregator is not None:
        asn, speaker = attrs.aggregator
        block += Aggregator(ASN(asn), IPv4(str(speaker))).pack(session)
    block += Communities._attribute(struct.pack(f"!{len(attrs.communities)}L", *attrs.communities))
    block += ExtendedCommunities._attribute(b"".join(attrs.extended_communities))
    block += LargeCommunities._attribute(b"".join(struct.pack("!3L", *value) for value in attrs.large_communities))
    if attrs.otc is not None:
        block += GenericAttribute(Code.ONLY_TO_CUSTOMER, OPTIONAL | TRANSITIVE, attrs.otc.to_bytes(4, "big")).pack()
    for flags, code, value in attrs.unknown:
        block += GenericAttribute(code, flags, value).pack()
    return _sort(block)


def _sort(block: bytes) -> bytes:
    pieces = []
    offset = 0
    for flags, code, value in walk(block):
        end = offset + (4 if flags & EXTENDED_LENGTH else 3) + len(value)
        pieces.append((code, block[offset:end]))
        offset = end
    # Stable, so unknown attributes that share a code keep their order.
    return b"".join(piece for _, piece in sorted(pieces, key=lambda piece: piece[0]))


# ExaBGP's `unpack` of a single class is used, never its Attributes or Attribute.unpack: those cache by the bytes and
# judge on the way. The attributes of one fixed-size number are read here: its classes cost 3 µs each for that.
_EXA_CLASSES: Final[dict[int, Any]] = {
    Code.AS_PATH: ASPath,
    Code.AGGREGATOR: Aggregator,
    Code.AS4_PATH: AS4Path,
    Code.AS4_AGGREGATOR: Aggregator4,
}
# Plain ints: looking a member up on an enum class costs as much as decoding a number.
_ORIGIN = Code.ORIGIN.value
_AS_PATH = Code.AS_PATH.value
_NEXT_HOP = Code.NEXT_HOP.value
_MED = Code.MULTI_EXIT_DISC.value
_LOCAL_PREF = Code.LOCAL_PREF.value
_ATOMIC_AGGREGATE = Code.ATOMIC_AGGREGATE.value
_AGGREGATOR = Code.AGGREGATOR.value
_COMMUNITIES = Code.COMMUNITIES.value
_EXTENDED = Code.EXTENDED_COMMUNITIES.value
_AS4_PATH = Code.AS4_PATH.value
_AS4_AGGREGATOR = Code.AS4_AGGREGATOR.value
_LARGE = Code.LARGE_COMMUNITIES.value
_OTC = Code.ONLY_TO_CUSTOMER.value
_KINDS: Final = {kind.value: kind for kind in SegmentKind}


def decode(
    raw: bytes,
    *,
    asn4: bool,
    external: bool = True,
    reach: Reach = Reach.MP_REACH,
    next_hop: bytes = b"",
    addresses: Addresses = Addresses(),  # noqa: B008  (immutable)
) -> PathAttributes:
    """Judge and decode a block from which the MP attributes were cut. AttributeFault when it must not be used.

    `next_hop`: that of MP_REACH_NLRI, which replaces NEXT_HOP. `reach` and `addresses` as for `judge`. Unknown
    non-transitive attributes are ignored (RFC 4271 §5).
    """
    judgement = judge(raw, asn4=asn4, external=external, reach=reach, next_hop=next_hop, addresses=addresses)
    if not judgement.usable:
        raise AttributeFault(judgement.faults)
    kept = judgement.kept
    if _ORIGIN not in kept or _AS_PATH not in kept:
        raise ValueError("attributes without routes: there is nothing to decode")
    session = _SESSIONS[asn4]
    exa: dict[int, Any] = {}
    for code, klass in _EXA_CLASSES.items():
        if code in kept:
            try:
                exa[code] = klass.unpack(kept[code][1], None, session)
            except (ExaNotify, IndexError, ValueError, struct.error) as refusal:
                reason = f"{CHECKS[code].name}: {refusal}"
                fault = Fault(Outcome.TREAT_AS_WITHDRAW, code, reason, CHECKS[code].clause, kept[code][1])
                raise AttributeFault((*judgement.faults, fault)) from None
    if not next_hop and _NEXT_HOP in kept:
        next_hop = kept[_NEXT_HOP][1]
    address, link_local = next_hops(next_hop) if next_hop else (None, None)
    aggregator = exa.get(_AS4_AGGREGATOR, exa.get(_AGGREGATOR))  # never `or`: their truth value raises
    return PathAttributes(
        origin=kept[_ORIGIN][1][0],
        as_path=_path(exa[_AS_PATH], exa.get(_AS4_PATH)),
        next_hop=address,
        link_local=link_local,
        med=_number(kept.get(_MED)),
        local_pref=_number(kept.get(_LOCAL_PREF)),
        atomic_aggregate=_ATOMIC_AGGREGATE in kept,
        aggregator=None if aggregator is None else (int(aggregator.asn), IPv4Address(aggregator.speaker.pack())),
        communities=_communities(kept.get(_COMMUNITIES)),
        extended_communities=_extended(kept.get(_EXTENDED)),
        large_communities=_large(kept.get(_LARGE)),
        otc=_number(kept.get(_OTC)),
        unknown=tuple(
            (flags & ~EXTENDED_LENGTH, code, value)
            for code, (flags, value) in sorted(kept.items())
            if code not in DECODED and flags & TRANSITIVE
        )
        if kept.keys() - DECODED
        else (),
        discarded=judgement.faults,
    )


def _number(attribute: tuple[int, bytes] | None) -> int | None:
    return None if attribute is None else int.from_bytes(attribute[1], "big")


def _path(path: Any, as4_path: Any) -> tuple[AsSegment, ...]:
    if path is None:  # ExaBGP's word for an empty path
        return ()
    segments = path.aspath if as4_path is None else ExaAttributes._reconstruct_as_path(path, as4_path)
    # ExaBGP's ASN is an int with a text of its own; plain ints leave this package.
    return tuple(AsSegment(_KINDS[segment.ID], tuple(map(int, segment))) for segment in segments)


# Communities are not left to ExaBGP: it sorts the list after every one it adds, so the order is lost and the 16,000
# that fit an extended message take it minutes; it also drops repeated large communities.
def _communities(attribute: tuple[int, bytes] | None) -> tuple[int, ...]:
    return () if attribute is None else struct.unpack(f"!{len(attribute[1]) // 4}L", attribute[1])


def _extended(attribute: tuple[int, bytes] | None) -> tuple[bytes, ...]:
    if attribute is None:
        return ()
    return tuple(attribute[1][at : at + 8] for at in range(0, len(attribute[1]), 8))


def _large(attribute: tuple[int, bytes] | None) -> tuple[tuple[int, int, int], ...]:
    if attribute is None:
        return ()
    return tuple((a, b, c) for a, b, c in struct.iter_unpack("!3L", attribute[1]))
