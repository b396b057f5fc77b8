"""What routers print as JSON: GoBGP, OpenBGPD, FRR and EOS, a dialect each, read as it streams by."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from simulator.tables import router_notation
from simulator.tables.json_stream import BrokenJson, JsonPath, JsonValue, values
from simulator.tables.missing_attributes import NOTHING, MissingAttributes
from simulator.tables.table_entries import FilePosition, TableEntry, TableRoutes, Unreadable
from simulator.tables.terminal import is_chatter
from simulator.wire import nlri
from simulator.wire.path_attributes import PathAttributes

Object = dict[str, Any]
PrefixObject = tuple[str, Any]
"""A prefix in text, and the object of one route."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route of an object, without its prefix."""

    path: PathAttributes
    peer: Any = None
    """The address of the session's far end in text, None where it is not said."""
    best: bool = True
    lacks: MissingAttributes = NOTHING


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one daemon lays out its tables."""

    walk: Callable[[JsonPath], bool]
    """Whether the container at this path only holds others."""
    split: Callable[[JsonPath, Any], Iterable[PrefixObject] | None]
    """The routes of a value; None for what is no route, such as a table's own version. ValueError."""
    route: Callable[[Object], Route]
    """ValueError, and what Python raises for an object of another shape."""


_PREFIX: Final = re.compile(r"[0-9A-Fa-f.:]*[.:][0-9A-Fa-f.:]*/\d+")
_NAMES: Final = frozenset({"prefix", "network", "nlri"})
_SHAPES: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError)


def read(dialect: Dialect, chunks: Iterable[bytes]) -> Iterator[TableEntry]:
    """Every route of every document; lines around the documents that are no route are passed over."""
    for found in values(chunks, dialect.walk):
        if isinstance(found, BrokenJson):
            if not (found.text and is_chatter(found.text)):
                yield Unreadable(
                    FilePosition("line", found.line), found.reason + (f": {found.text[:60]!r}" if found.text else "")
                )
        else:
            yield from _entries(dialect, found)


def _entries(dialect: Dialect, found: JsonValue) -> Iterator[TableEntry]:
    place = FilePosition("line", found.line)
    try:
        split = dialect.split(found.path, found.value)
        routes = None if split is None else list(split)
    except _SHAPES as error:
        yield Unreadable(place, _in_words(error))
        return
    if routes is None and _holds_routes(found.value):
        yield Unreadable(place, f"'{'.'.join(found.path)[:60]}' seems to hold routes, and is no place where they are")
    for prefix, told in routes or ():
        try:
            yield _entry(dialect, prefix, told, place)
        except _SHAPES as error:
            yield Unreadable(place, f"{str(prefix)[:50]}: {_in_words(error)}")


def _entry(dialect: Dialect, prefix: str, told: Any, place: FilePosition) -> TableEntry:
    if not isinstance(prefix, str):
        raise ValueError("there is no prefix")
    if not isinstance(told, dict):
        raise ValueError("a route that is no object")
    family, key = nlri.key(prefix)
    route = dialect.route(told)
    return TableRoutes(
        family,
        (key,),
        route.path,
        router_notation.neighbor(str(route.peer)),
        route.best,
        place=place,
        lacks=route.lacks,
    )


def _holds_routes(value: Any) -> bool:
    """Whether an object may hold routes although it stands where routes do not belong."""
    if isinstance(value, list):
        return any(isinstance(member, dict) and not _NAMES.isdisjoint(member) for member in value)
    return isinstance(value, dict) and any(_PREFIX.fullmatch(name) for name in value)


def _in_words(error: Exception) -> str:
    return str(error) if type(error) is ValueError else "the object is not laid out as that of a route"


def one_or_more(prefix: str, value: Any) -> Iterator[PrefixObject]:
    """An object is a route of its own, in an array every member."""
    for told in value if isinstance(value, list) else [value]:
        yield prefix, told
