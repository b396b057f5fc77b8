"""From messages to a recording: whose side each is, the topology that they call for, and the records of it."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Final

import simulator
from simulator.addresses import IpAddress
from simulator.diagnosis.evidence import PeerTable
from simulator.recording.codec import encode
from simulator.recording.file import MAGIC, VERSION, RecordingReader, RecordingWriter
from simulator.recording.importing.messages import ImportedFile, ImportedMessage, ImportFileError
from simulator.recording.outcome import Played
from simulator.recording.player import RecordingPlayer
from simulator.recording.records import result_of
from simulator.recording.secrets import topology_document
from simulator.session.messages import Capabilities, ErrorCode, Family, Open
from simulator.topology.plan import SessionPlan, plans
from simulator.topology.schema import Topology
from simulator.wire.framing import HEADER_SIZE, KEEPALIVE, MessageType, ProtocolError
from simulator.wire.notification import decode_notification
from simulator.wire.open import decode_open, encode_open

MICROSOFT: Final = 8075
_ASSUMED_HOLD: Final = 180
_WIDEST: Final = {4: 16, 6: 32}
"""The widest LAN that is taken for one, where no topology says it (simulator)."""
_REMARKS: Final = 1000
_NOBODY: Final = "an import: nobody looked at the link or asked the router"

SessionEnds = tuple[IpAddress, IpAddress]
"""The edge's address and the peer's."""


@dataclass(slots=True)
class _Session:
    """One pair of addresses."""

    ends: SessionEnds
    asn: int
    connection: str = ""
    id: str = ""
    number: int = 0
    """Of its peer in the recording."""
    connections: int = 0
    """TCP connections so far."""
    open: dict[int, int] = field(default_factory=dict)
    """Connection of the file → connection of the session, while it lasts."""
    greeted: set[int] = field(default_factory=set)
    """Of the connections of the file: the peer's OPEN has come."""


@dataclass(slots=True)
class Imported:
    """What an import came to."""

    sessions: int
    messages: int
    assumed: int
    """Sessions whose OPEN is not in the file."""
    unused: Counter[str]
    notes: list[str]
    played: Played


