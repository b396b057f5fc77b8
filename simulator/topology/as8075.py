"""What AS8075 announces: a dated table that comes with turnup, unless a topology chooses another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from simulator.policy.prefixes import PrefixSet
from simulator.rib.announcement import Announcement
from simulator.session.messages import Family
from simulator.topology.locations import Source, sources_of
from simulator.wire import nlri

MICROSOFT: Final = 8075
CDN: Final = 8069
"""The origin of the CDN prefixes, behind AS8075 (path `8075 8069`)."""


@dataclass(frozen=True, slots=True)
class SeenPrefix:
    """A prefix of the table."""

    prefix: str
    seen: str
    """The latest sighting: a day or a month."""
    sources: tuple[str, ...]
    """Ids of `Table.sources`."""


@dataclass(frozen=True, slots=True)
class CdnPrefix(SeenPrefix):
    """A prefix of AS8069 that AS8075 announces at one metro."""

    metro: str
    community: str
    """`8069:51026`."""
    service: str
    """azureService."""


@dataclass(frozen=True, slots=True)
class Table:
    """What comes with turnup."""

    prefixes: tuple[SeenPrefix, ...]
    cdn: tuple[CdnPrefix, ...]
    sources: Mapping[str, Source]


@cache
def table() -> Table:
    """The table; its sources, dates and licences are in the file."""
    kept = json.loads(files("simulator.topology").joinpath("data/as8075.json").read_text(encoding="utf-8"))
    return Table(
        tuple(SeenPrefix(**_row(row)) for row in kept["prefixes"]),
        tuple(CdnPrefix(**_row(row)) for row in kept["cdn"]),
        sources_of(kept["sources"]),
    )


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "sources": tuple(row["sources"])}


def own_prefixes(routes: Sequence[Announcement], local_as: int = MICROSOFT) -> PrefixSet:
    """What a peer must not announce: the routes that our edge announces, and where it is AS8075 the table's as well."""
    announced = {(route.family, key) for route in routes for key in route.keys}
    if local_as != MICROSOFT:
        return PrefixSet.of_keys(announced, f"announced by AS{local_as}")
    if announced <= _keys():
        return known_prefixes()
    extra = ((nlri.text(family, key), f"announced by AS{local_as}") for family, key in announced - _keys())
    return PrefixSet([*_labelled(), *extra])


@cache
def known_prefixes() -> PrefixSet:
    """The table's prefixes and the CDN's."""
    return PrefixSet(_labelled())


def _labelled() -> Iterator[tuple[str, str]]:
    for row in (*table().prefixes, *table().cdn):
        yield row.prefix, f"announced by AS{MICROSOFT} (seen {row.seen})"


@cache
def _keys() -> frozenset[tuple[Family, bytes]]:
    return frozenset(nlri.key(prefix) for prefix, _ in _labelled())
