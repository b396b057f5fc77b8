"""Adj-RIB-Out as wire images: rendered when a session comes up, while it is still denied, so that the lift is a write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

from simulator.session.messages import Family
from simulator.session.negotiation import Negotiated
from simulator.wire.attributes import AsSegment, PathAttributes, SegmentKind, encode
from simulator.wire.update import pack_announcements, pack_withdrawals


@dataclass(frozen=True, slots=True)
class Announcement:
    """Routes to announce: one attribute set, its prefixes. AS_PATH and NEXT_HOP are the export side's to complete."""

    family: Family
    attributes: PathAttributes
    keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """One family's Adj-RIB-Out for one session, ready to write."""

    family: Family
    announce: bytes
    withdraw: bytes
    keys: tuple[bytes, ...]


def export(path: PathAttributes, local_as: int, next_hop: IPv4Address | IPv6Address) -> PathAttributes:
    """What leaves an external session: own AS prepended (RFC 4271 §5.1.2), next hop self, no LOCAL_PREF (§5.1.5)."""
    first = path.as_path[0] if path.as_path else None
    if first is not None and first.kind is SegmentKind.SEQUENCE and len(first.asns) < 255:
        as_path = (AsSegment(SegmentKind.SEQUENCE, (local_as, *first.asns)), *path.as_path[1:])
    else:
        as_path = (AsSegment(SegmentKind.SEQUENCE, (local_as,)), *path.as_path)
    return replace(path, as_path=as_path, next_hop=next_hop, local_pref=None)


def render(
    announcements: Sequence[Announcement],
    family: Family,
    negotiated: Negotiated,
    local_as: int,
    next_hop: IPv4Address | IPv6Address,
) -> Image:
    """Encode every announcement of `family` for one session. A later announcement of a prefix replaces an earlier one."""
    owner: dict[bytes, int] = {}
    for index, announcement in enumerate(announcements):
        if announcement.family is family:
            owner.update(dict.fromkeys(announcement.keys, index))
    size = negotiated.message_size
    messages: list[bytes] = []
    for index, announcement in enumerate(announcements):
        keys = [key for key in announcement.keys if owner.get(key) == index] if announcement.family is family else []
        if keys:
            path = export(announcement.attributes, local_as, next_hop)
            attributes = encode(path, asn4=negotiated.asn4)
            packed = pack_announcements(family, attributes, next_hop.packed, keys, size)
            messages.extend(message for message, _ in packed)
    everything = tuple(owner)
    withdraw = b"".join(message for message, _ in pack_withdrawals(family, everything, size))
    return Image(family, b"".join(messages), withdraw, everything)
