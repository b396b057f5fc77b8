"""What a router of the lab may write to: nothing of this machine but what its sandbox keeps (`launcher` builds it)."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

_ABSOLUTE = re.compile(r"(?<![\w./:-])/[\w.+-]+(?:/[\w.+-]+)+")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Mounts of a child's own: it sees this machine's files, and what it changes is gone with it."""

    keeps: tuple[str, ...]
    """The directories that it really writes to."""
    log: str = ""
    """The datagram socket that it finds at /dev/log; nothing is there where empty."""
    names: tuple[str, ...] = ()
    """Files that it may write, as in production: their directories are there, and theirs to write to."""
    users: tuple[str, ...] = ()
    """Users and groups that it drops its privileges to: there they are, where ours may become nobody else, our own."""
    cwd: str = ""

    def to_json(self) -> str:
        """For the launcher's command line."""
        return json.dumps(asdict(self))


def files_named(text: str) -> tuple[str, ...]:
    """The absolute paths in a configuration file."""
    return tuple(sorted(set(_ABSOLUTE.findall(text))))
