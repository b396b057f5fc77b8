"""The attributes that a route server sends: those that it received, except the ones that it has to change.

RFC 7947 §2.2: no AS of its own, NEXT_HOP, MED and communities as they came. Only control communities, prepends that
they ask for, a blackhole's next hop, OTC (RFC 9234 §5) and unknown attributes (RFC 4271 §5) make a difference.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from simulator.rib.route_server.client import RouteServerSettings
from simulator.rib.route_server.control import NO_ADVERTISE, NO_EXPORT, ControlCommunities
from simulator.rib.route_server.offer import Offer, Pick
from simulator.session.messages import Family
from simulator.wire.attribute_checks import PARTIAL
from simulator.wire.attribute_codec import encode
from simulator.wire.path_attributes import AsSegment, PathAttributes, SegmentKind


class MessageFormat(NamedTuple):
    """How messages to a client are written: clients with the same format share their octets."""

    asn4: bool
    message_size: int
    otc: int | None = None
    """What to mark routes with that have no OTC: the route server's ASN where it has the RFC 9234 role."""


class Transparent:
    """Writes the attributes of offers."""

    def __init__(self, settings: RouteServerSettings, control: ControlCommunities) -> None:
        self._settings = settings
        self._control = control

    def block(self, family: Family, pick: Pick, format_: MessageFormat) -> tuple[bytes, bytes]:
        """The attribute block without MP_REACH_NLRI, and the next hop of MP_REACH_NLRI (empty for IPv4).

        The announcer's own octets where they say just what is to be sent; otherwise what was judged, written anew.
        """
        offer = pick.offer
        raw = offer.attributes.raw
        changes = pick.prepends or offer.is_scrubbed or offer.is_blackhole
        # A path that is passed on as it came is not even decoded.
        if raw and format_.asn4 and not changes and (format_.otc is None or offer.attributes.path.otc is not None):
            return raw, self._next_hop(family, offer)
        return encode(self.path(family, pick, format_), asn4=format_.asn4), self._next_hop(family, offer)

    def path(self, family: Family, pick: Pick, format_: MessageFormat) -> PathAttributes:
        """The same as plain data."""
        offer, prepends = pick
        path = offer.attributes.path
        changed: dict[str, Any] = {}
        if prepends:
            changed["as_path"] = _prepended(path.as_path, prepends)
        communities = path.communities
        if offer.is_scrubbed:
            control, large = self._control, path.large_communities
            communities = tuple(value for value in communities if not control.is_scrubbed(value))
            changed["large_communities"] = tuple(value for value in large if not control.is_scrubbed_large(value))
        if self._limits(offer):
            communities += (NO_EXPORT,)
        if communities is not path.communities:
            changed["communities"] = communities
        hop = self._settings.blackhole_next_hops.get(family) if offer.is_blackhole else None
        if hop is not None:
            changed |= {"next_hop": hop, "link_local": None}
        if path.otc is None and format_.otc is not None:
            changed["otc"] = format_.otc
        if path.unknown:
            changed["unknown"] = tuple((flags | PARTIAL, code, value) for flags, code, value in path.unknown)
        return path.but(**changed) if changed else path

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


def _prepended(as_path: tuple[AsSegment, ...], count: int) -> tuple[AsSegment, ...]:
    """The leftmost ASN, the announcer's, once more for each prepend."""
    if not count or not as_path or as_path[0].kind is not SegmentKind.SEQUENCE:
        return as_path
    first = as_path[0].asns
    if len(first) + count > 255:
        return (AsSegment(SegmentKind.SEQUENCE, first[:1] * count), *as_path)
    return (AsSegment(SegmentKind.SEQUENCE, first[:1] * count + first), *as_path[1:])
