"""Where a running lab keeps its files, and how the next one finds what a killed one left behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import stat
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.places.errors import LabError, writing

SOCKET_PATH_LIMIT = 107
"""Bytes in the path of a Unix socket, without its end mark."""

_OWNER = "owner.json"
_CHILDREN = "children.jsonl"
_PF_EXITING = 0x4
"""Of a process's flags: it is being ended (Linux, sched.h)."""
_SIGKILL_WAITS = 1 << signal.SIGKILL - 1
"""Of its pending signals."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process beyond doubt: a pid is used again, a pid with its start time (in clock ticks since boot) is not."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The process that has this pid now; None: no process, or one that is about to end."""
        try:
            line = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        return cls.read(line)

    @classmethod
    def read(cls, line: str) -> ProcessId | None:
        """The process of a line of `/proc/PID/stat` (proc(5)); None: it has ended, or does nothing any more but end.

        The kernel takes seconds to end a lab of hundreds of namespaces, whose packet sockets it closes one by one.
        """
        # The second field is the program's name in parentheses and may hold anything: count from its end.
        fields = line[line.rindex(")") + 2 :].split()
        ends = fields[0] in "ZX" or int(fields[6]) & _PF_EXITING or int(fields[28]) & _SIGKILL_WAITS
        return None if ends else cls(int(line.split(maxsplit=1)[0]), int(fields[19]))

    @property
    def alive(self) -> bool:
        """True while it runs; a zombie does not, nor does one that was killed."""
        return ProcessId.of(self.pid) == self


@dataclass(frozen=True, slots=True)
class Child:
    """A child process that a lab recorded."""

    process: ProcessId
    label: str


@dataclass(frozen=True, slots=True)
class Leftover:
    """The directory of a lab whose owner is dead."""

    directory: Path
    name: str
    owner: ProcessId | None
    created: str
    children: tuple[Child, ...]


@dataclass(slots=True)
class LabState:
    """The directory of a lab that this process runs."""

    directory: Path

    @classmethod
    def create(cls, name: str) -> LabState:
        """Make `<base>/turnup/<name>-<pid>`. Raises LabError when no directory can be had."""
        base = base_directory()
        stem = re.sub(r"[^A-Za-z0-9_.-]", "_", name).lstrip(".")[:32] or "lab"
        owner = ProcessId.of(os.getpid())
        assert owner is not None, "this process has no /proc entry"
        record = {
            "name": name,
            "pid": owner.pid,
            "started": owner.started,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "argv": sys.argv,
        }
        fresh = None
        try:
            # Complete before it has its name: a directory that others can see always says whose it is.
            fresh = Path(tempfile.mkdtemp(prefix=f".{owner.pid}-", dir=base))
            (fresh / _OWNER).write_text(json.dumps(record, indent=2) + "\n")
            directory = _claim(fresh, base / f"{stem}-{owner.pid}")
        except OSError as error:
            if fresh is not None:
                shutil.rmtree(fresh, ignore_errors=True)
            raise LabError(f"no directory for the lab below {base}: {error.strerror}") from error
        return cls(directory)

    def subdirectory(self, name: str) -> Path:
        """A directory of its own for one node, made when missing; short enough for Unix sockets in it.

        Raises LabError where the disk is full.
        """
        path = self.directory / (re.sub(r"[^A-Za-z0-9_.-]", "_", name).lstrip(".")[:32] or "node")
        with writing(path):
            path.mkdir(exist_ok=True)
        return path

    def record_child(self, pid: int, label: str) -> None:
        """Note a child, so that `clean` can end it if we cannot. A child that is already gone is not noted.

        Raises LabError where the disk is full.
        """
        process = ProcessId.of(pid)
        if process is not None:
            with writing(self.directory), (self.directory / _CHILDREN).open("a") as file:
                file.write(json.dumps({**asdict(process), "label": label}) + "\n")

    def remove(self) -> None:
        """Remove the directory; safe to call twice."""
        shutil.rmtree(self.directory, ignore_errors=True)


def _claim(fresh: Path, wanted: Path) -> Path:
    """Give `fresh` its name; a process that runs several labs of one name gets -2, -3, …"""
    for number in range(1, 1000):
        target = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            fresh.rename(target)
        except OSError:
            if not target.exists():
                raise
        else:
            return target
    raise FileExistsError(f"too many labs called {wanted.name}")


