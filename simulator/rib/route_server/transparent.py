"""What a route server sends of a route: the announcer's own octets, but for what is the route server's business.

RFC 7947 §2.2: no AS of its own, NEXT_HOP, MED and communities as they came. Only control communities, prepends that
they ask for, a blackhole's next hop, OTC (RFC 9234 §5) and unknown attributes (RFC 4271 §5) make a difference.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final, NamedTuple

from simulator.rib.route_server.client import Settings
from simulator.rib.route_server.control import NO_ADVERTISE, NO_EXPORT, ControlCommunities
from simulator.rib.route_server.offer import Offer, Pick
from simulator.session.messages import Family
from simulator.wire.attribute_checks import EXTENDED_LENGTH, OPTIONAL, PARTIAL, TRANSITIVE, Code
from simulator.wire.attributes import encode
from simulator.wire.path import AsSegment, PathAttributes, SegmentKind

_PASSED: Final = frozenset(
    {
        *(Code.ORIGIN, Code.AS_PATH, Code.NEXT_HOP, Code.MULTI_EXIT_DISC, Code.ATOMIC_AGGREGATE, Code.AGGREGATOR),
        *(Code.COMMUNITIES, Code.EXTENDED_COMMUNITIES, Code.LARGE_COMMUNITIES, Code.ONLY_TO_CUSTOMER),
    }
)
"""What is known to us and passed on as it is."""
_PASSED_BITS: Final = sum(1 << code for code in _PASSED)
_NEXT_HOP_BIT: Final = 1 << Code.NEXT_HOP


class Format(NamedTuple):
    """How messages to a client are written: clients with the same format share their octets."""

    asn4: bool
    message_size: int
    otc: int | None = None
    """What to mark routes with that have no OTC: the route server's ASN where it has the RFC 9234 role."""


class Transparent:
    """Writes the attributes of offers."""

    def __init__(self, settings: Settings, control: ControlCommunities) -> None:
        self._settings = settings
        self._control = control

    def block(self, family: Family, pick: Pick, format_: Format) -> tuple[bytes, bytes]:
        """The attribute block without MP_REACH_NLRI, and the next hop of MP_REACH_NLRI (empty for IPv4)."""
        offer = pick.offer
        path, raw = offer.attributes.path, offer.attributes.raw
        if raw and format_.asn4 and not path.discarded:
            as_it_is = not (pick.prepends or offer.is_scrubbed or offer.is_blackhole or format_.otc) and _passes(
                raw, family
            )
            block = raw if as_it_is else self._edited(family, raw, pick, format_)
        else:
            block = encode(self.path(family, pick, format_), asn4=format_.asn4)
        return block, self._next_hop(family, offer)

    def path(self, family: Family, pick: Pick, format_: Format) -> PathAttributes:
        """The same as plain data."""
        offer, prepends = pick
        path = offer.attributes.path
        communities, large = path.communities, path.large_communities
        if offer.is_scrubbed:
            communities = tuple(value for value in communities if not self._control.is_scrubbed(value))
            large = tuple(value for value in large if not self._control.is_scrubbed_large(value))
        if self._limits(offer):
            communities += (NO_EXPORT,)
        hop = self._settings.blackhole_next_hops.get(family) if offer.is_blackhole else None
        return replace(
            path,
            as_path=_prepended(path.as_path, prepends),
            next_hop=hop or path.next_hop,
            link_local=None if hop else path.link_local,
            communities=communities,
            large_communities=large,
            otc=format_.otc if path.otc is None else path.otc,
            unknown=tuple((flags | PARTIAL, code, value) for flags, code, value in path.unknown),
        )

    def _limits(self, offer: Offer) -> bool:
        communities = offer.attributes.path.communities
        return (
            offer.is_blackhole
            and self._settings.blackhole_no_export
            and NO_EXPORT not in communities
            and NO_ADVERTISE not in communities
        )

    def _next_hop(self, family: Family, offer: Offer) -> bytes:
        if family is Family.IPV4:
            return b""
        hop = self._settings.blackhole_next_hops.get(family) if offer.is_blackhole else None
        if hop is not None:
            return hop.packed
        path = offer.attributes.path
        assert path.next_hop is not None
        return path.next_hop.packed + (path.link_local.packed if path.link_local is not None else b"")

    def _edited(self, family: Family, raw: bytes, pick: Pick, format_: Format) -> bytes:
        """The announcer's octets, each attribute that need not change as it came."""
        offer, prepends = pick
        path = offer.attributes.path
        scrubs = offer.is_scrubbed or offer.is_blackhole
        otc = format_.otc if path.otc is None else None
        pieces: list[bytes] = []
        kept = offset = 0
        total = len(raw)
        seen_next_hop = seen_communities = False
        while offset < total:
            start, flags, code = offset, raw[offset], raw[offset + 1]
            value_at = start + (4 if flags & EXTENDED_LENGTH else 3)
            offset = value_at + int.from_bytes(raw[start + 2 : value_at], "big")
            if code in _PASSED:
                if code == Code.NEXT_HOP:
                    seen_next_hop = True
                if code == Code.COMMUNITIES:
                    seen_communities = True
                if not self._changes(code, family, scrubs=scrubs, prepends=prepends, blackhole=offer.is_blackhole):
                    continue
                octets = self._changed(code, flags, raw[value_at:offset], family, pick)
            elif flags & TRANSITIVE and flags & OPTIONAL:
                if flags & PARTIAL:
                    continue
                octets = bytes((flags | PARTIAL,)) + raw[start + 1 : offset]
            else:
                octets = b""
            pieces += (raw[kept:start], octets)
            kept = offset
        block = b"".join([*pieces, raw[kept:]]) if pieces else raw
        if family is Family.IPV4 and not seen_next_hop:  # it came in MP_REACH_NLRI
            hop = self._settings.blackhole_next_hops.get(family) if offer.is_blackhole else None
            found = hop or path.next_hop
            assert found is not None
            block = _inserted(block, _attribute(TRANSITIVE, Code.NEXT_HOP, found.packed))
        if not seen_communities and self._limits(offer):
            block = _inserted(block, _attribute(OPTIONAL | TRANSITIVE, Code.COMMUNITIES, NO_EXPORT.to_bytes(4, "big")))
        if otc is not None:
            block = _inserted(block, _attribute(OPTIONAL | TRANSITIVE, Code.ONLY_TO_CUSTOMER, otc.to_bytes(4, "big")))
        return block

    @staticmethod
    def _changes(code: int, family: Family, *, scrubs: bool, prepends: int, blackhole: bool) -> bool:
        if code == Code.AS_PATH:
            return prepends > 0
        if code == Code.NEXT_HOP:
            return blackhole or family is not Family.IPV4
        return scrubs and code in (Code.COMMUNITIES, Code.LARGE_COMMUNITIES)

    def _changed(self, code: int, flags: int, value: bytes, family: Family, pick: Pick) -> bytes:
        """The attribute as it is sent; empty when nothing is left of it."""
        offer = pick.offer
        path = offer.attributes.path
        if code == Code.AS_PATH:
            return _attribute(flags, code, _prepended_octets(value, path, pick.prepends))
        if code == Code.NEXT_HOP:
            if family is not Family.IPV4:
                return b""  # that of MP_REACH_NLRI holds (RFC 4760 §3)
            hop = self._settings.blackhole_next_hops.get(family)
            return _attribute(flags, code, hop.packed if hop else value)
        if code == Code.COMMUNITIES:
            left = [c for c in path.communities if not self._control.is_scrubbed(c)]
            if self._limits(offer):
                left.append(NO_EXPORT)
            value = struct.pack(f"!{len(left)}L", *left)
        else:
            large = [c for c in path.large_communities if not self._control.is_scrubbed_large(c)]
            value = b"".join(struct.pack("!3L", *c) for c in large)
        return _attribute(flags, code, value) if value else b""


