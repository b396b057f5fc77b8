"""The data files that a topology's policy names: which there are, and how each is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from simulator.policy.data import irr, peeringdb, registered, vrp
from simulator.policy.data.reading import DataError
from simulator.topology.files import LARGEST_DATA, FileReadError, read_octets
from simulator.topology.policy_choice import DataChoice

_READERS: dict[str, Callable[[bytes], Any]] = {
    "vrp": vrp.read,
    "irr": irr.read,
    "registered-prefixes": registered.read_prefixes,
    "registered-asns": registered.read_asns,
    "peeringdb": peeringdb.read,
}
"""By the key of `policy.data`."""
KEYS = tuple(_READERS)


def files_of(choice: DataChoice) -> Iterator[tuple[str, Path]]:
    """(key of `policy.data`, path) of every file that is named there."""
    for key in _READERS:
        value = getattr(choice, key.replace("-", "_"))
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, Path):
                yield key, part


def read_file(key: str, path: Path) -> Any:
    """What the file holds, as PolicyData has it. Raises DataError."""
    try:
        data = read_octets(path, LARGEST_DATA, pipes=False)
    except FileReadError as error:
        raise DataError(str(error)) from None
    return octets_as(key, data)


def octets_as(key: str, data: bytes) -> Any:
    """What the octets of a file hold, as `read_file`. Raises DataError."""
    return _READERS[key](data)
