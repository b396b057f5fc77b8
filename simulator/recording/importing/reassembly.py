"""TCP streams of a capture, each direction put together: retransmissions dropped, order restored, gaps counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from simulator.addresses import IpAddress
from simulator.recording.importing.packets import CapturedTcp

_MOST_WAITING: Final = 1 << 20
"""Octets that wait for one that is missing, until that is taken for lost (simulator)."""
_PATIENCE: Final = 64
"""Segments until an octet that was acknowledged, and is not in the capture, is taken for lost (simulator)."""
_MOST_OPEN: Final = 10_000
"""Connections that are put together at once (simulator)."""

End = tuple[IpAddress, int]


class TcpHeard(NamedTuple):
    """Something that happened on a TCP connection."""

    time: float
    connection: int
    source: End
    target: End
    what: Literal["up", "octets", "gap", "end"]
    octets: bytes = b""
    lost: int = 0
    """Of a gap: octets that the capture lacks, as far as that can be said."""
    why: str = ""
    """Of an end."""
    whole: bool = True
    """Of what came up: its beginning is in the capture."""


@dataclass(slots=True)
class _Direction:
    next: int | None = None
    """The sequence number of the octet that is due."""
    waiting: dict[int, bytes] = field(default_factory=dict)
    size: int = 0
    missed: tuple[int, int] | None = None
    """What the other side acknowledges and the capture lacks so far: up to where, and since which segment."""


@dataclass(slots=True)
class _Connection:
    number: int
    dialler: End
    directions: dict[End, _Direction]
    up: bool = False
    segments: int = 0
    last: CapturedTcp | None = None


def _ahead(a: int, b: int) -> int:
    """How far `a` is ahead of `b`, which may be negative (RFC 9293 §3.4: numbers wrap)."""
    return (a - b + 0x80000000 & 0xFFFFFFFF) - 0x80000000


class Reassembly:
    """Takes segments in the order of the capture."""

    def __init__(self) -> None:
        self._connections: dict[frozenset[End], _Connection] = {}
        self._count = 0
        self.again = 0
        """Octets that were sent again."""
        self.refused = 0
        """Segments of connections that were too many."""

    def take(self, segment: CapturedTcp) -> Iterator[TcpHeard]:
        """What one more segment makes known."""
        key = frozenset((segment.source, segment.target))
        connection = self._connections.get(key)
        if connection is None or (segment.syn and segment.acknowledged is None and connection.up):
            if connection is not None:
                yield from self._over(segment, connection, "another connection took its place")
            if segment.rst or (segment.fin and not segment.data):
                return
            if len(self._connections) >= _MOST_OPEN:
                self.refused += 1
                return
            connection = self._new(segment, key)
        connection.last = segment
        yield from self._within(segment, connection, key)

    def finish(self) -> Iterator[TcpHeard]:
        """The file is over: what waits is not waited for any longer."""
        for connection in self._connections.values():
            for end, direction in connection.directions.items():
                if connection.last is not None:
                    other = next(each for each in connection.directions if each != end)
                    last = connection.last._replace(source=end, target=other)
                    yield from self._missed_rest(last, connection, direction)

    def _new(self, segment: CapturedTcp, key: frozenset[End]) -> _Connection:
        self._count += 1
        answers = segment.syn and segment.acknowledged is not None
        dialler = segment.target if answers or segment.source[1] == 179 else segment.source
        made = _Connection(self._count, dialler, {segment.source: _Direction(), segment.target: _Direction()})
        self._connections[key] = made
        return made

    def _within(self, segment: CapturedTcp, connection: _Connection, key: frozenset[End]) -> Iterator[TcpHeard]:
        mine, theirs = connection.directions[segment.source], connection.directions[segment.target]
        sequence = segment.sequence
        if segment.syn:
            mine.next, sequence = sequence + 1 & 0xFFFFFFFF, sequence + 1 & 0xFFFFFFFF
        if not connection.up and (not segment.syn or segment.acknowledged is not None):
            connection.up = True
            target = next(end for end in connection.directions if end != connection.dialler)
            yield TcpHeard(
                segment.time, connection.number, connection.dialler, target, "up", whole=mine.next is not None
            )
        if mine.next is None:
            mine.next = sequence
        connection.segments += 1
        if segment.acknowledged is not None and theirs.next is not None:
            yield from self._missed(segment, connection, theirs)
        if segment.data or segment.lost:
            yield from self._data(segment, connection, mine, sequence)
        if segment.rst or segment.fin:
            yield from self._missed_rest(segment, connection, mine)
            yield from self._over(segment, connection, "reset" if segment.rst else "closed")
            self._connections.pop(key, None)

    def _data(
        self, segment: CapturedTcp, connection: _Connection, mine: _Direction, sequence: int
    ) -> Iterator[TcpHeard]:
        assert mine.next is not None, "it is set by the first segment"
        if segment.data:
            known = mine.waiting.get(sequence)
            if known is None or len(known) < len(segment.data):
                mine.size += len(segment.data) - len(known or b"")
                mine.waiting[sequence] = segment.data
        yield from self._due(segment, connection, mine)
        if mine.size > _MOST_WAITING or (segment.lost and not mine.waiting):
            yield from self._missed_rest(segment, connection, mine)
        if segment.lost and mine.next == sequence + len(segment.data) & 0xFFFFFFFF:
            mine.next = mine.next + segment.lost & 0xFFFFFFFF
            yield self._said(segment, connection, "gap", lost=segment.lost)

    def _due(self, segment: CapturedTcp, connection: _Connection, mine: _Direction) -> Iterator[TcpHeard]:
        assert mine.next is not None, "it is set by the first segment"
        while mine.waiting:
            first = min(mine.waiting, key=lambda at: _ahead(at, mine.next or 0))
            behind = -_ahead(first, mine.next)
            if behind < 0:
                return
            data = mine.waiting.pop(first)
            mine.size -= len(data)
            self.again += min(behind, len(data))
            if fresh := data[behind:]:
                mine.next = mine.next + len(fresh) & 0xFFFFFFFF
                yield self._said(segment, connection, "octets", octets=fresh)

    def _missed(self, segment: CapturedTcp, connection: _Connection, theirs: _Direction) -> Iterator[TcpHeard]:
        """The other side acknowledges octets that the capture lacks: after some more segments they will not come."""
        assert segment.acknowledged is not None and theirs.next is not None, "asked before"
        ahead = _ahead(segment.acknowledged, theirs.next)
        if ahead <= 1:  # a FIN counts as one
            theirs.missed = None
            return
        if theirs.missed is None or _ahead(theirs.missed[0], theirs.next) <= 1:
            theirs.missed = segment.acknowledged, connection.segments
        upto, since = theirs.missed
        if connection.segments - since < _PATIENCE:
            return
        theirs.missed = None
        ahead = _ahead(upto, theirs.next)
        lost = min(min((_ahead(at, theirs.next) for at in theirs.waiting), default=ahead), ahead)
        theirs.next = theirs.next + lost & 0xFFFFFFFF
        other = segment._replace(source=segment.target, target=segment.source)
        yield self._said(other, connection, "gap", lost=lost)
        yield from self._due(other, connection, theirs)

    def _missed_rest(self, segment: CapturedTcp, connection: _Connection, mine: _Direction) -> Iterator[TcpHeard]:
        """What waits is not waited for any longer."""
        while mine.waiting:
            assert mine.next is not None, "something came"
            lost = min(_ahead(at, mine.next) for at in mine.waiting)
            mine.next = mine.next + lost & 0xFFFFFFFF
            yield self._said(segment, connection, "gap", lost=lost)
            yield from self._due(segment, connection, mine)

    def _over(self, segment: CapturedTcp, connection: _Connection, why: str) -> Iterator[TcpHeard]:
        if connection.up:
            connection.up = False
            yield self._said(segment, connection, "end", why=why)

    @staticmethod
    def _said(
        segment: CapturedTcp,
        connection: _Connection,
        what: Literal["octets", "gap", "end"],
        *,
        octets: bytes = b"",
        lost: int = 0,
        why: str = "",
    ) -> TcpHeard:
        return TcpHeard(segment.time, connection.number, segment.source, segment.target, what, octets, lost, why)
