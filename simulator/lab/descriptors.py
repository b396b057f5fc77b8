"""Open files: a lab of many sessions needs more than the thousand that a shell usually gives a process."""

from __future__ import annotations

import resource
from typing import Final

from simulator.places.errors import LabError

_BESIDES: Final = 64
"""What a process has open whatever its lab (simulator)."""
_A_SESSION: Final = 3
"""A connection at each end, and a listener."""
_A_NAMESPACE: Final = 4
"""What holds it, a capture, and a probe at a time."""


def needed(sessions: int, namespaces: int) -> int:
    """How many files a lab has open at a time (measured)."""
    return _BESIDES + _A_SESSION * sessions + _A_NAMESPACE * namespaces


def allow(count: int) -> None:
    """Permit this process as many open files as its user may have. Raises LabError where `count` is more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and count > hard:
        raise LabError(
            f"this lab needs about {count} open files, and this user may have {hard}: "
            f"raise the hard limit (ulimit -Hn, LimitNOFILE=), or take fewer sessions"
        )
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count if hard == resource.RLIM_INFINITY else hard, hard))