def _passes(raw: bytes, family: Family) -> bool:
    """Whether every attribute of a block is one that is passed on as it is, and none is missing or superfluous."""
    seen = offset = 0
    total = len(raw)
    while offset < total:
        seen |= 1 << raw[offset + 1]
        if raw[offset] & EXTENDED_LENGTH:
            offset += 4 + (raw[offset + 2] << 8 | raw[offset + 3])
        else:
            offset += 3 + raw[offset + 2]
    return not seen & ~_PASSED_BITS and bool(seen & _NEXT_HOP_BIT) == (family is Family.IPV4)


def _attribute(flags: int, code: int, value: bytes) -> bytes:
    if len(value) > 255 or flags & EXTENDED_LENGTH:
        return bytes((flags | EXTENDED_LENGTH, code)) + len(value).to_bytes(2, "big") + value
    return bytes((flags, code, len(value))) + value


def _inserted(block: bytes, attribute: bytes) -> bytes:
    """One more attribute, before those of a higher type code (RFC 4271 §5)."""
    offset = 0
    while offset < len(block) and block[offset + 1] < attribute[1]:
        value_at = offset + (4 if block[offset] & EXTENDED_LENGTH else 3)
        offset = value_at + int.from_bytes(block[offset + 2 : value_at], "big")
    return block[:offset] + attribute + block[offset:]


def _prepended(as_path: tuple[AsSegment, ...], count: int) -> tuple[AsSegment, ...]:
    """The leftmost ASN, the announcer's, once more for each prepend."""
    if not count or not as_path or as_path[0].kind is not SegmentKind.SEQUENCE:
        return as_path
    first = as_path[0].asns
    if len(first) + count > 255:
        return (AsSegment(SegmentKind.SEQUENCE, first[:1] * count), *as_path)
    return (AsSegment(SegmentKind.SEQUENCE, first[:1] * count + first), *as_path[1:])


def _prepended_octets(value: bytes, path: PathAttributes, count: int) -> bytes:
    """The same for an AS_PATH of four-octet ASNs."""
    if path.first_as is None:
        return value
    more = path.first_as.to_bytes(4, "big") * count
    if value[1] + count > 255:
        return bytes((SegmentKind.SEQUENCE, count)) + more + value
    return bytes((SegmentKind.SEQUENCE, value[1] + count)) + more + value[2:]
