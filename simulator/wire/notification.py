"""NOTIFICATION messages (RFC 4271 §4.5) with the shutdown communication of RFC 9003.

ExaBGP is not used: it calls a communication of more than 128 octets invalid and rewrites the data field as text.
"""

from __future__ import annotations

from typing import Final

from simulator.counts import count_of
from simulator.session.messages import Cease, ErrorCode, Notification
from simulator.wire.framing import HEADER_SIZE, STANDARD_MAX, MessageType, ProtocolError, frame

_TEXT_MAX: Final = 255
_DATA_MAX: Final = STANDARD_MAX - HEADER_SIZE - 2


def _has_text(code: int, subcode: int) -> bool:
    return code == ErrorCode.CEASE and subcode in (Cease.ADMINISTRATIVE_SHUTDOWN, Cease.ADMINISTRATIVE_RESET)


def _cut(text: str) -> bytes:
    """UTF-8 of at most 255 octets, cut between characters (RFC 9003 §2)."""
    raw = text.encode("utf-8", "replace")
    return raw if len(raw) <= _TEXT_MAX else raw[:_TEXT_MAX].decode("utf-8", "ignore").encode()


def encode_notification(n: Notification) -> bytes:
    """A full message. A communication outside Cease 2 and 4 is not sent: no other code has room for it."""
    data = n.data
    if n.communication and _has_text(n.code, n.subcode):
        text = _cut(n.communication)
        data = bytes((len(text),)) + text
    # RFC 7313 §5 returns a whole message as data, which may be as long as the longest message we may send.
    return frame(MessageType.NOTIFICATION, bytes((n.code, n.subcode)) + data[:_DATA_MAX])


def decode_notification(body: bytes) -> Notification:
    """Never refuses two octets or more; what is wrong in the text is replaced. ProtocolError 1/2 when shorter."""
    if len(body) < 2:
        size = HEADER_SIZE + len(body)
        raise ProtocolError(
            Notification(ErrorCode.MESSAGE_HEADER, 2, size.to_bytes(2, "big")),
            f"a NOTIFICATION of {count_of(size, 'octet')} has no error code",
        )
    code, subcode, data = body[0], body[1], body[2:]
    communication = ""
    if data and _has_text(code, subcode):
        text = data[1 : 1 + data[0]].decode("utf-8", "replace")
        # The peer chooses these characters and they end in terminals and logs: no line breaks, escapes or overrides.
        communication = "".join(c if c.isprintable() else " " for c in text)
    return Notification(code, subcode, data, communication)
