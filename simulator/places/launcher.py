"""The first thing that runs in a lab's child process: tie its life to ours, join a namespace, become the program.

Run as a script: `python -I -S launcher.py PARENT_PID NETNS_FD SANDBOX PROGRAM ARG…` with NETNS_FD -1 for none, and
SANDBOX the JSON of a `simulator.places.sandbox.Sandbox`, or `-` for none. It takes the place of subprocess's
`preexec_fn`, which may not be used once the parent has threads. Standard library only.

In a sandbox the program sees this machine's files and may change any of them, as it may in production: what it writes
goes to memory of its own, and is gone when it ends. Only the directories that the sandbox keeps are really written to.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import signal
import struct
import sys
from collections.abc import Iterable
from typing import Any

CLONE_NEWNET = 0x40000000
CLONE_NEWNS = 0x20000
PR_SET_PDEATHSIG = 1
FAILED = 127
SCRATCH = 256 << 20
"""Octets that a program may write anywhere else than in the directories that its cell keeps; then its disk is full."""

_MS_BIND, _MS_REC, _MS_PRIVATE, _MS_NOSUID = 0x1000, 0x4000, 0x40000, 2
_MOUNT_SETATTR = 442
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE, _ATTR_RDONLY = -100, 0x8000, 1

_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_SETGROUPS = {"x86_64": 116, "aarch64": 159, "riscv64": 159, "ppc64le": 81, "s390x": 206}

_ELSEWHERE = ("/proc/", "/sys/", "/dev/")
"""No files to be laid over: the first two are there as they are, the last is made anew."""
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_SCRATCH = "/dev"
"""Where the sandbox is built, while its own /dev is not there yet."""
_ROOT = f"{_SCRATCH}/root"
_HOME = "/dev/empty"
"""The home of the users that a daemon becomes, in the sandbox."""

_libc = ctypes.CDLL(None, use_errno=True)


class _LaunchError(Exception):
    pass


def main(arguments: list[str]) -> int:
    """Replace this process by the program; returns an exit status only when that fails."""
    parent, namespace, sandbox, argv = int(arguments[0]), int(arguments[1]), arguments[2], arguments[3:]
    try:
        _check(_libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0), "set the parent death signal")
        # A parent that died before the line above would never be noticed: this is the only moment to look.
        if os.getppid() != parent:
            return FAILED
        if namespace >= 0:
            _check(_libc.setns(namespace, CLONE_NEWNET), "enter the network namespace")
            os.close(namespace)
        if sandbox != "-":
            _enter(json.loads(sandbox))
        os.execv(argv[0], argv)
    except _LaunchError as error:
        sys.stderr.write(f"{error}\n")
    except OSError as error:
        sys.stderr.write(
            f"cannot start {argv[0]}: {error.strerror}{f' ({error.filename})' if error.filename else ''}\n"
        )
    return FAILED


def _check(result: int, what: str) -> None:
    if result != 0:
        raise _LaunchError(f"cannot {what}: {os.strerror(ctypes.get_errno())}")


def _mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> bool:
    arguments = (source.encode(), os.fsencode(target), kind.encode() or None, ctypes.c_ulong(flags), data.encode())
    return bool(_libc.mount(*arguments) == 0)


def _mount_memory(target: str) -> None:
    _check(0 if _mount("tmpfs", target, "tmpfs", _MS_NOSUID, f"mode=755,size={SCRATCH}") else -1, f"mount {target}")


def _bind(source: int | str, target: str) -> None:
    path = source if isinstance(source, str) else f"/proc/self/fd/{source}"
    _check(0 if _mount(path, target, flags=_MS_BIND | _MS_REC) else -1, f"mount {target}")


def _bind_read_only(source: int, target: str) -> None:
    _bind(source, target)
    attributes = struct.pack("=4Q", _ATTR_RDONLY, 0, 0, 0)
    call = (ctypes.c_long(_MOUNT_SETATTR), _AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, attributes)
    _check(_libc.syscall(*call, ctypes.c_size_t(len(attributes))), f"protect {target} (needs Linux 5.12 or later)")


def _mount_points() -> list[str]:
    """Where something is mounted, the outer before the inner."""
    with open("/proc/self/mountinfo") as file:
        paths = {re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split()[4]) for line in file}
    return sorted(paths)


def _enter(sandbox: dict[str, Any]) -> None:
    """Have mounts of one's own, as the sandbox says."""
    # In a user namespace that an ordinary user made there is one user, and setgroups() is forbidden.
    with open("/proc/self/setgroups") as file:
        alone = file.read().strip() == "deny"
    _check(_libc.unshare(CLONE_NEWNS), "have mounts of its own")
    _check(0 if _mount("none", "/", flags=_MS_REC | _MS_PRIVATE) else -1, "keep its mounts to itself")
    kept = [(path, os.open(path, os.O_PATH | os.O_DIRECTORY)) for path in sandbox["keeps"]]
    layers = _layers()
    devices = _opened((name, f"/dev/{name}") for name in _DEVICES)
    if sandbox["log"]:
        devices.append(("log", os.open(sandbox["log"], os.O_PATH)))
    _mount_memory(_SCRATCH)
    os.mkdir(_ROOT)
    _mount_memory(_ROOT)
    for name in os.listdir("/"):
        if os.path.islink(f"/{name}"):
            os.symlink(os.readlink(f"/{name}"), f"{_ROOT}/{name}")
    for number, (path, fd) in enumerate(layers):
        _lay(number, fd, _ROOT + path, "userxattr," if alone else "")
    for path in _ELSEWHERE:
        os.mkdir(_ROOT + path)
    for path in _ELSEWHERE[:2]:
        _bind(path, _ROOT + path)
    _make_devices(devices)
    if alone:
        # Here the files of other users, root's among them, cannot be changed even in a layer of one's own.
        for path in ("/run", "/var/log"):
            _renew(_ROOT + path)
    for path, fd in kept:
        os.makedirs(_ROOT + path, exist_ok=True)
        _bind(fd, _ROOT + path)
    for path in sandbox["names"]:
        if not path.startswith((*_ELSEWHERE, *sandbox["keeps"])):
            if alone:
                _claim(_ROOT + path)
            _make_usable(_ROOT + path)
    _write_users(sandbox["users"], alone)
    os.chdir(_ROOT)
    _check(_libc.syscall(ctypes.c_long(_call(_PIVOT_ROOT)), b".", b"."), "have a root of its own")
    _check(_libc.umount2(b".", _MNT_DETACH), "let go of the old root")
    os.chdir(sandbox["cwd"] or "/")
    if alone and sandbox["users"]:
        _let_setgroups_succeed()


