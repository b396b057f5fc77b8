"""The files of a cell, to be sent to another machine: a topology or scenario, and whatever it names."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from simulator.campaign.model import CampaignCell
from simulator.places.errors import LabError

LARGEST: Final = 100_000_000
"""Octets of a cell's files together (simulator)."""
_SHIPPED: Final = "turnup:"
"""In front of a path below the topologies that come with turnup: those are there already."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Files by their paths below one directory."""

    root: str
    """That directory, where they come from."""
    contents: tuple[tuple[str, bytes], ...]

    @property
    def digest(self) -> str:
        told = hashlib.sha256()
        for name, data in self.contents:
            told.update(f"{name}\n{len(data)}\n".encode() + data)
        return told.hexdigest()[:16]

    def unpack(self, directory: Path) -> None:
        """Write them below another directory. Raises OSError."""
        for name, data in self.contents:
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_bytes(data)


def named_in(model: BaseModel) -> set[Path]:
    """Every file that a topology names."""

    def walk(value: Any) -> Iterator[Path]:
        if isinstance(value, Path):
            yield value
        elif isinstance(value, BaseModel):
            for name in type(value).model_fields:
                yield from walk(getattr(value, name))
        elif isinstance(value, dict):
            for each in value.values():
                yield from walk(each)
        elif isinstance(value, list | tuple):
            for each in value:
                yield from walk(each)

    return set(walk(model))


def digest_of(paths: Iterable[str]) -> str:
    """Of the contents of files; what is no file counts as nothing."""
    told = hashlib.sha256()
    for path in paths:
        told.update(path.encode() + b"\n")
        if Path(path).is_file():
            told.update(Path(path).read_bytes())
    return told.hexdigest()[:16]


def changed(cell: CampaignCell) -> str:
    """Why it is no longer the cell that was planned; empty where its files are as they were then."""
    if not cell.files or digest_of(cell.files) == cell.content:
        return ""
    gone = [path for path in cell.files if not Path(path).is_file()]
    file, what = (gone[0], "it is gone") if gone else (cell.file, "its files were edited")
    return f"{file}: {what} since the campaign began"


def _shipped() -> str:
    with as_file(files("simulator").joinpath("topologies")) as folder:
        return str(folder) + os.sep


def packed(paths: Iterable[str]) -> Parcel:
    """Those of some files that do not come with turnup. Raises LabError where they are too large."""
    own = sorted({str(Path(path).absolute()) for path in paths if not path.startswith(_shipped())})
    root = os.path.commonpath([os.path.dirname(path) for path in own]) if own else ""  # noqa: PTH120
    size = sum(os.stat(path).st_size for path in own)  # noqa: PTH116
    if size > LARGEST:
        raise LabError(f"{own[0]} and the files that it names have {size} octets: {LARGEST} are sent to a machine")
    return Parcel(root, tuple((os.path.relpath(path, root), Path(path).read_bytes()) for path in own))


def away(cell: CampaignCell, root: str) -> CampaignCell:
    """A cell with its paths as another machine finds them: below the parcel's root, or with turnup."""

    def moved(path: str) -> str:
        if path.startswith(_shipped()):
            return _SHIPPED + path.removeprefix(_shipped())
        return os.path.relpath(path, root) if root and os.path.isabs(path) else path  # noqa: PTH117

    return replace(cell, file=moved(cell.file), fault=moved(cell.fault), files=())


def here(cell: CampaignCell, directory: Path) -> CampaignCell:
    """The same on that machine, where the parcel lies in a directory."""

    def moved(path: str) -> str:
        if path.startswith(_SHIPPED):
            return _shipped() + path.removeprefix(_SHIPPED)
        inside = directory / path
        return str(inside) if path and inside.is_file() else path

    return replace(cell, file=moved(cell.file), fault=moved(cell.fault))
