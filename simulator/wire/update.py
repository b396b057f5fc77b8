"""UPDATE messages taken apart and put together around opaque attribute bytes (RFC 4271 §4.3, RFC 4760, RFC 7606).

Attributes are judged elsewhere, once for each distinct block. ExaBGP is not used here: it sends one UPDATE for each
IPv6 prefix and decodes every attribute to reach the NLRI.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import accumulate
from typing import Final, NamedTuple

from simulator.counts import count_of
from simulator.session.messages import Family
from simulator.wire import nlri
from simulator.wire.attribute_block import EXTENDED_LENGTH, cut, value_of
from simulator.wire.framing import EXTENDED_MAX, HEADER_SIZE, MessageType, frame
from simulator.wire.update_faults import ErrorHandling, UpdateError, UpdateFault

MP_REACH: Final = 14
MP_UNREACH: Final = 15
_MP: Final = frozenset({MP_REACH, MP_UNREACH})
_OPTIONAL: Final = 0x80
_KIND: Final = 0xC0
"""The flags that are judged: optional and transitive."""
_FAMILIES: Final = {family.value: family for family in Family}
_NEXT_HOP_SIZES: Final = {Family.IPV4: (4,), Family.IPV6: (16, 32)}
# Withdrawn Routes Length and Total Path Attribute Length.
_FIXED: Final = HEADER_SIZE + 4


@dataclass(frozen=True, slots=True)
class MpReach:
    """MP_REACH_NLRI of a family we know (RFC 4760 §3); `next_hop` and `nlri` as on the wire."""

    family: Family
    next_hop: bytes
    nlri: bytes
    octets: bytes = b""
    """The whole attribute."""


@dataclass(frozen=True, slots=True)
class MpUnreach:
    """MP_UNREACH_NLRI of a family we know (RFC 4760 §4)."""

    family: Family
    nlri: bytes
    octets: bytes = b""


class UpdateParts(NamedTuple):
    """An UPDATE cut at its seams: nothing copied twice, nothing decoded."""

    withdrawn: bytes = b""
    announced: bytes = b""
    attributes: bytes = b""
    """Raw path attributes in their order, MP_REACH_NLRI and MP_UNREACH_NLRI cut out."""
    reach: MpReach | None = None
    unreach: MpUnreach | None = None
    end_of_rib: Family | None = None
    """Set for the marker of RFC 4724 §2; `unreach` is None then."""
    faults: tuple[UpdateFault, ...] = ()
    """Incorrect MP attributes: left out above."""
    reach_left_out: bool = False
    """There was an MP_REACH_NLRI, not ours or incorrect."""


def _reset(
    reason: str,
    clause: str,
    octets: bytes,
    *,
    code: int | None = None,
    subcode: int = 1,
    before: Sequence[UpdateFault] = (),
) -> UpdateError:
    return UpdateError((*before, UpdateFault(ErrorHandling.SESSION_RESET, code, reason, clause, octets, subcode)))


def split_update(body: bytes) -> UpdateParts:
    """Cut an UPDATE's body. UpdateError 3/1 or 3/9 where RFC 7606 leaves only a session reset."""
    size = len(body)
    if size < 4:
        raise _reset(f"an UPDATE body of {count_of(size, 'octet')} is too short", "RFC 7606 §3 b", body)
    attributes_at = 4 + (body[0] << 8 | body[1])
    if attributes_at > size:
        raise _reset("Withdrawn Routes Length runs past the message", "RFC 7606 §3 b", body)
    nlri_at = attributes_at + (body[attributes_at - 2] << 8 | body[attributes_at - 1])
    if nlri_at > size:
        raise _reset("Total Path Attribute Length runs past the message", "RFC 7606 §3 b", body)
    withdrawn = body[2 : attributes_at - 2]
    attributes = body[attributes_at:nlri_at]
    announced = body[nlri_at:]
    if size == 4:
        return UpdateParts(end_of_rib=Family.IPV4)
    # With NLRI in its field an overrun inside the block hides nothing, so a block without MP attributes stays whole.
    if not attributes or (announced and not holds_mp(attributes)):
        return UpdateParts(withdrawn, announced, attributes)
    return _split_attributes(withdrawn, announced, attributes)


def holds_mp(attributes: bytes) -> bool:
    """Whether a block has an MP attribute. It looks up to the first attribute that is not whole."""
    if MP_REACH not in attributes and MP_UNREACH not in attributes:
        return False
    whole, rest = cut(attributes)
    for attribute in whole:
        if attribute[1] in _MP:
            return True
    return len(rest) > 2 and rest[1] in _MP


