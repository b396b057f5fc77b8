"""ROUTE-REFRESH messages (RFC 2918, RFC 7313).

ExaBGP is not used to decode: it answers an unknown subtype with a NOTIFICATION, RFC 7313 §5 ignores it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulator.counts import count_of
from simulator.session.messages import ErrorCode, Family, Notification, RouteRefresh
from simulator.wire.framing import MessageType, ProtocolError, frame

_FAMILIES: Final = {family.value: family for family in Family}
REQUEST, BEGIN, END = _SUBTYPES = (0, 1, 2)
"""Subtypes of ROUTE-REFRESH: a request, and the two marks around the answer (RFC 7313 §3)."""


_UNNAMED: Final = {True: "has no meaning (RFC 7313 §5)", False: "from a peer without the capability for subtypes"}


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that is read and has no effect, and why."""

    reason: str


def encode_refresh(r: RouteRefresh) -> bytes:
    """A full message."""
    return frame(MessageType.ROUTE_REFRESH, r.family.afi.to_bytes(2, "big") + bytes((r.subtype, r.family.safi)))


def decode_refresh(body: bytes, *, enhanced: bool = True) -> RouteRefresh | Ignored:
    """The request, or why it is ignored. `enhanced`: the peer's OPEN carries capability 70.

    ProtocolError for a wrong length: 7/1 for BoRR and EoRR of a peer with that capability (RFC 7313 §5 has this code
    for nothing else), else 1/2, as RFC 4271 §6.1 says of every message. A subtype that has no name is ignored first.
    """
    subtype = body[2] if len(body) > 2 else None
    if subtype is not None and subtype not in (_SUBTYPES if enhanced else (REQUEST,)):
        return Ignored(f"subtype {subtype} of a ROUTE-REFRESH {_UNNAMED[enhanced]}")
    if len(body) != 4:
        marks = enhanced and subtype in (BEGIN, END)
        whole = frame(MessageType.ROUTE_REFRESH, body)
        notification = (
            Notification(ErrorCode.ROUTE_REFRESH, 1, whole)
            if marks
            else Notification(ErrorCode.MESSAGE_HEADER, 2, whole[16:18])
        )
        raise ProtocolError(notification, f"a ROUTE-REFRESH body of {count_of(len(body), 'octet')} instead of 4")
    afi_safi = body[0] << 8 | body[1], body[3]
    family = _FAMILIES.get(afi_safi)
    if family is None:
        return Ignored(f"a ROUTE-REFRESH of AFI {afi_safi[0]}, SAFI {afi_safi[1]}, which this session does not have")
    return RouteRefresh(family, body[2])