class Importer:
    """Imports one file."""

    def __init__(self, file: ImportedFile, topology: Topology | None, edge: IpAddress | None) -> None:
        """`topology`: whose sessions they are; without one it is made of what is seen. `edge`: an edge's address, where
        no OPEN tells which side is Microsoft's."""
        self._file = file
        self._topology = topology
        self._edge = edge
        self._microsoft = topology.microsoft.asn if topology is not None else MICROSOFT
        self._said: list[ImportedMessage] = []
        self._asns: dict[IpAddress, int] = {}
        """By address: of its OPEN, or as the file says."""
        self._sides: dict[frozenset[IpAddress], SessionEnds | None] = {}
        self._sessions: dict[SessionEnds, _Session] = {}
        self._messages = 0
        self._assumed = 0
        self._remarks = 0

    def write(self, path: Path) -> Imported:
        """Raises ImportFileError, and RecordingError."""
        self._said = sorted(self._file.said(), key=lambda each: each.time)  # two files of a capture may overlap
        self._learn()
        topology = self._placed()
        records = [*self._records(topology)]
        self._write(path, topology, records, ())
        played = RecordingPlayer(RecordingReader(path)).play()
        report = played.report
        result = ["result", report.started, report.finished, {}, result_of(report)]
        self._write(path, topology, records, (result,))
        unused = +self._file.unused
        return Imported(len(self._sessions), self._messages, self._assumed, unused, self._file.notes, played)

    def _write(self, path: Path, topology: Topology, records: Iterable[list[Any]], last: Iterable[list[Any]]) -> None:
        document, _ = topology_document(topology)
        header = {"by": simulator.__version__, "kind": "import", "link": "loopback", "topology": document}
        writer = RecordingWriter(path, waits=True)
        for record in ([MAGIC, VERSION, header], *records, *last):
            writer.write(record)
        writer.close()
        if writer.problem:
            raise ImportFileError(writer.problem)

    # --- whose side ---

    def _learn(self) -> None:
        """Which side each address is on."""
        for said in self._said:
            if said.asns is not None:
                self._asns.setdefault(said.source, said.asns[0])
                self._asns.setdefault(said.target, said.asns[1])
            elif said.what == "message" and _kind(said.octets) == MessageType.OPEN:
                try:
                    self._asns.setdefault(said.source, decode_open(said.octets[HEADER_SIZE:]).asn)
                except ProtocolError:
                    continue
        mine = plans(self._topology) if self._topology is not None else ()
        known = {(plan.edge_address, plan.peer_address) for plan in mine}
        for said in self._said:
            pair = frozenset((said.source, said.target))
            if pair not in self._sides:
                self._sides[pair] = self._side(said, known)

    def _side(self, said: ImportedMessage, known: set[SessionEnds]) -> SessionEnds | None:
        here, there = said.target, said.source
        for ends in ((here, there), (there, here)):
            if ends in known or ends[0] == self._edge:
                return ends
        if self._topology is not None:
            return None
        for ends in ((here, there), (there, here)):
            if self._asns.get(ends[0]) == self._microsoft != self._asns.get(ends[1]):
                return ends
        if said.asns is not None:  # a collector's file: it stands where Microsoft's edge would
            note = f"{here} is no router of AS{self._microsoft}: it is taken for one, as the one that recorded"
            if note not in self._file.notes and len(self._file.notes) < _REMARKS:
                self._file.notes.append(note)
            return here, there
        return None

    def _ends(self, said: ImportedMessage) -> SessionEnds | None:
        return self._sides[frozenset((said.source, said.target))]

    # --- the topology ---

    def _placed(self) -> Topology:
        for said in self._said:
            ends = self._ends(said)
            if ends is not None and ends not in self._sessions:
                self._sessions[ends] = _Session(ends, self._asns.get(ends[1], 0))
        for said in self._said:
            if self._ends(said) is None and said.what == "message":
                nobody = f"neither side is known to be AS{self._microsoft} (--edge)"
                which = "no session of the topology" if self._topology else nobody
                self._file.unused[f"messages of {said.source} with {said.target}: {which}"] += 1
        if self._topology is None:
            for session in [each for each in self._sessions.values() if not each.asn]:
                self._file.unused[f"sessions of {session.ends[1]}: no OPEN says which AS it is (--topology)"] += 1
                del self._sessions[session.ends]
        if not self._sessions:
            raise ImportFileError(f"{self._file.path}: {self._why_none()}")
        topology = self._topology or self._made()
        by_ends: dict[SessionEnds, SessionPlan] = {
            (plan.edge_address, plan.peer_address): plan for plan in plans(topology)
        }
        for number, (ends, session) in enumerate(self._sessions.items(), 1):
            plan = by_ends[ends]
            session.id, session.connection, session.number = plan.id, plan.connection, number
            session.asn = session.asn or plan.peer.asn
        return topology

    def _why_none(self) -> str:
        """What of the file was not read comes first: the sessions may be there."""
        none = f"no BGP session with AS{self._microsoft} is in "
        if self._file.notes:
            return f"{'; '.join(self._file.notes)}; {none}what was read"
        return f"{none}it: " + (
            "name the topology" if self._topology is None else "its addresses are others than the topology's"
        )

    def _made(self) -> Topology:
        """A topology of the sessions that were seen: each peering has one session."""
        edges = {address: f"edge-{at}" for at, address in enumerate(dict.fromkeys(e for e, _ in self._sessions), 1)}
        lan = {f"ipv{key}": str(found) for key in (4, 6) if (found := _lan(self._sessions, key)) is not None}
        document: dict[str, Any] = {
            "name": "imported",
            "description": f"what is seen in {self._file.path.name}",
            "exchange": {"name": "imported", "metro": "unknown", "lan": lan},
            "edges": [{"name": name, f"ipv{each.version}": str(each)} for each, name in edges.items()],
            "peers": [],
            "peerings": [],
            "times": {"soak": 0},
            "checks": {"exclude": ["C1"]},  # nobody knows what else there is
        }
        for number, session in enumerate(self._sessions.values(), 1):
            edge, peer = session.ends
            name = f"as{session.asn}-{number}"
            document["peers"].append(
                {"name": name, "asn": session.asn, f"ipv{peer.version}": str(peer), "router": "external"}
            )
            document["peerings"].append(
                {
                    "name": name,
                    "peer": name,
                    "connections": [{"edge": edges[edge]}],
                    "families": [f"IPv{peer.version}"],
                }
            )
        return Topology.model_validate(document)

    # --- the records ---

    def _records(self, topology: Topology) -> Iterator[list[Any]]:
        began = max(0.0, self._said[0].time - 0.001)
        clock = _Moments()
        yield from clock.at(began)
        names: dict[str, list[str]] = {}
        for plan in plans(topology):
            if any(session.connection == plan.connection for session in self._sessions.values()):
                names.setdefault(plan.connection, []).append(plan.id)
        yield ["E", "Remark", {"time": began, "text": f"imported from {self._file.path.name}"}]
        numbers = {session.id: session.number for session in self._sessions.values()}
        others = len(numbers)
        for at, (connection, sessions) in enumerate(names.items(), 1):
            yield ["v", "request", connection, "by an import"]
            for verb in ("approve", "take_notice"):
                yield ["v", verb, connection]
            yield ["v", "provision", connection]
            for session in sessions:
                if session not in numbers:
                    others += 1
                    numbers[session] = others
                yield ["P", numbers[session], session, 0]
            yield ["v", "start_validation", connection]
            yield ["b", at, connection, sessions]
        looks, last = {connection: at for at, connection in enumerate(names, 1)}, self._last()
        for index, said in enumerate(self._said):
            ends = self._ends(said)
            if ends in self._sessions and ends is not None:
                mine = self._sessions[ends]
                yield from clock.at(said.time)
                if _is_cease(said, ends[0]) and last[mine.connection] < index and mine.connection in looks:
                    # Microsoft's side ends what nobody begins again: it is looked at as it was until then.
                    yield from self._judged(mine.connection, names, looks.pop(mine.connection), began)
                yield from self._heard(mine, said)
        for connection, at in looks.items():
            yield from self._judged(connection, names, at, began)

    def _last(self) -> dict[str, int]:
        """By connection: where the file tells of its peer for the last time."""
        found: dict[str, int] = {}
        for index, said in enumerate(self._said):
            ends = self._ends(said)
            if (
                ends in self._sessions
                and ends is not None
                and said.what in ("up", "message")
                and said.source == ends[1]
            ):
                found[self._sessions[ends].connection] = index
        return {session.connection: found.get(session.connection, 0) for session in self._sessions.values()}

    @staticmethod
    def _judged(connection: str, names: dict[str, list[str]], at: int, began: float) -> Iterator[list[Any]]:
        looked = {"since": began, "expected": [], "lifted": False, "final": True}
        sessions = {name: {"peer_table": encode(PeerTable(not_ours=_NOBODY))} for name in names[connection]}
        seen = {"of": {"capture_skipped": _NOBODY}, "sessions": sessions}
        yield ["l", at, "VALIDATING", connection, names[connection], at, looked, seen]
        yield ["tell", connection, [at]]
        yield ["conclude", connection, [at]]
        yield ["q", "compare", connection]

    def _heard(self, session: _Session, said: ImportedMessage) -> Iterator[list[Any]]:
        from_peer = said.source == session.ends[1]
        if said.what == "up":
            if said.whole:
                yield from self._up(session, said)
        elif said.what == "end":
            yield from self._down(session, said)
        elif said.what == "gap":
            yield self._remark(said, f"{session.id}: the file lacks {said.why} of what {said.source} sent")
        elif not from_peer:
            yield ["i", session.number]
            if _kind(said.octets) == MessageType.NOTIFICATION:
                yield self._remark(said, f"{session.id}: in the file {said.source} sends {_notification(said.octets)}")
        else:
            yield from self._message(session, said)

    def _up(self, session: _Session, said: ImportedMessage) -> Iterator[list[Any]]:
        if not said.whole:  # it is Established there, so what was before it is over
            for connection in list(session.open):
                yield from self._down(session, said._replace(connection=connection, why="another took its place"))
        session.connections += 1
        session.open[said.connection] = session.connections
        yield ["i", session.number]
        yield ["c", session.number, "accepted", str(session.ends[0])]

    def _message(self, session: _Session, said: ImportedMessage) -> Iterator[list[Any]]:
        kind = _kind(said.octets)
        again = said.connection in session.greeted and kind == MessageType.OPEN
        if again and said.asns is not None:  # MRT tells of no connection: another OPEN is another one
            yield from self._down(session, said._replace(why="another connection took its place"))
        if said.connection not in session.open:
            yield from self._up(session, said)
        if said.connection not in session.greeted:
            session.greeted.add(said.connection)
            if kind not in (MessageType.OPEN, MessageType.NOTIFICATION):
                self._assumed += 1
                yield self._remark(said, f"{session.id}: the file begins after the peer's OPEN: one is assumed")
                family = Family.IPV4 if session.ends[1].version == 4 else Family.IPV6
                able = Capabilities(families=frozenset({family}), asn4=said.asn4)
                assumed = Open(session.asn, _ASSUMED_HOLD, IPv4Address(_identifier(session.ends[1])), able)
                yield self._octets(session, said, encode_open(assumed))
                yield self._octets(session, said, KEEPALIVE)
        self._messages += 1
        yield self._octets(session, said, said.octets)

    @staticmethod
    def _octets(session: _Session, said: ImportedMessage, octets: bytes) -> list[Any]:
        return ["r", session.number, session.open[said.connection], b64encode(octets).decode()]

    def _down(self, session: _Session, said: ImportedMessage) -> Iterator[list[Any]]:
        session.greeted.discard(said.connection)
        stream = session.open.pop(said.connection, None)
        if stream is not None:
            who = "the peer" if said.source == session.ends[1] else "this side"
            yield ["d", session.number, stream, f"{said.why} by {who}" if said.asns is None else said.why]
            yield ["g", session.number, stream]

    def _remark(self, said: ImportedMessage, text: str) -> list[Any]:
        self._remarks += 1
        if self._remarks == _REMARKS:
            text = f"{text}; no more is said of this kind"
        return ["E", "Remark", {"time": said.time, "text": text}] if self._remarks <= _REMARKS else ["@", 0]


