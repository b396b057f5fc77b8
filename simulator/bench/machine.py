"""The machine that figures are from, as it names itself, and what is installed on it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import simulator
from simulator import compiled
from simulator.places.errors import LabError
from simulator.places.process import Program, find_program
from simulator.routers.bird.file import BIRD
from simulator.routers.frr.file import BGPD as FRR
from simulator.routers.gobgp.file import GOBGPD
from simulator.routers.openbgpd.file import BGPD as OPENBGPD

BGPDUMP: Final = Program("bgpdump", "bgpdump", "apt-get install bgpdump")


@dataclass(frozen=True, slots=True)
class Rival:
    """A program that figures are compared with, and how it tells its version."""

    program: Program
    words: tuple[str, ...]
    version: re.Pattern[str]


RIVALS: Final[dict[str, Rival]] = {
    "BIRD": Rival(BIRD, ("--version",), re.compile(r"BIRD version (\S+)")),
    "FRR": Rival(FRR, ("--version",), re.compile(r"bgpd version (\S+)")),
    "GoBGP": Rival(GOBGPD, ("--version",), re.compile(r"gobgpd version (\S+)")),
    "OpenBGPD": Rival(OPENBGPD, ("-V",), re.compile(r"OpenBGPD (\S+)")),
    "bgpdump": Rival(BGPDUMP, ("-V",), re.compile(r"bgpdump version (\S+)", re.IGNORECASE)),
}


def missing(who: str) -> str:
    """Why a rival cannot be measured here, with what to do; empty for one that can, and for what is no program."""
    try:
        if who in RIVALS:
            find_program(RIVALS[who].program)
    except LabError as error:
        return str(error)
    return ""


def version(who: str) -> str:
    """Of a rival; empty where it is not installed or does not say."""
    rival = RIVALS[who]
    try:
        command = [str(find_program(rival.program)), *rival.words]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL, check=False
        )
    except (LabError, OSError, subprocess.TimeoutExpired):
        return ""
    found = rival.version.search(done.stdout + done.stderr)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a figure depends on, beside the code."""

    cpu: str
    cores: int
    """That this process may use."""
    memory: float
    """GB (10^9 octets)."""
    kernel: str
    python: str
    turnup: str
    code: str
    """`pure` or `compiled`."""
    rivals: dict[str, str]
    """Of each that is installed, the version."""

    @property
    def told(self) -> str:
        """One line."""
        others = ", ".join(f"{who} {found}".strip() for who, found in self.rivals.items())
        return (
            f"{self.cpu}, {self.cores} cores, {self.memory:.1f} GB, {self.kernel}; Python {self.python}, "
            f"turnup {self.turnup} ({self.code}); {others or 'no other daemon'}"
        )


def machine() -> Machine:
    """This one."""
    rivals = {who: version(who) for who in RIVALS if not missing(who)}
    return Machine(
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9,
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        turnup=simulator.__version__,
        code=compiled.code().split(",")[0].split(":")[0],
        rivals=rivals,
    )


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return " ".join(found[1].split()) if found else platform.machine()
