"""Where what is not kept lies: a temporary directory, on a disk that may be full."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from simulator.places.errors import LabError, writing


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A directory that is gone afterwards. Raises LabError where none can be made, and where the disk takes no more."""
    try:
        made = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
    except OSError as error:
        why = f"no temporary directory can be made: {error.strerror}"
        raise LabError(f"{why}: make room, or name another place by TMPDIR") from None
    with made as name, writing(Path(name)):
        yield Path(name)