def base_directory() -> Path:
    """Where this user's labs live, private and made when missing; TURNUP_STATE_DIR overrides it.

    Raises LabError for a directory of somebody else.
    """
    if chosen := os.environ.get("TURNUP_STATE_DIR", ""):
        return _private(Path(chosen))
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    for parent in (Path("/run") if os.geteuid() == 0 else None, Path(runtime) if runtime.startswith("/") else None):
        if parent is not None and os.access(parent, os.W_OK | os.X_OK):
            return _private(parent / "turnup")
    return _private(Path(f"/tmp/turnup-{_real_uid()}"))


def _real_uid() -> int:
    """Our user id outside of a user namespace, so that `turnup clean` looks where the lab was."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        inside, outside, count = map(int, Path("/proc/self/uid_map").read_text().splitlines()[0].split())
        if inside <= os.geteuid() < inside + count:
            return outside + os.geteuid() - inside
    return os.geteuid()


def _private(directory: Path) -> Path:
    try:
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        found = directory.lstat()
    except OSError as error:
        raise LabError(f"{directory} cannot be used: {error.strerror}") from error
    # Below /tmp anybody could have put a link or a directory of this name there, to see or redirect our files.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise LabError(f"{directory} is no directory of yours: remove it, or name another one by TURNUP_STATE_DIR")
    if found.st_mode & 0o022:
        raise LabError(f"{directory} is open to others, who could put files into it: chmod 700 {directory}")
    return directory


def running_directories() -> list[Path]:
    """The directories below our base whose owner lives, oldest first."""
    found = [
        (str(owner.get("created", "")), path)
        for path in base_directory().iterdir()
        if path.is_dir() and not path.is_symlink() and not path.name.startswith(".")
        for owner in [_read_owner(path)]
        for process in [_owner_of(path, owner)]
        if process is not None and process.alive
    ]
    return [path for _, path in sorted(found)]


def leftovers(below: Path | None = None) -> list[Leftover]:
    """The directories below our base, or below another one, whose owner is dead, oldest first."""
    base = below or base_directory()
    found = [
        Leftover(path, str(owner.get("name", path.name)), process, str(owner.get("created", "")), _children(path))
        for path in base.iterdir()
        if path.is_dir() and not path.is_symlink()
        for owner in [_read_owner(path)]
        for process in [_owner_of(path, owner)]
        if process is None or not process.alive
    ]
    return sorted(found, key=lambda leftover: (leftover.created, leftover.name))


def _read_owner(directory: Path) -> dict[str, Any]:
    try:
        owner = json.loads((directory / _OWNER).read_text())
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _owner_of(directory: Path, owner: dict[str, Any]) -> ProcessId | None:
    # Half made, or half removed: its name begins with the pid of the one that does, or did.
    digits = re.match(r"\.(\d+)-", directory.name)
    if digits and (found := ProcessId.of(int(digits[1]))) is not None:
        return found
    with contextlib.suppress(KeyError, TypeError, ValueError):
        return ProcessId(int(owner["pid"]), int(owner["started"]))
    return None


def _children(directory: Path) -> tuple[Child, ...]:
    children = []
    with contextlib.suppress(OSError):
        for line in (directory / _CHILDREN).read_text().splitlines():
            # A line that was cut off by the crash tells nothing.
            with contextlib.suppress(ValueError, KeyError, TypeError):
                item = json.loads(line)
                children.append(Child(ProcessId(int(item["pid"]), int(item["started"])), str(item["label"])))
    return tuple(children)


def clean(leftover: Leftover) -> list[str]:
    """End the children that are still ours and remove the directory; one line for each thing done.

    Several may clean at once: one of them removes it. Raises LabError where it cannot be removed.
    """
    if leftover.owner is not None and leftover.owner.alive:
        return [f"kept {leftover.directory}: process {leftover.owner.pid} still runs it"]
    done = []
    for child in leftover.children:
        if child.process.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.process.pid, signal.SIGKILL)
                done.append(f"killed {child.label} (process {child.process.pid})")
    mine = leftover.directory
    # Who dies half-way leaves what is found again: see `_owner_of`.
    with contextlib.suppress(OSError):
        mine = leftover.directory.rename(leftover.directory.with_name(f".{os.getpid()}-{leftover.directory.name}"))
    if mine == leftover.directory and not mine.exists():
        return done  # somebody else has it
    shutil.rmtree(mine, ignore_errors=True)
    if mine.exists():
        with contextlib.suppress(OSError):
            mine.rename(leftover.directory)
        raise LabError(f"{leftover.directory} cannot be removed: remove it by hand")
    done.append(f"removed {leftover.directory}")
    return done