class _Moments:
    """Time as records have it."""

    def __init__(self) -> None:
        self._now = 0

    def at(self, time: float) -> Iterator[list[Any]]:
        """A moment; never back."""
        now = max(round(time * 1e6), self._now)
        if now != self._now:
            yield ["@", now - self._now]
            self._now = now


def _kind(message: bytes) -> int:
    return message[18] if len(message) >= HEADER_SIZE else 0


def _is_cease(said: ImportedMessage, edge: IpAddress) -> bool:
    octets = said.octets
    notifies = said.what == "message" and said.source == edge and _kind(octets) == MessageType.NOTIFICATION
    return notifies and octets[HEADER_SIZE : HEADER_SIZE + 1] == bytes([ErrorCode.CEASE])


def _notification(message: bytes) -> str:
    try:
        return f"NOTIFICATION {decode_notification(message[HEADER_SIZE:])}"
    except ProtocolError:
        return "a NOTIFICATION that cannot be read"


def _identifier(address: IpAddress) -> int:
    return int(address) & 0xFFFFFFFF or 1


def _lan(sessions: Iterable[SessionEnds], version: int) -> Any:
    """The LAN that all addresses of a family may be on; None where they are far apart."""
    addresses = [address for ends in sessions for address in ends if address.version == version]
    if not addresses:
        return None
    low, high = min(addresses, key=int), max(addresses, key=int)
    width = addresses[0].max_prefixlen - (int(low) ^ int(high)).bit_length()
    if width < _WIDEST[version]:
        return None
    network = IPv4Network if version == 4 else IPv6Network
    return network((int(low), width), strict=False)