def _call(numbers: dict[str, int]) -> int:
    """A system call's number here."""
    machine = os.uname().machine
    if machine not in numbers:
        raise _LaunchError(f"real routers are not run on {machine} (on {', '.join(numbers)} they are)")
    return numbers[machine]


def _opened(paths: Iterable[tuple[str, str]]) -> list[tuple[str, int]]:
    """Descriptors of what is there, in whatever way it will be hidden."""
    found = []
    for name, path in paths:
        with contextlib.suppress(OSError):
            found.append((name, os.open(path, os.O_PATH)))
    return found


def _layers() -> list[tuple[str, int]]:
    """What is to be laid over, the outer before the inner, with descriptors: whatever is in /, and is mounted there."""
    paths = {f"/{name}" for name in os.listdir("/")} | set(_mount_points())
    wanted = sorted(path for path in paths if path != "/" and not f"{path}/".startswith(_ELSEWHERE))
    return _opened((path, path) for path in wanted if not os.path.islink(path))


def _lay(number: int, source: int, target: str, options: str) -> None:
    """Let `target` show `source`, with a layer of the sandbox's own over it; read-only where that cannot be."""
    seen, upper, work = f"/proc/self/fd/{source}", f"{_SCRATCH}/{number}.upper", f"{_SCRATCH}/{number}.work"
    if os.path.isdir(seen):
        with contextlib.suppress(FileExistsError):
            os.mkdir(target)
        for path in (upper, work):
            os.mkdir(path)
        os.chmod(upper, os.stat(seen).st_mode & 0o7777)
        data = f"{options}lowerdir={seen},upperdir={upper},workdir={work}"
        if _mount("overlay", target, "overlay", 0, data):
            os.close(source)
            return
    if os.path.lexists(target):
        _bind_read_only(source, target)
    os.close(source)


