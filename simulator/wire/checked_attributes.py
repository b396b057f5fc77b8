"""The RFC 7606 verdict over raw path attributes, before anything is decoded.

Callers judge each distinct block once: the same octets on the same kind of session always get the same verdict.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from simulator.counts import count_of
from simulator.session.messages import AS_TRANS
from simulator.wire.attribute_block import EXTENDED_LENGTH, cut, value_of
from simulator.wire.attribute_checks import (
    CHECKS,
    CONFEDERATION,
    OPTIONAL,
    TRANSITIVE,
    AttributeCheck,
    AttributeCode,
    CheckContext,
    Defect,
    SessionAddresses,
    unusable_next_hop,
)
from simulator.wire.update_faults import ErrorHandling, UpdateFault, strongest


class NlriLocation(Enum):
    """Where the reachable NLRI of the UPDATE is: it decides what must be there and how bad a defect is."""

    NOTHING = "none"
    MP_REACH = "in MP_REACH_NLRI alone"
    NLRI_FIELD = "in the NLRI field"


class CheckedAttributes(NamedTuple):
    """`kept`: code -> (flags, value) of what may be decoded, if no fault is worse than attribute discard."""

    kept: dict[int, tuple[int, bytes]]
    faults: tuple[UpdateFault, ...]

    @property
    def usable(self) -> bool:
        return not self.faults or strongest(self.faults).outcome is ErrorHandling.DISCARD


# Discarded whatever they hold.
_UNREAD_EXTERNAL: Final[dict[int, Defect]] = {
    AttributeCode.LOCAL_PREF: Defect("from an external peer", "RFC 7606 §7.5", 9),
    AttributeCode.ORIGINATOR_ID: Defect("from an external peer", "RFC 7606 §7.9", 9),
    AttributeCode.CLUSTER_LIST: Defect("from an external peer", "RFC 7606 §7.10", 9),
    AttributeCode.PREFIX_SID: Defect("from an external peer", "RFC 8669 §4", 9),
}
_UNREAD_ASN4: Final[dict[int, Defect]] = {
    AttributeCode.AS4_PATH: Defect("from a four-octet AS speaker", "RFC 6793 §4.1", 9),
    AttributeCode.AS4_AGGREGATOR: Defect("from a four-octet AS speaker", "RFC 6793 §4.1", 9),
}
# Discarded when there is nothing wrong with them: these stay inside one administrative domain.
_FILTERED_EXTERNAL: Final[dict[int, Defect]] = {
    AttributeCode.TUNNEL_ENCAPSULATION: Defect("from an external peer", "RFC 9012 §11", 9),
    AttributeCode.AIGP: Defect("from an external peer", "RFC 7311 §3.3", 9),
}
_KIND: Final = OPTIONAL | TRANSITIVE
_UNREAD: Final = {
    (asn4, external): (_UNREAD_EXTERNAL if external else {}) | (_UNREAD_ASN4 if asn4 else {})
    for asn4 in (False, True)
    for external in (False, True)
}
_side: Final = lru_cache(maxsize=1024)(CheckContext)


def accepted_checks(*, asn4: bool, external: bool) -> dict[int, AttributeCheck]:
    """The attributes that this kind of session may send: each is kept when its check passes."""
    unread = _UNREAD[asn4, external]
    return {
        int(code): check
        for code, check in CHECKS.items()
        if code not in unread and not (external and code in _FILTERED_EXTERNAL)
    }


def check_attributes(
    raw: bytes,
    *,
    asn4: bool,
    external: bool = True,
    reach: NlriLocation = NlriLocation.MP_REACH,
    next_hop: bytes = b"",
    addresses: SessionAddresses = SessionAddresses(),  # noqa: B008  (immutable)
) -> CheckedAttributes:
    """Judge a block from which the MP attributes were cut.

    `next_hop`: that of MP_REACH_NLRI, of a proper length.
    """
    side = _side(asn4, external, reach is NlriLocation.NLRI_FIELD, addresses)
    kept: dict[int, tuple[int, bytes]] = {}
    dropped: set[int] = set()
    repeated: dict[int, list[bytes]] = {}
    faults: list[UpdateFault] = []
    attributes, rest = cut(raw)
    for attribute in attributes:
        flags, code, value = attribute[0], attribute[1], value_of(attribute)
        if code in kept or code in dropped:
            repeated.setdefault(code, []).append(attribute)
            continue
        verdict = _verdict(code, flags, value, side)
        if verdict is None:
            kept[code] = (flags, value)
            continue
        dropped.add(code)
        outcome, defect = verdict
        faults.append(
            UpdateFault(outcome, code, f"{_name(code)}: {defect.reason}", defect.clause, attribute, defect.subcode)
        )
    for code, more in repeated.items():
        reason = f"{_name(code)} appears {count_of(len(more) + 1, 'time')}"
        faults.append(UpdateFault(ErrorHandling.DISCARD, code, reason, "RFC 7606 §3 g", b"".join(more)))
    if rest:
        # What is missing then may only be hidden.
        faults.append(_overrun(rest))
    elif reach is not NlriLocation.NOTHING:
        # ORIGIN, AS_PATH and, where the NLRI is not in MP_REACH_NLRI, NEXT_HOP.
        for mandatory in (1, 2, 3) if side.next_hop_counts else (1, 2):
            if mandatory not in kept and mandatory not in dropped:
                reason = f"{_name(mandatory)} is missing"
                faults.append(UpdateFault(ErrorHandling.TREAT_AS_WITHDRAW, mandatory, reason, "RFC 7606 §3 d", raw, 3))
    if next_hop and (reason := unusable_next_hop(next_hop[:16], addresses)):
        reason, clause = f"MP_REACH_NLRI: {reason}", "RFC 4760 §3, RFC 4271 §6.3, RFC 7606 §3 e"
        faults.append(
            UpdateFault(ErrorHandling.TREAT_AS_WITHDRAW, AttributeCode.MP_REACH_NLRI.value, reason, clause, next_hop, 8)
        )
    if not asn4:
        faults += _settle_as4(kept)
    if faults and reach is NlriLocation.NOTHING:
        faults = [_without_nlri(fault) for fault in faults]
    return CheckedAttributes(kept, tuple(faults))


def _verdict(code: int, flags: int, value: bytes, side: CheckContext) -> tuple[ErrorHandling, Defect] | None:
    """What is wrong with one attribute; clause and subcode of the defect are filled in."""
    check = CHECKS.get(code)
    if check is None:
        if flags & OPTIONAL:
            return None
        return ErrorHandling.SESSION_RESET, Defect("marked well-known and not known", "RFC 4271 §6.3", 2)
    if (flags ^ check.flags) & _KIND:
        reason = f"flags 0x{flags:02x}"
        if code == AttributeCode.AIGP:
            return ErrorHandling.DISCARD, Defect(reason, check.clause, 9)
        return ErrorHandling.TREAT_AS_WITHDRAW, Defect(reason, "RFC 7606 §3 c", 4)
    unread = _UNREAD[side.asn4, side.external].get(code)
    if unread is not None:
        return ErrorHandling.DISCARD, unread
    if value or check.may_be_empty:
        found = check.verdict(value, side)
    else:
        found = Defect("it is empty", f"RFC 7606 §4, {check.clause}")
    if found is not None:
        return check.outcome, Defect(found.reason, found.clause or check.clause, found.subcode or check.subcode)
    if side.external and code in _FILTERED_EXTERNAL:
        return ErrorHandling.DISCARD, _FILTERED_EXTERNAL[code]
    return None


def _name(code: int) -> str:
    check = CHECKS.get(code)
    return f"attribute {code}" if check is None else check.name


def _overrun(rest: bytes) -> UpdateFault:
    code = rest[1] if len(rest) > 1 else None
    if len(rest) < (4 if rest[0] & EXTENDED_LENGTH else 3) or code is None:
        reason = "an attribute header is cut short"
    else:
        reason = f"{_name(code)} runs past the attributes"
    return UpdateFault(ErrorHandling.TREAT_AS_WITHDRAW, code, reason, "RFC 7606 §4", rest)


def _without_nlri(fault: UpdateFault) -> UpdateFault:
    """Nobody knows which routes it was about: only attribute discard is safe then (RFC 7606 §5.2)."""
    if fault.outcome is not ErrorHandling.TREAT_AS_WITHDRAW:
        return fault
    return replace(fault, outcome=ErrorHandling.SESSION_RESET, clause=f"RFC 7606 §5.2, {fault.clause}")


def _settle_as4(kept: dict[int, tuple[int, bytes]]) -> list[UpdateFault]:
    """Merge the AGGREGATOR and AS4 attributes of a speaker with two-octet ASNs (RFC 6793 §4.2.3, §6)."""
    faults = []
    if AttributeCode.AS4_PATH in kept:
        flags, value = kept[AttributeCode.AS4_PATH]
        left = _without_confederations(value)
        if left != value:
            reason = "AS4_PATH: a confederation segment is left out"
            faults.append(
                UpdateFault(ErrorHandling.DISCARD, AttributeCode.AS4_PATH.value, reason, "RFC 6793 §6", value, 9)
            )
            kept[AttributeCode.AS4_PATH] = (flags, left)
            if not left:
                del kept[AttributeCode.AS4_PATH]
    aggregator = kept.get(AttributeCode.AGGREGATOR)
    if aggregator is None:
        kept.pop(AttributeCode.AS4_AGGREGATOR, None)  # it only ever translates an AGGREGATOR
    elif AttributeCode.AS4_AGGREGATOR in kept:
        if int.from_bytes(aggregator[1][:2], "big") != AS_TRANS:
            kept.pop(AttributeCode.AS4_AGGREGATOR)
            kept.pop(AttributeCode.AS4_PATH, None)
        else:
            kept.pop(AttributeCode.AGGREGATOR)
    return faults


def _without_confederations(path: bytes) -> bytes:
    left, offset = b"", 0
    while offset < len(path):
        end = offset + 2 + path[offset + 1] * 4
        if path[offset] not in CONFEDERATION:
            left += path[offset:end]
        offset = end
    return left
