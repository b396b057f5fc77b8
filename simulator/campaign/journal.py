"""What a campaign has done, each line on the disk before the next: one that was killed goes on from it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from simulator.campaign.model import Attempt, CampaignCell
from simulator.counts import count_of
from simulator.places.errors import LabError

NAME: Final = "journal.jsonl"
REPORTS: Final = "cells"
"""The directory beside it in which each attempt that did not pass has its report, by its key and number."""
PAGES: Final = ("campaign.html", "campaign.json", "junit.xml")
"""What is written beside it once a campaign is over."""
_OF_AN_ATTEMPT: Final = re.compile(r"[0-9a-f]{16}-\d+")


class JournalError(Exception):
    """A journal that cannot be used: one line, what and what to do."""


@dataclass(frozen=True, slots=True)
class JournalContents:
    """What a journal says."""

    cells: tuple[CampaignCell, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    finished: bool = False
    unreadable: int = 0
    """Lines that no campaign wrote as they are: a torn last one, after a crash of the machine."""

    @property
    def is_empty(self) -> bool:
        return not (self.cells or self.attempts or self.unreadable)


@dataclass(slots=True)
class CampaignJournal:
    """An open journal: one campaign at a time writes it."""

    path: Path
    found: JournalContents = field(default_factory=JournalContents)
    """What it said when it was opened."""
    _fd: int = -1
    _kept: int = 0
    """Octets of it that stay."""

    @classmethod
    def open(cls, directory: Path, *, resume: bool, fresh: bool = False) -> CampaignJournal:
        """The journal of a directory (made when missing): a new one, or with `resume` the one that is there.

        `fresh`: whatever is there is written over.

        Raises JournalError: another campaign writes it; there is nothing to go on with; an unfinished one is there.
        """
        path = directory / NAME
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if resume and not path.exists():
                raise JournalError(f"--resume: there is no {path}: nothing was begun there (see --report)")
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise JournalError(f"--report {directory}: {error.strerror}") from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            raise JournalError(f"{path}: another campaign is running there: give this one its own --report") from None
        try:
            contents, kept = _read(path)
            if not (resume or fresh or contents.finished or contents.is_empty):
                left = f"{count_of(len(contents.attempts), 'attempt')} of a campaign that was not finished"
                raise JournalError(f"{path} has {left}: --resume goes on with it, --fresh begins again")
        except BaseException:
            os.close(fd)
            raise
        return cls(path, contents if resume else JournalContents(), fd, kept if resume else 0)

    def plan(self, cells: Iterable[CampaignCell]) -> None:
        """Note what is to be done. Until then whatever was there stays: it may be that nothing can be begun.

        Where it begins anew, the reports of the campaign before go with its journal.
        """
        if not self._kept and os.fstat(self._fd).st_size:
            self._forget()
        os.ftruncate(self._fd, self._kept)
        self._write({"campaign": [cell.as_json() for cell in cells]})

    def add(self, attempt: Attempt) -> None:
        """Note what came of an attempt; it is on the disk when this returns. Raises LabError where it cannot be."""
        self._write({"attempt": attempt.as_json()})

    def finish(self) -> None:
        """Note that nothing is left to do."""
        self._write({"finished": True})

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> CampaignJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _forget(self) -> None:
        """Remove what an earlier campaign left beside its journal, and nothing that is somebody else's."""
        reports = self.path.with_name(REPORTS)
        for path in [path for path in reports.glob("*") if _OF_AN_ATTEMPT.fullmatch(path.name)]:
            shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            reports.rmdir()
        for name in PAGES:
            with contextlib.suppress(OSError):
                self.path.with_name(name).unlink()

    def _write(self, line: dict[str, Any]) -> None:
        data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._fd, data) :]
            os.fsync(self._fd)
        except OSError as error:
            raise LabError(f"{self.path}: {error.strerror}: what it has stays; --resume goes on with it") from None


def _read(path: Path) -> tuple[JournalContents, int]:
    """What it says, and how many octets of whole lines it has."""
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    cells: tuple[CampaignCell, ...] = ()
    attempts: list[Attempt] = []
    finished, unreadable = False, int(len(whole) < len(data))
    for line in whole.splitlines():
        try:
            match json.loads(line):
                case {"campaign": list(planned)}:
                    cells, finished = tuple(map(CampaignCell.of, planned)), False
                case {"attempt": dict(attempt)}:
                    attempts.append(Attempt.of(attempt))
                case {"finished": True}:
                    finished = True
                case _:
                    unreadable += 1
        except (ValueError, TypeError, KeyError):
            unreadable += 1
    return JournalContents(cells, tuple(attempts), finished, unreadable), len(whole)


def read(directory: Path) -> JournalContents:
    """What the journal of a directory says. Raises JournalError where no file is there."""
    with contextlib.suppress(FileNotFoundError):
        return _read(directory / NAME)[0]
    raise JournalError(f"there is no {directory / NAME}")
