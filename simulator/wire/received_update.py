"""A received UPDATE before its path attributes are checked: prefixes by family, and the faults so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.checked_attributes import NlriLocation
from simulator.wire.framing import ProtocolError
from simulator.wire.update import MP_REACH, MP_UNREACH, MpReach, MpUnreach, UpdateParts, holds_mp, split_update
from simulator.wire.update_faults import ErrorHandling, UpdateError, UpdateFault

_NLRI: Final = "RFC 7606 §5.3, §3 j"


class AnnouncedPrefixes(NamedTuple):
    """Prefixes announced in one place of an UPDATE."""

    family: Family
    keys: list[bytes]
    next_hop: bytes = b""
    """That of MP_REACH_NLRI; empty for the NLRI field, whose next hop is the attribute NEXT_HOP."""

    @property
    def reach(self) -> NlriLocation:
        return NlriLocation.MP_REACH if self.next_hop else NlriLocation.NLRI_FIELD


class ReceivedUpdate(NamedTuple):
    """The contents of an UPDATE. Its announcements count only after `attributes` are checked."""

    attributes: bytes
    announced: tuple[AnnouncedPrefixes, ...]
    withdrawn: tuple[tuple[Family, list[bytes]], ...]
    """None of them is in `announced`."""
    end_of_rib: Family | None
    faults: tuple[UpdateFault, ...]
    """Incorrect MP attributes (AFI/SAFI disable)."""
    reach: NlriLocation
    """For attributes that announce nothing of a family that is used."""


def read_update(body: bytes) -> ReceivedUpdate:
    """Read an UPDATE's body. UpdateError where RFC 7606 leaves only a session reset."""
    if len(body) > 4 and not (body[0] or body[1]):
        # Nothing is withdrawn. Nearly every UPDATE with IPv4 prefixes is nothing but attributes and the NLRI field.
        end = 4 + (body[2] << 8 | body[3])
        attributes, announced = body[4:end], body[end:]
        if attributes and announced and not holds_mp(attributes):
            keys = _field(announced, _NLRI, ())
            return ReceivedUpdate(
                attributes, (AnnouncedPrefixes(Family.IPV4, keys),), (), None, (), NlriLocation.NLRI_FIELD
            )
    return _read_slowly(body)


def _read_slowly(body: bytes) -> ReceivedUpdate:
    parts = split_update(body)
    announced: list[AnnouncedPrefixes] = []
    withdrawn: list[tuple[Family, list[bytes]]] = []
    faults = list(parts.faults)
    if parts.withdrawn:
        withdrawn.append((Family.IPV4, _field(parts.withdrawn, "RFC 7606 §3 i, §5.3, §3 j", faults)))
    if parts.announced:
        announced.append(AnnouncedPrefixes(Family.IPV4, _field(parts.announced, _NLRI, faults)))
    unreach, reach = parts.unreach, parts.reach
    if unreach is not None and (keys := _mp(unreach, MP_UNREACH, faults)):
        withdrawn.append((unreach.family, keys))
    if reach is not None and (keys := _mp(reach, MP_REACH, faults)):
        announced.append(AnnouncedPrefixes(reach.family, keys, reach.next_hop))
    if announced and withdrawn:
        withdrawn = _without(withdrawn, announced)
    return ReceivedUpdate(
        parts.attributes, tuple(announced), tuple(withdrawn), parts.end_of_rib, tuple(faults), _reach(parts)
    )


def _without(
    withdrawn: Sequence[tuple[Family, list[bytes]]], announced: Sequence[AnnouncedPrefixes]
) -> list[tuple[Family, list[bytes]]]:
    """A prefix that the UPDATE announces too counts as not withdrawn (RFC 4271 §4.3), wherever both stand."""
    found = {(part.family, key) for part in announced for key in part.keys}
    left = ((family, [key for key in keys if (family, key) not in found]) for family, keys in withdrawn)
    return [(family, keys) for family, keys in left if keys]


def _reach(parts: UpdateParts) -> NlriLocation:
    if parts.announced:
        return NlriLocation.NLRI_FIELD
    if parts.reach_left_out or (parts.reach is not None and parts.reach.nlri):
        return NlriLocation.MP_REACH
    return NlriLocation.NOTHING


def _field(data: bytes, clause: str, before: Sequence[UpdateFault]) -> list[bytes]:
    try:
        return nlri.split(data, Family.IPV4)
    except ProtocolError as error:
        fault = UpdateFault(ErrorHandling.SESSION_RESET, None, error.reason, clause, data, error.notification.subcode)
        raise UpdateError((*before, fault)) from None


def _mp(part: MpReach | MpUnreach, code: int, faults: list[UpdateFault]) -> list[bytes]:
    try:
        return nlri.split(part.nlri, part.family)
    except ProtocolError as error:
        clause = "RFC 7606 §5.3, RFC 4760 §7"
        faults.append(
            UpdateFault(ErrorHandling.AFI_SAFI_DISABLE, code, error.reason, clause, part.octets, 9, part.family.value)
        )
        return []
