"""Anonymous network namespaces: made, entered and let go of. Nothing in the file system names them."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from typing import TypeVar

from simulator.places.launcher import CLONE_NEWNET

T = TypeVar("T")

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


class Namespace:
    """One anonymous network namespace, held by a descriptor."""

    def __init__(self) -> None:
        """Make a new one. Raises OSError when that is not allowed."""
        self.fd = in_thread(self._unshare)
        self.inode = os.fstat(self.fd).st_ino

    @staticmethod
    def _unshare() -> int:
        _check(_libc.unshare(CLONE_NEWNET), "unshare")
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def run(self, function: Callable[[], T]) -> T:
        """Call `function` in this namespace; blocks until it returns, raises what it raises."""

        def inside() -> T:
            _check(_libc.setns(self.fd, CLONE_NEWNET), "setns")
            return function()

        return in_thread(inside)

    def close(self) -> None:
        """Let go of it: the kernel removes it as soon as no socket or process is left inside. Safe to call twice."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def in_thread(function: Callable[[], T]) -> T:
    """Run in a thread made for it alone: a thread that entered a namespace ends there and needs no way back.

    Blocks until it returns, raises what it raises.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(function())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body, name="turnup-netns")
    thread.start()
    thread.join()
    try:
        if errors:
            raise errors[0]
        return results[0]
    finally:
        errors.clear()  # the error's traceback holds the list that holds the error: leave no such ring
