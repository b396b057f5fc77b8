"""What fails of the lab itself."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_OF_DISKS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


class LabError(Exception):
    """The lab itself failed: no privilege, a missing daemon, a port in use. One line: what, where, what to do."""


@contextlib.contextmanager
def writing(directory: Path) -> Iterator[None]:
    """LabError in place of the OSError of a disk that takes no more, or nothing at all."""
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_DISKS:
            raise
        raise LabError(f"{directory} cannot be written to: {error.strerror}") from error
