"""The first thing that runs in a lab's child process: tie its life to ours, join a namespace, become the program.

Run as a script: `python -I -S launcher.py PARENT_PID NETNS_FD PROGRAM ARG…` with NETNS_FD -1 for none. It takes the
place of subprocess's `preexec_fn`, which may not be used once the parent has threads. Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
FAILED = 127


def main(arguments: list[str]) -> int:
    """Replace this process by the program; returns an exit status only when that fails."""
    parent, namespace, argv = int(arguments[0]), int(arguments[1]), arguments[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0) != 0:
        return _failed("cannot set the parent death signal", ctypes.get_errno())
    # A parent that died before the line above would never be noticed: this is the only moment to look.
    if os.getppid() != parent:
        return FAILED
    if namespace >= 0:
        if libc.setns(namespace, CLONE_NEWNET) != 0:
            return _failed("cannot enter the network namespace", ctypes.get_errno())
        os.close(namespace)
    try:
        os.execv(argv[0], argv)
    except OSError as error:
        return _failed(f"cannot start {argv[0]}", error.errno or 0)


def _failed(what: str, number: int) -> int:
    sys.stderr.write(f"{what}: {os.strerror(number)}\n")
    return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
