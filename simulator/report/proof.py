"""The proof of causes and findings: the frames of wire.pcap that show them, found in the file as it was written."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO, Final

from simulator.packets.conversation import Conversation, Sorter
from simulator.packets.kinds import AddressPair, PacketKind, Packets, PacketTally
from simulator.report.model import FoundFrames, Report, WantedPackets
from simulator.views.check import CheckView
from simulator.views.diagnosis import CauseView, PacketsFound, Proof, diagnosis

_GLOBAL, _RECORD = 24, 16
"""Octets of the file's header, and of a packet's."""
_ORDERS: Final = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}
"""The first octets of a pcap with microseconds, by the order of octets in it."""
_LONGEST: Final = 1 << 20
_SHOWN: Final = 6
"""Kinds of packets that one proof shows (simulator)."""


def find_frames(file: Path, report: Report) -> FoundFrames:
    """Look all packets up that the report's causes and findings rest on; numbers are those of the file, from 1."""
    try:
        with file.open("rb") as opened:
            return numbered(frames_of(opened), _wanted(report))
    except OSError:
        return {}


def frames_of(file: IO[bytes]) -> Iterator[tuple[float, bytes]]:
    """Seconds since the epoch and octets of each frame of a pcap; ends where the file cannot be read on."""
    head = file.read(_GLOBAL)
    order = _ORDERS.get(head[:4])
    if order is None or len(head) < _GLOBAL:
        return
    record = struct.Struct(f"{order}IIII")
    while len(header := file.read(_RECORD)) == _RECORD:
        seconds, micros, length, _ = record.unpack(header)
        frame = file.read(length) if length <= _LONGEST else b""
        if len(frame) < length or length > _LONGEST:
            return
        yield seconds + micros / 1e6, frame


def numbered(frames: Iterable[tuple[float, bytes]], wanted: Collection[WantedPackets]) -> FoundFrames:
    """How many frames there are of each kind that is wanted, up to its moment, and the numbers of the first few."""
    asked: dict[tuple[AddressPair, float], list[Packets]] = {}
    for packets, until in wanted:
        asked.setdefault((packets.ends, until), []).append(packets)
    if not asked:
        return {}
    sorter, running = Sorter(), []
    for (ends, until), mine in asked.items():
        prefixes = [each.detail for each in mine if each.kind is PacketKind.PREFIX_RECEIVED]
        running.append((until, Conversation(ends, prefixes), mine))
        sorter.add(running[-1][1])
    running.sort(key=lambda each: each[0], reverse=True)
    found: dict[WantedPackets, PacketTally] = {}

    def end() -> None:
        until, conversation, mine = running.pop()
        sorter.leave(conversation)
        tallies = conversation.found()
        found.update({(each, until): tallies[each.key] for each in mine if each.key in tallies})

    for number, (time, frame) in enumerate(frames, 1):
        while running and time > running[-1][0]:
            end()
        if not running:
            break
        sorter.take(number, frame)
    while running:
        end()
    return found


def _wanted(report: Report) -> set[WantedPackets]:
    wanted: set[WantedPackets] = set()
    for connection in report.connections:
        for check in connection.checks:
            until = report.ended(connection.id, (check.id,))
            wanted |= {(packets, until) for packets in check.packets if check.status.bad}
        for cause in diagnosis(connection.id, connection.checks):
            until = report.ended(connection.id, cause.explains)
            wanted |= {(packets, until) for packets in cause.packets}
    return wanted


def of_cause(report: Report, connection: str, cause: CauseView) -> Proof:
    """The frames that show it, and the lines of events.jsonl on which its checks ended and its NOTIFICATIONs stand."""
    return Proof(
        _found(report.frames, cause.packets, report.ended(connection, cause.explains)),
        report.lines_of(connection, cause.explains, cause.sessions),
    )


def of_check(report: Report, connection: str, check: CheckView, causes: Iterable[CauseView]) -> Proof:
    """What its causes rest on; where none is known, the packets that belong to it."""
    found = [each for cause in causes if check.id in cause.explains for each in cause.proof.packets]
    if not found:
        found = list(_found(report.frames, check.packets, report.ended(connection, (check.id,))))
    unique = tuple(dict.fromkeys(found))[:_SHOWN] if check.status.bad else ()
    return Proof(unique, report.lines_of(connection, (check.id,), ()))


def _found(frames: FoundFrames, packets: Collection[Packets], until: float) -> tuple[PacketsFound, ...]:
    for besides in (False, True):
        shown = [
            PacketsFound(str(each), tuple(tally.first), tally.count)
            for each in dict.fromkeys(packets)
            if each.besides is besides and (tally := frames.get((each, until))) is not None and tally.count
        ]
        if shown:
            return tuple(shown[:_SHOWN])
    return ()
