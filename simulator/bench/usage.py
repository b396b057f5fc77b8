"""What processes cost, as the kernel counts it: CPU time, memory, and what everybody else used meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from simulator.bench.guard import judged
from simulator.bench.reading import Reading

_TICK = os.sysconf("SC_CLK_TCK")


class CpuWatch:
    """CPU time of the benchmark's own processes, and of all others on the machine meanwhile."""

    def __init__(self, pids: Iterable[int]) -> None:
        """Besides this process, whose time is nobody's."""
        self._pids = (os.getpid(), *pids)
        self._began, self._busy = time.monotonic(), busy()
        self._own = {pid: cpu(pid) for pid in self._pids}
        self.elapsed = 0.0
        self.foreign = 0.0
        self.seconds: tuple[float, ...] = ()

    def read(self) -> tuple[float, ...]:
        """CPU seconds of each process given, since the beginning."""
        self.elapsed = time.monotonic() - self._began
        own = {pid: cpu(pid) - self._own[pid] for pid in self._pids}
        self.foreign = max(0.0, busy() - self._busy - sum(own.values())) / self.elapsed
        self.seconds = tuple(own[pid] for pid in self._pids[1:])
        return self.seconds

    def judge(self, reading: Reading) -> Reading:
        """The reading, marked as disturbed where others used the CPU up to the last `read`."""
        return judged(reading, self.elapsed)


def cpu(pid: int) -> float:
    """CPU seconds of a process and of the children that it has waited for, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = 0 if pid == os.getpid() else int(fields[13]) + int(fields[14])
    return (int(fields[11]) + int(fields[12]) + children) / _TICK


def busy() -> float:
    """CPU seconds of all processes, and what the hypervisor gave to others; not the kernel's work on packets."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (fields[0] + fields[1] + fields[2] + fields[7]) / _TICK


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found += parents.get(parent, [])
    return found
