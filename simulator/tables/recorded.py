"""BGP messages out of recorded octets: each direction of each TCP connection is a stream of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from simulator.wire.framing import EXTENDED_MAX, Framer, MessageType, WireError, frame


class Recorded(Protocol):
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


R = TypeVar("R", bound=Recorded)


def updates(pieces: Iterable[R]) -> Iterator[tuple[R, bytes]]:
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
        except WireError:
            streams[which] = None
