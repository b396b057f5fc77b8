"""BGP4MP (RFC 6396 §4.4, RFC 8050 §3): a record names the session, and has a change of state or a BGP message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from simulator.addresses import IpAddress
from simulator.mrt.records import Bgp4mpSubtype, MrtType, pack_record, two_octets
from simulator.mrt.table_dump_v2 import SessionEnd
from simulator.session.messages import AS_TRANS, Family
from simulator.wire import nlri
from simulator.wire.attribute_block import walk
from simulator.wire.attribute_checks import SessionAddresses
from simulator.wire.checked_attributes import NlriLocation
from simulator.wire.framing import HEADER_SIZE, MARKER
from simulator.wire.received_update import read_update
from simulator.wire.update import MP_REACH, split_update
from simulator.wire.update_faults import UpdateFault

PathKey = bytes | tuple[bytes, bytes]
"""A prefix key; with ADD-PATH (key, path identifier)."""
STATE_CHANGE: Final = 256
"""No message has this type."""
_AS4: Final = {5, 4, 7, 9, 11}
_LOCAL: Final = {6, 7, 10, 11}
_ADDPATH: Final = {8, 9, 10, 11}
_STATES: Final = {Bgp4mpSubtype.STATE_CHANGE.value, Bgp4mpSubtype.STATE_CHANGE_AS4.value}
_FAMILIES: Final = {family.value for family in Family}


@dataclass(frozen=True, slots=True)
class RecordHead:
    """What stands before the message in a record: whose it is. Records of one session have the same one."""

    asn: int
    """Of who sent the message: the peer, or for the LOCAL subtypes the recording router itself."""
    address: IpAddress
    receiver_asn: int
    receiver: IpAddress
    ends: tuple[bytes, bytes, bytes]
    """The octets of both addresses, the sender's first, and of the interface: they tell sessions apart."""
    asn4: bool
    """Whether the message has ASNs of four octets."""
    addpath: bool

    @property
    def external(self) -> bool:
        return self.asn != self.receiver_asn

    @property
    def addresses(self) -> SessionAddresses:
        sender, receiver, _ = self.ends
        return SessionAddresses(sender, receiver if any(receiver) else b"")


def split_record(subtype: int, record: bytes) -> tuple[bytes, int, bytes]:
    """(head, type of the message, its body).

    A change of state has the type STATE_CHANGE, and as its body the state that the session came to (RFC 4271 §8.2.2
    counted from 1: Idle). ValueError or IndexError for a record that is damaged or cut short.
    """
    at = 12 if subtype in _AS4 else 8
    afi = record[at - 2] << 8 | record[at - 1]
    if afi not in (1, 2):
        raise ValueError(f"address family {afi} in a BGP4MP record")
    start, total = at + (8 if afi == 1 else 32), len(record)
    if total < start:
        raise IndexError
    if subtype in _STATES:
        if total != start + 4:
            raise IndexError
        return record[:start], STATE_CHANGE, record[start + 2 :]
    body = start + HEADER_SIZE
    if total < body or not record.startswith(MARKER, start):
        raise ValueError("no BGP message in a BGP4MP record")
    if record[start + 16] << 8 | record[start + 17] != total - start:
        raise ValueError("the BGP message is cut short")
    return record[:start], record[start + 18], record[body:]


def parse_head(subtype: int, head: bytes) -> RecordHead:
    """The head that `split_record` cut off."""
    width = 4 if subtype in _AS4 else 2
    at = 2 * width + 4
    middle = (at + len(head)) // 2
    asns = int.from_bytes(head[:width], "big"), int.from_bytes(head[width : 2 * width], "big")
    peer, own, interface = head[at:middle], head[middle:], head[2 * width : 2 * width + 2]
    made = IPv4Address if len(peer) == 4 else IPv6Address
    kind = width == 4, subtype in _ADDPATH
    if subtype in _LOCAL:  # the recording router is the sender
        return RecordHead(asns[1], made(own), asns[0], made(peer), (own, peer, interface), *kind)
    return RecordHead(asns[0], made(peer), asns[1], made(own), (peer, own, interface), *kind)


class RecordedPrefixes(NamedTuple):
    """Prefixes announced in one place of an UPDATE."""

    family: Family
    prefixes: Sequence[PathKey]
    next_hop: bytes
    """That of MP_REACH_NLRI; empty for the NLRI field."""

    @property
    def reach(self) -> NlriLocation:
        return NlriLocation.MP_REACH if self.next_hop else NlriLocation.NLRI_FIELD


