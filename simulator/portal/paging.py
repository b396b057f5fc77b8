"""Lists in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from simulator.portal.visit import Visit

T = TypeVar("T")
_Of = TypeVar("_Of", covariant=True)


class Rows(Protocol[_Of]):
    """A list, or what finds a part of it when it is asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: slice, /) -> Sequence[_Of]: ...


@dataclass(frozen=True, slots=True)
class ListPage(Generic[T]):
    """One page of a list; `first` and `last` are the places of its rows, counted from 1."""

    rows: list[T]
    number: int
    total: int
    first: int
    last: int
    name: str = "page"
    """The query parameter with its number."""


def paged(visit: Visit, rows: Rows[T], size: int, name: str = "page") -> ListPage[T]:
    """The page that the visit asks for; one beyond the end is the last one."""
    last = max(1, -(-len(rows) // size))
    number = min(visit.number(name, 1), last)
    start = (number - 1) * size
    found = list(rows[start : start + size])
    return ListPage(found, number, len(rows), start + 1 if found else 0, start + len(found), name)


def sorting(visit: Visit, keys: dict[str, Any], default: str) -> tuple[str, bool, Any]:
    """(column, descending, key) as `?sort=-asn` says; an unknown column is the default."""
    asked = visit.query("sort", default)
    column = asked.removeprefix("-")
    if column not in keys:
        asked = column = default
    return column, asked.startswith("-"), keys[column]
