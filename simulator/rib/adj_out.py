"""Adj-RIB-Out as wire images: rendered as a session comes up, while it is denied, so that the lift is a write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

from simulator.rib.announcement import Announcement
from simulator.session.messages import Family, Role
from simulator.session.negotiation import Negotiated
from simulator.wire.attribute_codec import encode
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind
from simulator.wire.update import pack_announcements, pack_withdrawals

_MARKING = (Role.PROVIDER, Role.PEER, Role.ROUTE_SERVER)
"""Roles that add OTC to what they send; all others send to their providers."""
_UPWARDS = (Role.CUSTOMER, Role.PEER, Role.RS_CLIENT)
"""Roles that never send a route with OTC."""


_MOST_IMAGES = 64
"""So many images are kept for the next session that they fit."""


@dataclass(frozen=True, slots=True)
class Image:
    """One family's Adj-RIB-Out for one session, ready to write."""

    family: Family
    announce: bytes
    withdraw: bytes
    keys: tuple[bytes, ...]
    left_out: tuple[bytes, ...] = ()
    """Prefixes that are not advertised: their attributes do not fit this session's messages (RFC 4271 §9.2), or are
    for customers only (RFC 9234 §5)."""


def export(
    path: PathAttributes, local_as: int, next_hop: IPv4Address | IPv6Address, role: Role | None = None
) -> PathAttributes:
    """What leaves an external session: own AS prepended (RFC 4271 §5.1.2), next hop self where the route has none of
    its own (§5.1.3), no LOCAL_PREF (§5.1.5).

    Our RFC 9234 role, where there is one, marks what is for customers only (§5).
    """
    first = path.as_path[0] if path.as_path else None
    if first is not None and first.kind is SegmentKind.SEQUENCE and len(first.asns) < 255:
        as_path = (AsSegment(SegmentKind.SEQUENCE, (local_as, *first.asns)), *path.as_path[1:])
    else:
        as_path = (AsSegment(SegmentKind.SEQUENCE, (local_as,)), *path.as_path)
    otc = local_as if path.otc is None and role in _MARKING else path.otc
    return replace(path, as_path=as_path, next_hop=path.next_hop or next_hop, local_pref=None, otc=otc)


def render(
    announcements: Sequence[Announcement],
    family: Family,
    negotiated: Negotiated,
    local_as: int,
    next_hop: IPv4Address | IPv6Address,
    role: Role | None = None,
) -> Image:
    """Encode the announcements of `family` for one session. A later one of a prefix replaces an earlier one.

    Prefixes with equal attributes share their messages, wherever they stand (RFC 4271 §4.3).
    """
    groups: dict[PathAttributes, dict[bytes, None]] = {}
    owner: dict[bytes, dict[bytes, None]] = {}
    for announcement in announcements:
        if announcement.family is family:
            group = groups.setdefault(announcement.attributes, {})
            for key in announcement.keys:
                before = owner.get(key)
                if before is not None and before is not group:
                    del before[key]
                owner[key] = group
                group[key] = None
    size = negotiated.message_size
    messages: list[bytes] = []
    left_out: list[bytes] = []
    for of, group in groups.items():
        keys = tuple(group)
        if keys and of.otc is not None and role in _UPWARDS:
            left_out += keys
        elif keys:
            path = export(of, local_as, next_hop, role)
            attributes = encode(path, asn4=negotiated.asn4)
            hop = b"" if path.next_hop is None else path.next_hop.packed
            try:
                packed = pack_announcements(family, attributes, hop, keys, size)
            except ValueError:
                left_out += keys
                continue
            messages.extend(message for message, _ in packed)
    for key in left_out:
        del owner[key]
    everything = tuple(owner)
    withdraw = b"".join(message for message, _ in pack_withdrawals(family, everything, size))
    return Image(family, b"".join(messages), withdraw, everything, tuple(left_out))


class Images:
    """A speaker's announcements as images, each rendered once and shared by all the sessions that it fits."""

    def __init__(self, announcements: Sequence[Announcement]) -> None:
        self._announcements = tuple(announcements)
        self._rendered: dict[tuple[object, ...], Image] = {}

    def replace(self, announcements: Sequence[Announcement]) -> None:
        """The speaker announces these from now on; its sessions are to look again (`Outbound.announce_again`)."""
        self._announcements = tuple(announcements)
        self._rendered.clear()

    def get(
        self,
        family: Family,
        negotiated: Negotiated,
        local_as: int,
        next_hop: IPv4Address | IPv6Address,
        role: Role | None = None,
    ) -> Image:
        which = (family, negotiated.asn4, negotiated.message_size, local_as, next_hop, role)
        if which not in self._rendered:
            if len(self._rendered) >= _MOST_IMAGES:  # a speaker may be called at any number of its own addresses
                del self._rendered[next(iter(self._rendered))]
            self._rendered[which] = render(self._announcements, family, negotiated, local_as, next_hop, role)
        return self._rendered[which]
