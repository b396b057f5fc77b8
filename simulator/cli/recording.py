"""`--record FILE`: what happens is taken down while a lab runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.cli.exit_codes import USAGE, fail, warn

if TYPE_CHECKING:
    from simulator.recording.tape import RecordingTape


@contextlib.contextmanager
def recording(path: Path | None, kind: str = "rehearsal") -> Iterator[RecordingTape | None]:
    """A tape to that file, which is whole at the end; None without a path. Enter it where an event loop runs."""
    if path is None:
        yield None
        return
    from simulator.recording.file import RecordingError
    from simulator.recording.tape import RecordingTape

    try:
        tape = RecordingTape(path, kind)
    except RecordingError as error:
        fail(USAGE, f"--record {error}")
    try:
        yield tape
    finally:
        tape.close()
        if tape.problem:
            warn(f"recording: {tape.problem}")
