"""What a peer's NOTIFICATION says of why its session is not up: one row a kind.

It is a fact of the session, whichever check failed first: a router may refuse before its OPEN (a shut-down neighbor),
after a bare one (a neighbor that it does not know), or later.
"""

from __future__ import annotations

from simulator.diagnosis.evidence import SessionEvidence
from simulator.session.messages import Cease, ErrorCode, Notification

_OPEN = ErrorCode.OPEN_MESSAGE
_CEASE = ErrorCode.CEASE
_HARD_RESET, _BFD_DOWN = 9, 10

REFUSALS: dict[tuple[int, int], tuple[str, str]] = {
    # RFC 4271 §6.2
    (_OPEN, 1): ("refused", "the router does not take BGP version 4 from us"),
    (_OPEN, 2): ("remote-as-wrong", "the peer expects another AS than AS{local_as} from us"),
    (_OPEN, 3): ("router-id-ours", "the router does not accept our BGP Identifier {identifier}: it may have the same"),
    (_OPEN, 4): ("refused", "the router does not take an optional parameter of our OPEN"),
    (_OPEN, 5): ("not-configured", "the router rejects our OPEN as not authenticated: is this neighbor configured?"),
    (_OPEN, 6): ("hold-time", "the router does not accept our hold time"),
    # RFC 5492 §5
    (_OPEN, 7): ("refused", "the router wants a capability that we do not have, or no address family is common"),
    # RFC 9234 §4.2
    (_OPEN, 11): ("role", "the BGP role configured at the router does not match ours"),
    # RFC 4486 §4
    (_CEASE, Cease.MAX_PREFIXES): ("peer-limit", "the router's own prefix limit was reached"),
    (_CEASE, Cease.ADMINISTRATIVE_SHUTDOWN): ("shut-down", "the router's operator shut the session down"),
    (_CEASE, Cease.PEER_DECONFIGURED): ("not-configured", "the session was removed from the router's configuration"),
    (_CEASE, Cease.ADMINISTRATIVE_RESET): ("reset", "the router's operator reset the session"),
    (_CEASE, Cease.CONNECTION_REJECTED): (
        "not-configured",
        "the router rejects the connection: it has no such neighbor",
    ),
    (_CEASE, Cease.OTHER_CONFIGURATION_CHANGE): ("reset", "the router's configuration was changed"),
    (_CEASE, Cease.OUT_OF_RESOURCES): ("refused", "the router has no resources left for the session"),
    # RFC 8538 §3
    (_CEASE, _HARD_RESET): ("reset", "the router's operator reset the session"),
    # RFC 9384 §3
    (_CEASE, _BFD_DOWN): ("bfd", "the router's BFD session with us is down"),
}
"""(error code, subcode) to (cause, text). Collisions (6/7) are no refusal: another connection goes on."""


def refusal(session: SessionEvidence) -> tuple[Notification, str, str] | None:
    """The last NOTIFICATION from the peer that refuses its session, with its cause and what it says; None: none."""
    view = session.view
    for seen in reversed(view.notifications):
        note = seen.notification
        if seen.sent or (note.code, note.subcode) not in REFUSALS:
            continue
        cause, text = REFUSALS[note.code, note.subcode]
        words = f' ("{note.communication}")' if note.communication else ""
        told = text.format(local_as=view.local_open.asn, identifier=view.local_open.bgp_identifier)
        return note, cause, told + words
    return None
