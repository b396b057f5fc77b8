"""Work in a process of its own, where what it uses may end that without a word."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from simulator.ending_signals import ending_signals
from simulator.lab.interruption import end_with

_DEFECT: Final = 1
"""The exit code of a program that Python ended with a traceback."""


def shielded(work: Callable[[], int]) -> int | None:
    """The exit code of `work`, done in a child; None: the child ended without giving one.

    A signal that ends commands is passed on to it, once. Call it before this process has a thread.
    """
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    parent, signals = os.getpid(), ending_signals()
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # one that comes before it can be passed on waits
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        os.close(reader)
        _live(work, writer, parent)
    os.close(writer)
    with _passing_on(pid, signals):
        told = os.read(reader, 1)
        os.waitpid(pid, 0)
    os.close(reader)
    return told[0] if told else None


@contextmanager
def _passing_on(pid: int, signals: Iterable[signal.Signals]) -> Iterator[None]:
    def pass_on(number: int, frame: object) -> None:
        os.kill(pid, number)

    before = {number: signal.signal(number, pass_on) for number in signals}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, before)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _live(work: Callable[[], int], writer: int, parent: int) -> NoReturn:
    """The child. A terminal's Ctrl-C is for its parent, who passes it on; and it ends with its parent."""
    os.setpgid(0, 0)
    code = _DEFECT
    try:
        end_with(parent)
        code = work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else _DEFECT
    except BaseException:
        traceback.print_exc()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as end:  # nobody takes what it says
        code = end.code if isinstance(end.code, int) else _DEFECT
    finally:
        os.write(writer, bytes((code,)))
        os._exit(code)