def _split_attributes(withdrawn: bytes, announced: bytes, attributes: bytes) -> UpdateParts:
    others: list[bytes] = []
    reach: MpReach | None = None
    unreach: MpUnreach | None = None
    faults: list[UpdateFault] = []
    seen: set[int] = set()
    whole, rest = cut(attributes)
    for attribute in whole:
        code = attribute[1]
        if code not in _MP:
            others.append(attribute)
            continue
        if code in seen:
            raise _reset(f"attribute {code} appears twice", "RFC 7606 §3 g", attribute, code=code, before=faults)
        seen.add(code)
        part = _decode_mp(code, attribute, faults)
        if isinstance(part, MpReach):
            reach = part
        elif isinstance(part, MpUnreach):
            unreach = part
        elif part is not None:
            faults.append(part)
    reach_left_out = reach is None and MP_REACH in seen
    if rest:
        # RFC 7606 §4 lets the attribute decoder answer an overrun with treat-as-withdraw as long as the NLRI can be
        # located; with none in sight it may lie behind the overrun, and §5.2 asks for a session reset.
        code_cut = rest[1] if len(rest) > 1 else None
        if code_cut in _MP:
            reason = f"attribute {code_cut} runs past Total Path Attribute Length"
            raise _reset(reason, "RFC 7606 §3 j, §4", rest, code=code_cut, before=faults)
        if not announced and reach is None and not reach_left_out:
            reason = "a path attribute runs past Total Path Attribute Length and may hide the NLRI"
            raise _reset(reason, "RFC 7606 §5.2, §4", rest, code=code_cut, before=faults)
    left = attributes if not seen else b"".join([*others, rest])
    if unreach is not None and not (unreach.nlri or left or withdrawn or announced or MP_REACH in seen):
        return UpdateParts(end_of_rib=unreach.family)
    return UpdateParts(withdrawn, announced, left, reach, unreach, None, tuple(faults), reach_left_out)


def _decode_mp(code: int, whole: bytes, before: list[UpdateFault]) -> MpReach | MpUnreach | UpdateFault | None:
    """The attribute, None for a family that is not ours, or AFI/SAFI disable when it is incorrect.

    Where the two leave the choice (RFC 4760 §7, RFC 7606 §3 j), the session is reset only if the fixed part of the
    attribute is not there: then nobody can tell which AFI/SAFI it was meant for.
    """
    flags, value = whole[0], value_of(whole)
    name = "MP_REACH_NLRI" if code == MP_REACH else "MP_UNREACH_NLRI"
    if len(value) < (5 if code == MP_REACH else 3):
        reason = f"{name} is too short ({count_of(len(value), 'octet')})"
        raise _reset(reason, "RFC 7606 §5.3, §3 j", whole, code=code, subcode=9, before=before)
    afi_safi = (value[0] << 8 | value[1], value[2])

    def incorrect(reason: str, clause: str) -> UpdateFault:
        return UpdateFault(ErrorHandling.AFI_SAFI_DISABLE, code, f"{name}: {reason}", clause, whole, 9, afi_safi)

    if (flags ^ _OPTIONAL) & _KIND:
        return incorrect(f"flags 0x{flags:02x}", "RFC 7606 §5.3, RFC 4760 §7")
    family = _FAMILIES.get(afi_safi)
    if family is None:
        return None
    if code == MP_UNREACH:
        return MpUnreach(family, value[3:], whole)
    size = value[3]
    if size not in _NEXT_HOP_SIZES[family]:
        return incorrect(f"an {family.label} next hop of {count_of(size, 'octet')}", "RFC 7606 §7.11, RFC 4760 §7")
    # One reserved octet (RFC 4760 §3) follows the next hop; its value is ignored.
    if len(value) < 5 + size:
        return incorrect("it ends inside its next hop", "RFC 7606 §7.11, RFC 4760 §7")
    return MpReach(family, value[4 : 4 + size], value[5 + size :], whole)


def next_hops(raw: bytes) -> tuple[IPv4Address | IPv6Address, IPv6Address | None]:
    """(global, link-local) of a next hop of 4, 16 or 32 octets (RFC 2545 §3). ValueError for another size."""
    if len(raw) == 4:
        return IPv4Address(raw), None
    if len(raw) == 16:
        return IPv6Address(raw), None
    if len(raw) == 32:
        return IPv6Address(raw[:16]), IPv6Address(raw[16:])
    raise ValueError(f"a next hop of {count_of(len(raw), 'octet')}")


