"""What a session would treat as withdrawn before any rule sees it (RFC 7606), found in attributes that were decoded.

A table's reader takes what there is: a router's own table has confederations in its paths, and a text can say anything.
The verdict is by the checks that the octets of an UPDATE pass, so that it is the same.
"""

from __future__ import annotations

import struct
from typing import Final

from simulator.policy.verdict import Hit
from simulator.wire.attribute_checks import (
    CHECKS,
    CONFEDERATION,
    AttributeCode,
    CheckContext,
    SessionAddresses,
    unusable_next_hop,
)
from simulator.wire.path_attributes import PathAttributes

RULE: Final = "malformed"
"""Stands in the place of a rule's id: no profile has it, and nothing switches it off."""
EXPLANATION: Final = "a session treats the route as withdrawn"
_SIDE: Final = CheckContext(asn4=True, external=True)


def malformed(path: PathAttributes, addresses: SessionAddresses) -> Hit | None:
    """The first thing that an external session refuses; None for what it lets the policy judge."""
    for segment in path.as_path:
        if segment.kind in CONFEDERATION or 0 in segment.asns or not segment.asns:
            value = b"".join(struct.pack(f"!BB{len(s.asns)}L", s.kind, len(s.asns), *s.asns) for s in path.as_path)
            check = CHECKS[AttributeCode.AS_PATH]
            if (defect := check.verdict(value, _SIDE)) is not None:
                return _hit(f"{check.name}: {defect.reason}, {defect.clause or check.clause}")
            break
    if path.next_hop is not None and (reason := unusable_next_hop(path.next_hop.packed, addresses)):
        return _hit(f"next hop {reason}, RFC 4271 §6.3, RFC 7606 §3 e")
    return None


def _hit(value: str) -> Hit:
    return Hit(RULE, value, EXPLANATION)
