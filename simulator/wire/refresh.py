"""ROUTE-REFRESH messages (RFC 2918, RFC 7313).

ExaBGP is not used to decode: it answers an unknown subtype with a NOTIFICATION, RFC 7313 §5 ignores it.
"""

from __future__ import annotations

from typing import Final

from simulator.session.messages import ErrorCode, Family, Notification, RouteRefresh
from simulator.wire.framing import MessageType, WireError, frame

_FAMILIES: Final = {family.value: family for family in Family}
REQUEST, BEGIN, END = _SUBTYPES = (0, 1, 2)
"""Subtypes of ROUTE-REFRESH: a request, and the two marks around the answer (RFC 7313 §3)."""


def encode_refresh(r: RouteRefresh) -> bytes:
    """A full message."""
    return frame(MessageType.ROUTE_REFRESH, r.family.afi.to_bytes(2, "big") + bytes((r.subtype, r.family.safi)))


def decode_refresh(body: bytes) -> RouteRefresh | None:
    """None for a family or subtype that is not ours: ignore it. WireError 7/1 for a wrong length (RFC 7313 §5)."""
    if len(body) != 4:
        raise WireError(
            Notification(ErrorCode.ROUTE_REFRESH, 1, frame(MessageType.ROUTE_REFRESH, body)),
            f"a ROUTE-REFRESH body of {len(body)} octets instead of 4",
        )
    family = _FAMILIES.get((body[0] << 8 | body[1], body[3]))
    if family is None or body[2] not in _SUBTYPES:
        return None
    return RouteRefresh(family, body[2])