class RecordedUpdate(NamedTuple):
    """The contents of an UPDATE, before its attributes are checked."""

    attributes: bytes
    announced: list[RecordedPrefixes]
    withdrawn: list[tuple[Family, Sequence[PathKey]]]
    faults: tuple[UpdateFault, ...]
    reach: NlriLocation
    """For attributes that announce nothing of a family that is used."""
    foreign: tuple[tuple[int, int], ...]
    """(AFI, SAFI) of routes that are announced and are not of our families."""


def parse_update(body: bytes, *, addpath: bool) -> RecordedUpdate:
    """An UPDATE's body as a session reads it. UpdateError (a ProtocolError) where that would be the session's end."""
    if addpath:
        return _with_identifiers(body)
    reading = read_update(body)
    return RecordedUpdate(
        reading.attributes,
        [RecordedPrefixes(part.family, part.keys, part.next_hop) for part in reading.announced],
        [*reading.withdrawn],
        reading.faults,
        reading.reach,
        # Where no MP attribute was cut out of the block there are no routes of other families.
        () if len(reading.attributes) == _block_size(body) else _foreign(body),
    )


def _block_size(body: bytes) -> int:
    at = 2 + (body[0] << 8 | body[1])
    return body[at] << 8 | body[at + 1]


def _with_identifiers(body: bytes) -> RecordedUpdate:
    """The same of a session with ADD-PATH: a path identifier stands before each prefix (RFC 7911 §3)."""
    parts = split_update(body)
    reach, unreach = parts.reach, parts.unreach
    announced: list[RecordedPrefixes] = []
    withdrawn: list[tuple[Family, Sequence[PathKey]]] = []
    if parts.withdrawn:
        withdrawn.append((Family.IPV4, _prefixes(parts.withdrawn, Family.IPV4)))
    if unreach is not None and unreach.nlri:
        withdrawn.append((unreach.family, _prefixes(unreach.nlri, unreach.family)))
    if parts.announced:
        announced.append(RecordedPrefixes(Family.IPV4, _prefixes(parts.announced, Family.IPV4), b""))
    if reach is not None and reach.nlri:
        announced.append(RecordedPrefixes(reach.family, _prefixes(reach.nlri, reach.family), reach.next_hop))
    field = (
        NlriLocation.NLRI_FIELD
        if parts.announced
        else NlriLocation.MP_REACH
        if parts.reach_left_out or announced
        else None
    )
    return RecordedUpdate(
        parts.attributes, announced, withdrawn, parts.faults, field or NlriLocation.NOTHING, _foreign(body)
    )


def _prefixes(data: bytes, family: Family) -> list[PathKey]:
    """ProtocolError."""
    found: list[PathKey] = []
    at = 0
    while at < len(data):
        identifier = data[at : at + 4]
        end = at + 5 + (data[at + 4] + 7) // 8 if at + 4 < len(data) else at + 5
        found += [(key, identifier) for key in nlri.split(data[at + 4 : end] or b"\xff", family)]
        at = end
    return found


def _foreign(body: bytes) -> tuple[tuple[int, int], ...]:
    start = 4 + (body[0] << 8 | body[1])
    block = body[start : start + (body[start - 2] << 8 | body[start - 1])]
    if MP_REACH not in block:
        return ()
    heads = ((value[0] << 8 | value[1], value[2]) for _, code, value in walk(block) if code == MP_REACH and value[2:])
    return tuple(head for head in heads if head not in _FAMILIES)


def pack_message(
    when: float,
    peer: SessionEnd,
    local: SessionEnd,
    octets: bytes,
    *,
    asn4: bool = True,
    sent: bool = False,
    extended_time: bool = True,
) -> bytes:
    """One BGP message of a session as BGP4MP. `asn4`: its AS_PATH has ASNs of four octets. ValueError: two families.

    `extended_time` keeps the microseconds (RFC 6396 §3); `sent` marks what the local side sent (RFC 6396 §4.4.3).
    """
    if peer.address.version != local.address.version:
        raise ValueError("the two ends of a session are of one address family")
    names = {(False, False): Bgp4mpSubtype.MESSAGE, (True, False): Bgp4mpSubtype.MESSAGE_AS4}
    names |= {(False, True): Bgp4mpSubtype.MESSAGE_LOCAL, (True, True): Bgp4mpSubtype.MESSAGE_AS4_LOCAL}
    width = 4 if asn4 else 2
    body = b"".join(
        (
            *((asn if asn >> 8 * width == 0 else AS_TRANS).to_bytes(width, "big") for asn in (peer.asn, local.asn)),
            two_octets(0),
            two_octets(1 if peer.address.version == 4 else 2),
            peer.address.packed,
            local.address.packed,
            octets,
        )
    )
    kind = MrtType.BGP4MP_ET if extended_time else MrtType.BGP4MP
    return pack_record(when, kind, names[asn4, sent], body)
