"""Joins the captures of several interfaces into one file, in the order of time."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from simulator.lab.capture import Capture
from simulator.lab.streams import load_scapy

_ETHERNET = 1


async def keep_captures(captures: Collection[Capture], target: Path) -> str:
    """End captures and join their files in `target`. Returns why there is no such file; empty where there is one."""
    for capture in captures:
        await capture.stop()
    problem = next((capture.problem for capture in captures if capture.problem), "")
    paths = [capture.path for capture in captures if capture.path is not None]
    return problem or await asyncio.to_thread(_joined, paths, target)


def _joined(paths: Sequence[Path], target: Path) -> str:
    try:
        merge_captures(paths, target)
    except OSError as error:
        target.unlink(missing_ok=True)  # a part of it would pass for the whole
        return f"{target} cannot be written: {error.strerror}"
    return ""


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
    with target.open("wb") as file:  # scapy's own leaves a file open that it cannot flush
        writer: Any = RawPcapWriter(file, linktype=_ETHERNET)
        writer.write_header(None)
        for seconds, micro, frame in heapq.merge(*(packets(path) for path in sources), key=lambda packet: packet[:2]):
            writer.write_packet(frame, sec=seconds, usec=micro)
            count += 1
    return count