def _make_devices(devices: list[tuple[str, int]]) -> None:
    """A /dev with the harmless ones and the lab's socket in place of syslog's."""
    folder = f"{_ROOT}/dev"
    _mount_memory(folder)
    for name, fd in devices:
        os.close(os.open(f"{folder}/{name}", os.O_CREAT | os.O_WRONLY))
        _bind(fd, f"{folder}/{name}")
        os.close(fd)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"{folder}/{name}")
    for path in (f"{folder}/shm", _ROOT + _HOME):
        os.mkdir(path)


def _renew(path: str) -> None:
    """An empty tree of the same directories, two deep, that the one user may write to."""
    inner = []
    for entry in os.scandir(path):
        if entry.is_dir(follow_symlinks=False):
            inner.append(entry.path)
            with contextlib.suppress(OSError):
                inner += [sub.path for sub in os.scandir(entry.path) if sub.is_dir(follow_symlinks=False)]
    _mount_memory(path)
    for name in inner:
        os.makedirs(name, exist_ok=True)


def _claim(path: str) -> None:
    """Alone: where there is to be a file in a directory of another user's, have one of our own with the same in it."""
    if os.access(path, os.F_OK):
        return
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    if _may_write_in(folder):
        return
    entries: list[str] = []
    with contextlib.suppress(OSError):  # nobody here may read it
        entries = os.listdir(folder)
    opened = _opened((f"{folder}/{name}", f"{folder}/{name}") for name in entries)
    links = [(name, os.readlink(name)) for name, _ in opened if os.path.islink(name)]
    _mount_memory(folder)
    for name, target in links:
        os.symlink(target, name)
    for name, fd in opened:
        if not os.path.islink(name):
            if os.path.isdir(f"/proc/self/fd/{fd}"):
                os.mkdir(name)
            else:
                os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
            _bind(fd, name)
        os.close(fd)


def _may_write_in(folder: str) -> bool:
    """Tried, for neither its mode nor its owner says it of a layer over another user's directory."""
    probe = f"{folder}/.{os.getpid()}"
    try:
        os.mkdir(probe)
        os.rmdir(probe)
    except OSError:
        return False
    return True


def _make_usable(path: str) -> None:
    """Where a file may be written: its directory is there, and both are of the one that the program runs as."""
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    for part in (os.path.dirname(path), path):
        with contextlib.suppress(OSError):
            if os.lstat(part).st_uid != os.geteuid():
                os.chown(part, os.geteuid(), -1, follow_symlinks=False)


def _write_users(names: list[str], alone: bool) -> None:
    """The users and groups that a daemon drops its privileges to: with an empty home, and alone they are the one."""
    if not names:
        return
    for file, fields in (("passwd", 2), ("group", 1)):
        with open(f"/etc/{file}") as source:
            lines = [line.rstrip("\n").split(":") for line in source]
        for line in lines:
            if line[0] in names:
                if alone:
                    line[2 : 2 + fields] = ["0"] * fields
                if file == "passwd":
                    line[5] = _HOME
        with open(f"{_SCRATCH}/{file}", "w") as target:
            target.writelines(":".join(line) + "\n" for line in lines)
        _bind(f"{_SCRATCH}/{file}", f"{_ROOT}/etc/{file}")


def _let_setgroups_succeed() -> None:
    """Daemons insist on setgroups(), even to the groups they have: it is answered with success and does nothing."""
    number = _call(_SETGROUPS)
    # load the system call's number; equal to setgroups: SECCOMP_RET_ERRNO with errno 0; else SECCOMP_RET_ALLOW
    steps = ((0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50000), (0x06, 0, 0, 0x7FFF0000))
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    pr_set_seccomp, filter_mode = 22, ctypes.c_ulong(2)
    _check(_libc.prctl(pr_set_seccomp, filter_mode, program, 0, 0), "filter system calls")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