def _groups(keys: Sequence[bytes], room: int) -> list[tuple[bytes, int]]:
    """Keys joined into runs of at most `room` octets, each with its count. ValueError when one does not fit."""
    ends = list(accumulate(map(len, keys)))
    groups: list[tuple[bytes, int]] = []
    start = done = 0
    while start < len(keys):
        end = bisect_right(ends, done + room, lo=start)
        if end == start:
            raise ValueError(f"the path attributes leave {count_of(max(room, 0), 'octet')}: no room for a prefix")
        groups.append((b"".join(keys[start:end]), end - start))
        done = ends[end - 1]
        start = end
    return groups


def pack_announcements(
    family: Family, attributes: bytes, next_hop: bytes, keys: Sequence[bytes], limit: int
) -> list[tuple[bytes, int]]:
    """Full UPDATE messages of at most `limit` octets, each with its NLRI count. ValueError when nothing fits.

    IPv4: `attributes` already holds NEXT_HOP and `next_hop` is not used. IPv6: `next_hop` is 16 or 32 octets.
    """
    room = min(limit, EXTENDED_MAX) - _FIXED - len(attributes)
    if family is Family.IPV4:
        head = b"\0\0" + len(attributes).to_bytes(2, "big") + attributes if room > 0 else b""
        return [(frame(MessageType.UPDATE, head + run), n) for run, n in _groups(keys, room)]
    if len(next_hop) not in _NEXT_HOP_SIZES[family]:
        raise ValueError(f"an {family.label} next hop of {count_of(len(next_hop), 'octet')}")
    prefix = family.afi.to_bytes(2, "big") + bytes((family.safi, len(next_hop))) + next_hop + b"\0"
    messages = []
    for run, n in _groups(keys, room - 4 - len(prefix)):
        # First in the block, so that a receiver finds the NLRI whatever follows (RFC 7606 §5.1).
        value = prefix + run
        block = bytes((_OPTIONAL | EXTENDED_LENGTH, MP_REACH)) + len(value).to_bytes(2, "big") + value + attributes
        messages.append((frame(MessageType.UPDATE, b"\0\0" + len(block).to_bytes(2, "big") + block), n))
    return messages


def pack_withdrawals(family: Family, keys: Sequence[bytes], limit: int) -> list[tuple[bytes, int]]:
    """Full UPDATE messages of at most `limit` octets that withdraw `keys`, each with its NLRI count."""
    room = min(limit, EXTENDED_MAX) - _FIXED
    messages = []
    if family is Family.IPV4:
        for run, n in _groups(keys, room):
            messages.append((frame(MessageType.UPDATE, len(run).to_bytes(2, "big") + run + b"\0\0"), n))
        return messages
    prefix = family.afi.to_bytes(2, "big") + bytes((family.safi,))
    for run, n in _groups(keys, room - 4 - len(prefix)):
        value = prefix + run
        block = bytes((_OPTIONAL | EXTENDED_LENGTH, MP_UNREACH)) + len(value).to_bytes(2, "big") + value
        messages.append((frame(MessageType.UPDATE, b"\0\0" + len(block).to_bytes(2, "big") + block), n))
    return messages


def end_of_rib(family: Family) -> bytes:
    """The End-of-RIB marker as a full message (RFC 4724 §2)."""
    if family is Family.IPV4:
        return frame(MessageType.UPDATE, bytes(4))
    block = bytes((_OPTIONAL, MP_UNREACH, 3)) + family.afi.to_bytes(2, "big") + bytes((family.safi,))
    return frame(MessageType.UPDATE, b"\0\0" + len(block).to_bytes(2, "big") + block)


def count_nlri(message_body: bytes) -> tuple[int, int]:
    """(announced, withdrawn) prefixes of our families in an UPDATE's body. ProtocolError when it cannot be read."""
    parts = split_update(message_body)
    announced = nlri.count(parts.announced, Family.IPV4)
    withdrawn = nlri.count(parts.withdrawn, Family.IPV4)
    if parts.reach is not None:
        announced += nlri.count(parts.reach.nlri, parts.reach.family)
    if parts.unreach is not None:
        withdrawn += nlri.count(parts.unreach.nlri, parts.unreach.family)
    return announced, withdrawn
