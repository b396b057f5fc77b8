"""Message boundaries: a byte stream in, (type, body) pairs out (RFC 4271 §4.1, §6.1; RFC 8654)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from simulator.session.messages import ErrorCode, Notification

MARKER: Final = b"\xff" * 16
HEADER_SIZE: Final = 19
STANDARD_MAX: Final = 4096
"""Octets of the largest message before RFC 8654 is negotiated, header included."""
EXTENDED_MAX: Final = 65535
"""Octets of the largest message after RFC 8654 was negotiated, header included."""


class MessageType(IntEnum):
    """The type octet (RFC 4271 §4.1, RFC 2918)."""

    OPEN = 1
    UPDATE = 2
    NOTIFICATION = 3
    KEEPALIVE = 4
    ROUTE_REFRESH = 5


class ProtocolError(Exception):
    """Bytes that end the session: `notification` is what we send, `reason` stands in our own log."""

    def __init__(self, notification: Notification, reason: str) -> None:
        super().__init__(f"{notification}: {reason}")
        self.notification = notification
        self.reason = reason


def frame(type_: int, body: bytes) -> bytes:
    """A whole message. ValueError when it would not fit the two-octet length."""
    size = HEADER_SIZE + len(body)
    if size > EXTENDED_MAX:
        raise ValueError(f"a message of {size} octets is longer than {EXTENDED_MAX}")
    return MARKER + size.to_bytes(2, "big") + bytes((type_,)) + body


KEEPALIVE: Final = frame(MessageType.KEEPALIVE, b"")

# Type -> (smallest, largest) length in octets; RFC 4271 §6.1. RFC 8654 §4 keeps OPEN and KEEPALIVE at the old maximum.
# A ROUTE-REFRESH of a wrong length has an error code of its own (RFC 7313 §5), so it passes here.
_BOUNDS: Final = {
    1: (29, STANDARD_MAX),
    2: (23, EXTENDED_MAX),
    3: (21, EXTENDED_MAX),
    4: (19, 19),
    5: (19, EXTENDED_MAX),
}
_ANY: Final = (HEADER_SIZE, EXTENDED_MAX)


class Framer:
    """Collects received octets and cuts them into messages; an error repeats until the session is gone."""

    __slots__ = ("_buffer", "_offset", "max_size")

    def __init__(self) -> None:
        self.max_size = STANDARD_MAX
        self._buffer = b""
        self._offset = 0

    def feed(self, data: bytes) -> None:
        """Append what the socket returned."""
        # Once per feed, not once per message: cutting the front off for each message would copy quadratically. What is
        # left is less than a message, so bytes are as good as a bytearray, of which each message would be copied twice.
        left = self._buffer[self._offset :]
        self._buffer, self._offset = left + data if left else bytes(data), 0

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return self.messages()

    def messages(self) -> Iterator[tuple[int, bytes]]:
        """Yield (type, body) for each complete message. ProtocolError 1/1, 1/2 or 1/3 (RFC 4271 §6.1)."""
        # A caller may stop between two messages, change `max_size` or feed from inside the loop,
        # so nothing is kept across a yield.
        while True:
            buffer, start = self._buffer, self._offset
            if len(buffer) - start < HEADER_SIZE:
                return
            if not buffer.startswith(MARKER, start):
                raise ProtocolError(Notification(ErrorCode.MESSAGE_HEADER, 1), "the marker is not all ones")
            size = buffer[start + 16] << 8 | buffer[start + 17]
            type_ = buffer[start + 18]
            smallest, largest = _BOUNDS.get(type_, _ANY)
            if not smallest <= size <= largest or size > self.max_size:
                raise ProtocolError(
                    Notification(ErrorCode.MESSAGE_HEADER, 2, buffer[start + 16 : start + 18]),
                    f"a length of {size} is not legal for message type {type_}",
                )
            if type_ not in _BOUNDS:
                raise ProtocolError(
                    Notification(ErrorCode.MESSAGE_HEADER, 3, bytes((type_,))), f"message type {type_} is not known"
                )
            end = start + size
            if end > len(buffer):
                return
            self._offset = end
            yield type_, buffer[start + HEADER_SIZE : end]
