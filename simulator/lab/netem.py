"""Latency, jitter and loss of a link, by the kernel's netem queueing discipline where the kernel has it."""

from __future__ import annotations

import errno
from typing import Any

from simulator.lab import netlink
from simulator.places.link import Quality

_LIMIT = 100_000
"""Frames that may be under way at once: a full table must not be lost to the delay."""
_UNKNOWN = (errno.ENOENT, errno.EOPNOTSUPP, errno.EINVAL)


def settings(quality: Quality) -> dict[str, Any]:
    """netem's parameters as pyroute2 takes them: microseconds and percent."""
    return {
        "delay": round(quality.latency * 1000),
        "jitter": round(quality.jitter * 1000),
        "loss": quality.loss,
        "limit": _LIMIT,
    }


def impair(ip: Any, index: int, quality: Quality) -> str:
    """Make an interface send as `quality` says; why it cannot, in one line, else an empty text."""
    try:
        ip.tc("add", "netem", index, handle="1:", **settings(quality))
    except netlink.NetlinkError as error:
        if error.code in _UNKNOWN:
            return "this kernel has no netem (modprobe sch_netem): the link has no latency, jitter or loss"
        return f"netem cannot be set up, the link has no latency, jitter or loss: {error}"
    return ""
