"""What a NOTIFICATION says of why a session is not up: one row a kind.

It is a fact of the session, whichever check failed first: a router may refuse before its OPEN (a shut-down neighbor),
after a bare one (a neighbor that it does not know), or later.
"""

from __future__ import annotations

from typing import Final

from simulator.session.messages import Cease, ErrorCode
from simulator.session.outputs import NotificationSeen

_OPEN, _CEASE = int(ErrorCode.OPEN_MESSAGE), int(ErrorCode.CEASE)
_HEADER, _UPDATE, _HOLD_EXPIRED, _FSM, _REFRESH = 1, 3, 4, 5, 7
_HARD_RESET, _BFD_DOWN = 9, 10

REFUSALS: Final[dict[tuple[int, int | None, bool], str]] = {
    # RFC 4271 §6.2
    (_OPEN, 0, False): "NOTE_UNSPECIFIC",
    (_OPEN, 1, False): "NOTE_VERSION",
    (_OPEN, 2, False): "NOTE_AS",
    (_OPEN, 3, False): "NOTE_ID",
    (_OPEN, 4, False): "NOTE_CAPABILITY",
    (_OPEN, 5, False): "NOTE_UNWANTED",
    (_OPEN, 6, False): "NOTE_HOLD",
    (_OPEN, 7, False): "NOTE_CAPABILITY",  # RFC 5492 §5
    (_OPEN, 11, False): "NOTE_ROLE",  # RFC 9234 §4.2
    (_OPEN, 11, True): "NOTE_ROLE",
    (_OPEN, 0, True): "NOTE_MALFORMED_HERE",
    (_OPEN, 1, True): "NOTE_MALFORMED_HERE",  # of another version than 4, or no OPEN at all
    (_OPEN, 4, True): "NOTE_MALFORMED_HERE",
    (_FSM, None, True): "NOTE_MALFORMED_HERE",  # RFC 6608
    # RFC 4271 §6.1, §6.3, §6.5
    (_HEADER, None, True): "NOTE_MALFORMED_HERE",
    (_HEADER, None, False): "NOTE_MALFORMED_THERE",
    (_UPDATE, None, True): "NOTE_MALFORMED_HERE",
    (_UPDATE, None, False): "NOTE_MALFORMED_THERE",
    (_HOLD_EXPIRED, None, True): "NOTE_EXPIRED_HERE",
    (_HOLD_EXPIRED, None, False): "NOTE_EXPIRED_THERE",
    (_CEASE, 0, False): "NOTE_UNSPECIFIC",  # RFC 4271 §6.7
    # RFC 4486 §4
    (_CEASE, int(Cease.MAX_PREFIXES), False): "NOTE_LIMIT",
    (_CEASE, int(Cease.MAX_PREFIXES), True): "NOTE_OUR_LIMIT",
    (_CEASE, int(Cease.ADMINISTRATIVE_SHUTDOWN), False): "NOTE_SHUTDOWN",
    (_CEASE, int(Cease.PEER_DECONFIGURED), False): "NOTE_UNWANTED",
    (_CEASE, int(Cease.ADMINISTRATIVE_RESET), False): "NOTE_RESET",
    (_CEASE, int(Cease.CONNECTION_REJECTED), False): "NOTE_UNWANTED",
    (_CEASE, int(Cease.OTHER_CONFIGURATION_CHANGE), False): "NOTE_RESET",
    (_CEASE, int(Cease.OUT_OF_RESOURCES), False): "NOTE_RESOURCES",
    (_CEASE, _HARD_RESET, False): "NOTE_RESET",  # RFC 8538 §3
    (_CEASE, _BFD_DOWN, False): "NOTE_BFD",  # RFC 9384 §3
}
"""(error code, subcode or None for any, sent by us) to the name of a fact. A collision (6/7) refuses nothing."""


def refusal(seen: NotificationSeen) -> str | None:
    """The name of the fact that a NOTIFICATION is; None where it refuses nothing."""
    code, subcode = int(seen.notification.code), int(seen.notification.subcode)
    return REFUSALS.get((code, subcode, seen.sent)) or REFUSALS.get((code, None, seen.sent))
