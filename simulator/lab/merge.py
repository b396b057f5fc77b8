"""Joins the captures of several interfaces into one file, in the order of time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from simulator.lab.streams import load_scapy

_ETHERNET = 1


def merge_captures(sources: Sequence[Path], target: Path) -> int:
    """Write all packets of `sources` to `target`; returns how many there were. Blocking: run it in a thread."""
    load_scapy()
    from scapy.utils import RawPcapReader, RawPcapWriter

    def packets(path: Path) -> Iterator[tuple[int, int, bytes]]:
        reader: Any = RawPcapReader(str(path))
        with reader:
            for frame, meta in reader:
                yield meta.sec, meta.usec, frame

    count = 0
    writer: Any = RawPcapWriter(str(target), linktype=_ETHERNET)
    with writer:
        writer.write_header(None)
        for seconds, micro, frame in heapq.merge(*(packets(path) for path in sources), key=lambda packet: packet[:2]):
            writer.write_packet(frame, sec=seconds, usec=micro)
            count += 1
    return count
