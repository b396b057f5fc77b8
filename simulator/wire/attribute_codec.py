"""The octets of path attributes, read and written (RFC 4271 §5, RFC 6793, RFC 8092, RFC 9234)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Any, Final

from exabgp.bgp.message.update.attribute import AS4Path, ASPath
from exabgp.bgp.message.update.attribute import Attributes as ExaAttributes

from simulator.session.messages import AS_TRANS
from simulator.wire import _exabgp  # noqa: F401  (silences the library)
from simulator.wire.attribute_block import EXTENDED_LENGTH, cut
from simulator.wire.attribute_checks import (
    CONFEDERATION,
    DECODED,
    OPTIONAL,
    PARTIAL,
    TRANSITIVE,
    AttributeCode,
    CheckContext,
    SessionAddresses,
    unusable_next_hop,
)
from simulator.wire.checked_attributes import CheckedAttributes, NlriLocation, accepted_checks, check_attributes
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind
from simulator.wire.update import next_hops
from simulator.wire.update_faults import AttributeFault

__all__ = ["AsSegment", "AttributeFault", "PathAttributes", "SegmentKind", "decode", "decode_exactly", "encode"]


_OPTIONAL_TRANSITIVE: Final = OPTIONAL | TRANSITIVE
_SEGMENT_MAX: Final = 255
"""ASNs of one segment (RFC 4271 §4.3)."""
_TRANS: Final = AS_TRANS.to_bytes(2, "big")


def encode(attrs: PathAttributes, *, asn4: bool) -> bytes:
    """The attribute block by type code, without MP_REACH_NLRI: NEXT_HOP is in it only when it is an IPv4 address.

    It says what `attrs` says and nothing else, but that a large community is said once (RFC 8092 §3).
    """
    as_path = attrs.as_path
    block = _attribute(TRANSITIVE, 1, bytes((attrs.origin,)))
    block += _attribute(TRANSITIVE, 2, _octets_of_path(as_path, asn4))
    if isinstance(attrs.next_hop, IPv4Address):
        block += _attribute(TRANSITIVE, 3, attrs.next_hop.packed)
    if attrs.med is not None:
        block += _attribute(OPTIONAL, 4, attrs.med.to_bytes(4, "big"))
    if attrs.local_pref is not None:
        block += _attribute(TRANSITIVE, 5, attrs.local_pref.to_bytes(4, "big"))
    if attrs.atomic_aggregate:
        block += _attribute(TRANSITIVE, 6, b"")
    partial, old = attrs.partial, b""
    if attrs.aggregator is not None:
        asn, speaker = attrs.aggregator
        flags = _OPTIONAL_TRANSITIVE | (PARTIAL if 7 in partial else 0)
        four = asn.to_bytes(4, "big") + speaker.packed
        if asn4:
            block += _attribute(flags, 7, four)
        else:
            block += _attribute(flags, 7, (_TRANS if asn > 0xFFFF else four[2:4]) + four[4:])
            old = _attribute(flags, 18, four) if asn > 0xFFFF else b""
    if attrs.communities:
        value = struct.pack(f"!{len(attrs.communities)}L", *attrs.communities)
        block += _attribute(_OPTIONAL_TRANSITIVE | (PARTIAL if 8 in partial else 0), 8, value)
    if attrs.extended_communities:
        value = b"".join(attrs.extended_communities)
        block += _attribute(_OPTIONAL_TRANSITIVE | (PARTIAL if 16 in partial else 0), 16, value)
    # A peer with ASNs of two octets gets those that do not fit once more (RFC 6793 §4.2.2), never a confederation's.
    if not asn4 and any(asn > 0xFFFF for segment in as_path for asn in segment.asns):
        four = _octets_of_path(tuple(part for part in as_path if part.kind not in CONFEDERATION), True)
        block += _attribute(_OPTIONAL_TRANSITIVE, 17, four) if four else b""
    block += old
    if attrs.large_communities:
        value = b"".join(_LARGE.pack(*community) for community in dict.fromkeys(attrs.large_communities))
        block += _attribute(_OPTIONAL_TRANSITIVE | (PARTIAL if 32 in partial else 0), 32, value)
    if attrs.otc is not None:
        flags = _OPTIONAL_TRANSITIVE | (PARTIAL if 35 in partial else 0)
        block += _attribute(flags, 35, attrs.otc.to_bytes(4, "big"))
    if attrs.unknown:
        for flags, code, value in attrs.unknown:
            block += _attribute(flags, code, value)
        block = _sorted(block)
    return block


def _attribute(flags: int, code: int, value: bytes) -> bytes:
    size = len(value)
    if size > 255:
        return bytes((flags | EXTENDED_LENGTH, code, size >> 8, size & 0xFF)) + value
    return bytes((flags, code, size)) + value


def _octets_of_path(path: tuple[AsSegment, ...], asn4: bool) -> bytes:
    octets = b""
    for kind, asns in path:
        for start in range(0, len(asns), _SEGMENT_MAX):
            part = asns[start : start + _SEGMENT_MAX]
            if not asn4:
                part = tuple(asn if asn <= 0xFFFF else AS_TRANS for asn in part)
            octets += struct.pack(f"!BB{len(part)}{'L' if asn4 else 'H'}", kind, len(part), *part)
    return octets


def _sorted(block: bytes) -> bytes:
    # Stable, so unknown attributes that share a code keep their order.
    attributes = sorted(cut(block)[0], key=lambda attribute: attribute[1])
    return b"".join(attributes)


# ExaBGP's classes take 22 µs to read a set of attributes. They only join an AS_PATH with its AS4_PATH, which no
# four-octet AS speaker sends.
_Unpacker = Callable[[bytes, int], tuple[int, ...]]
_LONGS: Final[tuple[_Unpacker, ...]] = tuple(struct.Struct(f"!{count}L").unpack_from for count in range(256))
_SHORTS: Final[tuple[_Unpacker, ...]] = tuple(struct.Struct(f"!{count}H").unpack_from for count in range(256))
_KINDS: Final = {kind.value: kind for kind in SegmentKind}


def _path(value: bytes, width: int, unpackers: tuple[_Unpacker, ...]) -> tuple[AsSegment, ...]:
    total = len(value)
    if total > 2 and value[1] * width == total - 2:
        return (AsSegment(_KINDS[value[0]], unpackers[value[1]](value, 2)),)
    segments = []
    start = 0
    while start < total:
        count = value[start + 1]
        segments.append(AsSegment(_KINDS[value[start]], unpackers[count](value, start + 2)))
        start += 2 + count * width
    return tuple(segments)


def _path_of_longs(value: bytes) -> tuple[AsSegment, ...]:
    return _path(value, 4, _LONGS)


def _path_of_shorts(value: bytes) -> tuple[AsSegment, ...]:
    return _path(value, 2, _SHORTS)


def _joined(as_path: bytes, as4_path: bytes) -> tuple[AsSegment, ...]:
    """RFC 6793 §4.2.3."""
    two, four = ASPath._new_aspaths(as_path, False, ASPath), ASPath._new_aspaths(as4_path, True, AS4Path)
    segments = ExaAttributes._reconstruct_as_path(two, four)
    # ExaBGP's ASN is an int with a text of its own; plain ints leave this package.
    return tuple(AsSegment(_KINDS[segment.ID], tuple(map(int, segment))) for segment in segments)


def _number(value: bytes) -> int:
    return int.from_bytes(value, "big")


def _communities(value: bytes) -> tuple[int, ...]:
    count = len(value) >> 2
    return _LONGS[count](value, 0) if count < 256 else struct.unpack(f"!{count}L", value)


def _extended(value: bytes) -> tuple[bytes, ...]:
    return tuple(value[at : at + 8] for at in range(0, len(value), 8))


_LARGE: Final = struct.Struct("!3L")


def _large(value: bytes) -> tuple[tuple[int, int, int], ...]:
    """Each once: what is repeated is removed on receipt (RFC 8092 §3)."""
    return tuple(dict.fromkeys(_LARGE.iter_unpack(value)))


def _distinct_large(value: bytes) -> tuple[tuple[int, int, int], ...] | None:
    found = tuple(_LARGE.iter_unpack(value))
    return found if len(found) == len(set(found)) else None


def _aggregator(value: bytes) -> tuple[int, IPv4Address]:
    return int.from_bytes(value[:-4], "big"), IPv4Address(value[-4:])


_Read = Callable[[bytes], Any]
_READERS: Final[dict[int, tuple[str, _Read]]] = {
    AttributeCode.ORIGIN.value: ("origin", _number),
    AttributeCode.NEXT_HOP.value: ("next_hop", IPv4Address),
    AttributeCode.MULTI_EXIT_DISC.value: ("med", _number),
    AttributeCode.LOCAL_PREF.value: ("local_pref", _number),
    AttributeCode.ATOMIC_AGGREGATE.value: ("atomic_aggregate", lambda value: True),
    AttributeCode.AGGREGATOR.value: ("aggregator", _aggregator),
    AttributeCode.COMMUNITIES.value: ("communities", _communities),
    AttributeCode.EXTENDED_COMMUNITIES.value: ("extended_communities", _extended),
    AttributeCode.LARGE_COMMUNITIES.value: ("large_communities", _large),
    AttributeCode.ONLY_TO_CUSTOMER.value: ("otc", _number),
}
"""Type code → field of PathAttributes, and how its value is read. AS paths are not in it: they come in two widths."""
_WHOLE: Final = _READERS | {AttributeCode.LARGE_COMMUNITIES.value: ("large_communities", _distinct_large)}
"""The same for a value that is read without leaving anything out; None when it is not."""
_PATHS: Final[dict[bool, tuple[str, _Read]]] = {True: ("as_path", _path_of_longs), False: ("as_path", _path_of_shorts)}
_AS_0: Final = bytes(4)
_NO_PATH: Final[tuple[AsSegment, ...]] = ()


def _one_sequence(value: bytes) -> tuple[AsSegment, ...]:
    """A path of one sequence of four-octet ASNs without anything like an AS 0, as nearly all are; else empty."""
    asns = len(value) >> 2
    if asns and value[0] == 2 and value[1] == asns and len(value) == 2 + (asns << 2) and _AS_0 not in value:
        return (AsSegment(SegmentKind.SEQUENCE, _LONGS[asns](value, 2)),)
    return _NO_PATH


def _some_communities(value: bytes) -> tuple[int, ...]:
    """As many as nearly every list has, which is sound when it is whole; else empty."""
    return () if len(value) & 3 or len(value) > 1020 else _LONGS[len(value) >> 2](value, 0)


_QUICK: Final[dict[tuple[bool, int], _Read]] = {
    (True, AttributeCode.AS_PATH.value): _one_sequence,
    (True, AttributeCode.COMMUNITIES.value): _some_communities,
    (False, AttributeCode.COMMUNITIES.value): _some_communities,
}
"""The attributes that hardly ever come twice: judged and read in one go. Nothing read: the check has to look at it."""


class PlainBlocks:
    """Reads in one go the blocks that have nothing wrong or rare in them, which are nearly all that a peer sends.

    A block that has an MP attribute does not count as one.
    """

    def __init__(self, asn4: bool, external: bool, next_hop_counts: bool, addresses: SessionAddresses) -> None:
        self._side = CheckContext(asn4, external, next_hop_counts, addresses)
        self._rows = {
            bytes((check.flags | more, code)): (
                *(*reader, 4 if more else 3, check.may_be_empty),
                *(check.verdict, _QUICK.get((asn4, code))),
            )
            for code, check in accepted_checks(asn4=asn4, external=external).items()
            for more in (0, EXTENDED_LENGTH)
            if (reader := _PATHS[asn4] if code == AttributeCode.AS_PATH else _WHOLE.get(code)) is not None
        }
        self._known: dict[bytes, tuple[str, Any]] = {}
        """Short attributes with their fields: the same ones come again and again."""

    def decode(self, raw: bytes) -> PathAttributes | None:
        """The attributes, with nothing left out; None: `decode` has to look at the block."""
        found = self.scan(raw)
        return None if found is None else _made(found)

    def scan(self, raw: bytes) -> dict[str, Any] | None:
        """The fields of the block, with nothing left out; None: `check_attributes` has to look at the block."""
        found: dict[str, Any] = {}
        rows, known = self._rows, self._known
        attributes, rest = cut(raw)
        if rest:
            return None
        side = self._side
        for octets in attributes:
            pair = known.get(octets)
            if pair is not None:
                found[pair[0]] = pair[1]
                continue
            row = rows.get(octets[:2])
            if row is None:
                return None
            name, read, header, may_be_empty, verdict, quick = row
            value = octets[header:]
            if quick is not None:
                field = quick(value)
                if field:
                    found[name] = field
                    continue
            if not (value or may_be_empty) or verdict(value, side) is not None:
                return None
            field = read(value)
            if field is None:
                return None
            found[name] = field
            if len(octets) <= _SHORT:
                if len(known) >= _MOST:
                    known.clear()
                known[octets] = name, field
        if len(attributes) != len(found) or "origin" not in found or "as_path" not in found:
            return None
        return None if self._side.next_hop_counts and "next_hop" not in found else found


_FLAGS: Final = OPTIONAL | TRANSITIVE | PARTIAL
"""The flags that say something of an attribute: the four below Extended Length are ignored (RFC 4271 §4.3)."""
_PARTIAL: Final[dict[int, int]] = {7: 7, 8: 8, 16: 16, 18: 7, 32: 32, 35: 35}
"""The optional transitive attributes whose values are read, and by which code their Partial bit is known."""
_SHORT, _MOST = 11, 4096
"""Octets of a short attribute, its header included, and how many of them are remembered for a kind of session."""
plain_blocks: Final = lru_cache(maxsize=1024)(PlainBlocks)
"""One for each kind of session: they remember short attributes."""
_next_hops: Final = lru_cache(maxsize=1024)(next_hops)
_any_plain: Final = plain_blocks(True, True, False, SessionAddresses())


def decode_plain(raw: bytes) -> PathAttributes:
    """Decode a block that `PlainBlocks` reads, with four-octet ASNs. Raises AssertionError for another."""
    found = _any_plain.decode(raw)
    assert found is not None
    return found


def decode(
    raw: bytes,
    *,
    asn4: bool,
    external: bool = True,
    reach: NlriLocation = NlriLocation.MP_REACH,
    next_hop: bytes = b"",
    addresses: SessionAddresses = SessionAddresses(),  # noqa: B008  (immutable)
) -> PathAttributes:
    """Judge and decode a block from which the MP attributes were cut. AttributeFault when it must not be used.

    `next_hop`: that of MP_REACH_NLRI, which replaces NEXT_HOP. `reach` and `addresses`: as for `check_attributes`.
    Unknown non-transitive attributes are ignored (RFC 4271 §5).
    """
    return decode_exactly(raw, asn4=asn4, external=external, reach=reach, next_hop=next_hop, addresses=addresses)[0]


def decode_exactly(
    raw: bytes, *, asn4: bool, external: bool, reach: NlriLocation, next_hop: bytes, addresses: SessionAddresses
) -> tuple[PathAttributes, bool]:
    """The same; and whether the octets say what was judged and nothing else, so that they may be passed on as they are
    to a four-octet AS speaker, IPv4 in the NLRI field and IPv6 in MP_REACH_NLRI."""
    found = plain_blocks(asn4, external, reach is NlriLocation.NLRI_FIELD, addresses).scan(raw)
    exact = asn4
    if found is None or (next_hop and unusable_next_hop(next_hop[:16], addresses)):
        judgement = check_attributes(
            raw, asn4=asn4, external=external, reach=reach, next_hop=next_hop, addresses=addresses
        )
        found, exact = _left_by(judgement, asn4), False
    if next_hop:
        # A NEXT_HOP beside it is ignored (RFC 4760 §3), and of IPv4 it is the attribute that is sent on.
        exact = exact and len(next_hop) > 4 and "next_hop" not in found
        found["next_hop"], found["link_local"] = _next_hops(next_hop)
    return _made(found), exact


_new, _set = object.__new__, object.__setattr__


def _made(fields: dict[str, Any]) -> PathAttributes:
    path = _new(PathAttributes)
    _set(path, "__dict__", fields)
    return path


def _left_by(judgement: CheckedAttributes, asn4: bool) -> dict[str, Any]:
    """The fields of the attributes that passed their checks."""
    kept, faults = judgement
    if not judgement.usable:
        raise AttributeFault(faults)
    if AttributeCode.ORIGIN not in kept or AttributeCode.AS_PATH not in kept:
        raise ValueError("attributes without routes: there is nothing to decode")
    found = {name: read(kept[code][1]) for code, (name, read) in _READERS.items() if code in kept}
    name, read = _PATHS[asn4]
    found[name] = read(kept[AttributeCode.AS_PATH][1])
    if AttributeCode.AS4_PATH in kept:
        found[name] = _joined(kept[AttributeCode.AS_PATH][1], kept[AttributeCode.AS4_PATH][1])
    if AttributeCode.AS4_AGGREGATOR in kept:
        found["aggregator"] = _aggregator(kept[AttributeCode.AS4_AGGREGATOR][1])
    found["unknown"] = tuple(
        (flags & _FLAGS, code, value)
        for code, (flags, value) in sorted(kept.items())
        if code not in DECODED and flags & TRANSITIVE
    )
    found["partial"] = tuple(sorted(_PARTIAL[code] for code in kept.keys() & _PARTIAL if kept[code][0] & PARTIAL))
    found["discarded"] = faults
    return found
