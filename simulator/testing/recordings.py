"""Recordings as tests of pytest: each is played, and has to come out as it was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from simulator.counts import count_of
from simulator.recording.file import RecordingError, RecordingReader
from simulator.recording.player import RecordingPlayer
from simulator.report.outcome import outcome_sentence


class RecordingFile(pytest.File):
    """One file, one test."""

    def collect(self) -> Iterator[pytest.Item]:
        yield RecordingItem.from_parent(self, name="replay")


class RecordingItem(pytest.Item):
    """Plays it."""

    def runtest(self) -> None:
        """Raises RecordingError where it cannot be played, or comes out differently."""
        played = RecordingPlayer(RecordingReader(self.path)).play()
        why = [str(each) for each in played.differences]
        if played.tampered:
            why.append("its lines are not those that were written: it was changed")
        if played.cut_off:
            why.append("it is cut off: a rehearsal that ended has a whole one")
        if why:
            summary = outcome_sentence(played.report)
            raise RecordingError(
                "\n".join((f"{self.path}: {count_of(len(why), 'difference')} from what was recorded", *why, summary))
            )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, RecordingError):
            return f"{excinfo.value}\nPlay it: turnup replay {self.path}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        return self.path, None, f"recording {self.path.name}"
