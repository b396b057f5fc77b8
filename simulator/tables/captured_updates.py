"""BGP messages out of recorded octets: each direction of each TCP connection is a stream of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from simulator.wire.attribute_block import EXTENDED_LENGTH, walk
from simulator.wire.framing import EXTENDED_MAX, HEADER_SIZE, Framer, MessageType, ProtocolError, frame


class CapturedSegment(Protocol):
    """What a recording keeps of each piece."""

    @property
    def source(self) -> str: ...
    @property
    def source_port(self) -> int: ...
    @property
    def destination(self) -> str: ...
    @property
    def destination_port(self) -> int: ...
    @property
    def data(self) -> bytes: ...
    @property
    def flags(self) -> str: ...


Captured = TypeVar("Captured", bound=CapturedSegment)


def updates(pieces: Iterable[Captured]) -> Iterator[tuple[Captured, bytes]]:
    """Every UPDATE, whole, with the piece that completed it. A stream that stops being BGP is left there."""
    streams: dict[tuple[str, int, str, int], Framer | None] = {}
    for piece in pieces:
        which = (piece.source, piece.source_port, piece.destination, piece.destination_port)
        if "S" in piece.flags or which not in streams:
            streams[which] = Framer()
        framer = streams[which]
        if framer is None or not piece.data:
            continue
        framer.max_size = EXTENDED_MAX
        framer.feed(piece.data)
        try:
            for kind, body in framer.messages():
                if kind == MessageType.UPDATE:
                    yield piece, frame(kind, body)
        except ProtocolError:
            streams[which] = None


_NEXT_HOP, _MP_REACH = 3, 14


def rewrite_next_hops(update: bytes, names: Mapping[bytes, bytes]) -> bytes:
    """An UPDATE whose next hops have other addresses: `names` has octets of one address → those of another as long.

    What is damaged stays as it is.
    """
    octets = bytearray(update)
    start = HEADER_SIZE + 4 + int.from_bytes(update[HEADER_SIZE : HEADER_SIZE + 2], "big")
    block = update[start : start + int.from_bytes(update[start - 2 : start], "big")]
    at = start
    for flags, code, value in walk(block):
        at += 4 if flags & EXTENDED_LENGTH else 3
        # AFI, SAFI and the length stand before the next hop of MP_REACH_NLRI (RFC 4760 §3).
        hop = at + 4 if code == _MP_REACH else at
        size = value[3] if code == _MP_REACH and len(value) > 3 else len(value)
        for length in (16, 4):
            name = names.get(bytes(octets[hop : hop + length])) if code in (_NEXT_HOP, _MP_REACH) else None
            if name is not None and len(name) == length <= size:
                octets[hop : hop + length] = name
                break
        at += len(value)
    return bytes(octets)
