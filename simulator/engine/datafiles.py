"""The policy's data files: read once, looked at every second, and read again when one changes.

A file that is missing, broken or half written is reported once, and what was read before stays in force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from simulator.places.errors import LabError
from simulator.policy.data import registered
from simulator.policy.data.irr import IrrLists
from simulator.policy.data.policy_data import PolicyData
from simulator.policy.data.reading import DataError
from simulator.policy.data.vrp import VrpTable
from simulator.topology.policy_choice import DataChoice
from simulator.topology.policy_files import files_of, read_file

LOOK_EVERY = 1.0
"""Seconds between two looks."""


@dataclass(frozen=True, slots=True)
class DataFileRead:
    """A data file was read, or could not be."""

    time: float
    key: str
    """The key of `policy.data`."""
    file: str
    error: str = ""
    """Why what was read before stays in force; empty when the new data are."""
    left_out: str = ""
    """Entries of the file that cannot be used and are not in the data; empty: all can be used."""


@dataclass(slots=True)
class _File:
    key: str
    path: Path
    value: Any = None
    seen: tuple[int, ...] | None = None
    """What the file system said of it when it was last read: a file that says the same has not changed."""
    broken: bool = False

    def signature(self) -> tuple[int, ...] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def read(self) -> Any:
        """Raises DataError."""
        return read_file(self.key, self.path)


class DataFiles:
    """The data of one topology. `data` is always whole: the newest of each file that could be read."""

    def __init__(self, choice: DataChoice, now: Callable[[], float], tell: Callable[[DataFileRead], None]) -> None:
        self._choice = choice
        self._now = now
        self._tell = tell
        self._files = [_File(key, path) for key, path in files_of(choice)]
        self._looking = asyncio.Lock()
        self.data = PolicyData()

    @property
    def is_watching_anything(self) -> bool:
        return bool(self._files)

    async def load(self) -> None:
        """Read every file for the first time. Raises LabError: there is nothing yet that could stay in force."""
        for file in self._files:
            file.seen = file.signature()
            try:
                file.value = await asyncio.to_thread(file.read)
            except DataError as error:
                raise LabError(f"{file.path}: {error}") from None
            if left_out := _left_out(file.value):
                self._tell(DataFileRead(self._now(), file.key, str(file.path), left_out=left_out))
        self.data = self._assembled()

    async def check(self) -> bool:
        """Look at every file, and read those that have changed. True when `data` is new."""
        async with self._looking:
            news = False
            for file in self._files:
                seen = file.signature()
                if seen == file.seen:
                    continue
                file.seen = seen
                news = await self._read_again(file) or news
            if news:
                self.data = self._assembled()
            return news

    async def _read_again(self, file: _File) -> bool:
        try:
            # In a thread: the VRPs of the whole Internet take seconds, and hold timers run meanwhile.
            file.value = await asyncio.to_thread(file.read)
        except DataError as error:
            if not file.broken:
                file.broken = True
                self._tell(DataFileRead(self._now(), file.key, str(file.path), str(error)))
            return False
        file.broken = False
        self._tell(DataFileRead(self._now(), file.key, str(file.path), left_out=_left_out(file.value)))
        return True

    async def watch(self, apply: Callable[[PolicyData], Awaitable[None]], every: float = LOOK_EVERY) -> None:
        """Look until cancelled; `apply` gets the new data."""
        while self._files:
            await asyncio.sleep(every)
            if await self.check():
                await apply(self.data)

    def _assembled(self) -> PolicyData:
        def values(key: str) -> list[Any]:
            return [file.value for file in self._files if file.key == key]

        choice = self._choice
        prefixes, asns = choice.registered_prefixes, choice.registered_asns
        return PolicyData(
            vrp=next(iter(values("vrp")), None),
            irr=reduce(IrrLists.joined, values("irr")) if values("irr") else None,
            registered_prefixes=registered.registered_prefixes(map(str, prefixes))
            if isinstance(prefixes, list)
            else next(iter(values("registered-prefixes")), None),
            registered_asns=frozenset(asns) if isinstance(asns, list) else next(iter(values("registered-asns")), None),
            peeringdb=next(iter(values("peeringdb")), {}),
        )


def _left_out(value: Any) -> str:
    return str(value.left_out) if isinstance(value, VrpTable) else ""
