"""What a reader remembers of one route never changes what it makes of another: each is read as if it stood alone."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.bench import table_files
from simulator.tables import alike_routes
from simulator.tables.bird_text import read_bird
from simulator.tables.json_lines import read_json_lines
from simulator.tables.table_entries import FilePosition, TableEntry, TableRoutes, Unreadable
from tests.examples import examples

PREFIX = st.sampled_from(["192.0.2.0/24", "198.51.100.0/25", "2001:db8::/32", "192.0.2.1/24", "192.0.2.0/33", "1.2/16"])
PATH = st.sampled_from(["64496", "64496 64500", "64496 {64501}", "", "64496 x"])
COMMUNITY = st.sampled_from([[], ["64496:1"], ["64496:1", "64496:70000"], ["no-export"]])


def one_by_one(entries: Iterable[TableEntry]) -> list[str]:
    """Each route an entry of its own, without its place, in an order that is none of the file's."""
    found = list[TableEntry]()
    for entry in entries:
        if isinstance(entry, TableRoutes):
            found += [replace(entry, keys=(key,), place=None) for key in entry.keys]
        else:
            found.append(replace(entry, place=FilePosition("line", 0)) if isinstance(entry, Unreadable) else entry)
    return sorted(map(repr, found))


def unreadable(entries: Iterable[TableEntry]) -> set[Unreadable]:
    return {entry for entry in entries if isinstance(entry, Unreadable)}


def alone_and_together(read: Callable[[Iterable[bytes]], Iterable[TableEntry]], routes: list[str]) -> None:
    alone = [entry for route in routes for entry in read([route.encode()])]
    together = list(read(["".join(routes).encode()]))
    assert one_by_one(together) == one_by_one(alone)
    # Behind lines that say nothing, so that each stands at its own place.
    starts = [sum(route.count("\n") for route in routes[:at]) for at in range(len(routes))]
    placed = [read([("\n" * start + route).encode()]) for start, route in zip(starts, routes, strict=True)]
    assert unreadable(together) == {entry for entries in placed for entry in unreadable(entries)}


@st.composite
def json_line(draw: st.DrawFn) -> str:
    prefix, path, communities = draw(PREFIX), draw(PATH), draw(COMMUNITY)
    found: dict[str, Any] = {"prefix": prefix, "asPath": path, "communities": communities, "nextHop": "192.0.2.1"}
    match draw(st.integers(0, 7)):
        case 0:
            found = {"asPath": path, "nested": {"prefix": prefix}, "network": "203.0.113.0/24"}
        case 1:
            found = {"network": "203.0.113.0/24", **found}
        case 2:
            found["prefix"] = [prefix]
        case 3:
            found["note"] = f'"prefix": "{prefix}"'
        case 4:
            found["event"] = draw(st.sampled_from(["route", "keepalive", "unreadable"]))
    text = json.dumps(found)
    if draw(st.integers(0, 9)) == 0:
        text = text.replace('"asPath"', '"asPath')
    if draw(st.integers(0, 9)) == 0:
        text = text.replace("{", f'{{"prefix": "{draw(PREFIX)}", ', 1)
    return f"{text}\n"


@settings(max_examples=examples(300))
@given(st.lists(json_line(), min_size=1, max_size=12))
def test_lines_of_json(routes: list[str]) -> None:
    alone_and_together(read_json_lines, routes)


@st.composite
def bird_route(draw: st.DrawFn) -> str:
    prefix, path, communities = draw(PREFIX), draw(PATH), draw(COMMUNITY)
    indent = draw(st.sampled_from(["\t", "    "]))
    lines = [f"{prefix:20} unicast [peer1 2025-11-22] {draw(st.sampled_from(['* ', '']))}(100) [AS64500i]"]
    lines.append(f"{indent}via {draw(st.sampled_from(['192.0.2.1', '192.0.2.2']))} on eth0")
    lines.append(f"{indent}BGP.origin: {draw(st.sampled_from(['IGP', 'EGP', 'what']))}")
    lines.append(f"{indent}BGP.as_path: {path}")
    if draw(st.booleans()):
        lines.append(f"{indent}BGP.next_hop: 192.0.2.1")
    if communities:
        bracketed = " ".join(f"({each.replace(':', ',')})" for each in communities)
        lines.append(f"{indent}BGP.community: {bracketed}")
    return "".join(f"{line}\n" for line in lines)


@settings(max_examples=examples(300))
@given(st.lists(bird_route(), min_size=1, max_size=12))
def test_routes_of_bird(routes: list[str]) -> None:
    alone_and_together(read_bird, routes)


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small window gives the same routes, and hands the first on long before the last line is read."""
    both = (read_bird, table_files.bird), (read_json_lines, table_files.json_lines)
    for (read, write), sets in itertools.product(both, (1, 50)):
        lines = list(write(table_files.routes(2000, sets)))
        whole = one_by_one(read(lines))
        monkeypatch.setattr(alike_routes, "_WINDOW", 400)
        taken = 0

        def counted(lines: list[bytes]) -> Iterator[bytes]:
            nonlocal taken
            for line in lines:
                taken += 1
                yield line

        entries = read(counted(lines))
        first = next(iter(entries))
        assert taken < 600
        assert one_by_one([first, *entries]) == whole
        monkeypatch.undo()
