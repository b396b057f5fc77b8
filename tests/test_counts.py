"""One of something is no plural: every count in words goes through `count_of`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.counts import count_of

PACKAGE = Path(__file__).parents[1] / "simulator"
NOUNS = (
    *("attempts", "cells", "checks", "communities", "connections", "customers", "deliveries", "edges", "entries"),
    *("errors", "events", "faults", "files", "lines", "members", "messages", "nodes", "packets", "peerings", "peers"),
    *("prefixes", "records", "requests", "routers", "routes", "scenarios", "seconds", "sessions", "steps", "tests"),
    "warnings",
)
COUNTED = re.compile(rf" ({'|'.join(NOUNS)})\b(?![-_/=])")
NO_COUNT = re.compile(r"\.id\b|\['id'\]|name|word|what|label|kind|join|str\(|text|each\b|afi|_AFI|shared|sent\.value")
"""Expressions before a plural that are texts, not numbers."""
ROOMS_OF_THEIR_OWN = ("bench/", "policy/", "routers/")
"""Figures of measurements; what stands on the path of every route; the routers' own languages."""
TEMPLATE = re.compile(rf"\{{\{{ (?:[a-z_.|]*\|(?:length|number)|[a-z_.]*(?:total|count)) \}}\}} ({'|'.join(NOUNS)})\b")
GUARDED = {
    "judging/decompression.py": "len(with_names)",
    "topology/originate.py": "1 << length - within.prefixlen",
    "topology/files.py": "seconds",
    "wire/route_syntax.py": "2 ** _SPLIT_BITS_MAX",
}
"""Counts that are of several wherever the sentence is said."""


def bare(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Line, expression and noun of every f-string that counts by hand."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, after in zip(node.values, node.values[1:], strict=False):
            if not isinstance(value, ast.FormattedValue) or not isinstance(after, ast.Constant):
                continue
            noun, expression = COUNTED.match(str(after.value)), ast.unparse(value.value)
            constant = isinstance(value.value, ast.Name) and value.value.id.isupper()
            if noun and not constant and not NO_COUNT.search(expression):
                yield node.lineno, expression, noun[1]


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [
        (0, ("route",), "0 routes"),
        (1, ("route",), "1 route"),
        (2, ("prefix", "prefixes"), "2 prefixes"),
        (1, ("prefix was", "prefixes were"), "1 prefix was"),
        (20_000, ("route",), "20,000 routes"),
    ],
)
def test_a_count_in_words(number: int, words: tuple[str, ...], text: str) -> None:
    assert count_of(number, *words) == text


def test_no_f_string_counts_by_hand() -> None:
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if not name.startswith(ROOMS_OF_THEIR_OWN):
            found += [
                f"{name}:{line}: {expression} {noun}"
                for line, expression, noun in bare(ast.parse(file.read_text("utf-8")))
                if GUARDED.get(name) != expression
            ]
    assert found == []


def test_no_page_counts_by_hand() -> None:
    pages = sorted(each for each in PACKAGE.rglob("*") if each.suffix in (".html", ".svg"))
    assert len(pages) > 20
    by_hand = {each.name: TEMPLATE.findall(each.read_text("utf-8")) for each in pages}
    assert {name: found for name, found in by_hand.items() if found} == {}
    ends = {each.name: re.findall(r'"" if [^}]* == 1 else "e?s"', each.read_text("utf-8")) for each in pages}
    assert {name: found for name, found in ends.items() if found} == {}


def test_the_search_finds_a_count_by_hand() -> None:
    assert list(bare(ast.parse('f"{len(them)} routes"'))) == [(1, "len(them)", "routes")]
    assert TEMPLATE.findall("{{ rows|length }} connections") == ["connections"]
