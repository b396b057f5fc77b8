"""Where a user's own file configures one session, and what it says there: the statement with its file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path

from simulator.diagnosis.router_answer import Setting, Statement

StatementSpan = tuple[int, int]
Scopes = Callable[[str, str], list[StatementSpan]]
"""Of a text without comments, and an address: the parts that configure the session with it, the nearest first."""


def statements(
    texts: Iterable[tuple[Path, str]],
    address: str,
    scopes: Scopes,
    settings: Iterable[tuple[Setting, re.Pattern[str]]],
    blank: Callable[[str], str],
) -> dict[Setting, Statement]:
    """The nearest statement of each setting for the session with `address`. Its value is the pattern's first group."""
    found: dict[Setting, Statement] = {}
    files = [(path, text, blank(text)) for path, text in texts]
    settings = tuple(settings)
    for path, text, blanked in files:
        for start, end in scopes(blanked, address):
            for setting, pattern in settings:
                hit = pattern.search(blanked, start, end)
                if hit is None or setting in found:
                    continue
                value = next((group for group in hit.groups() if group is not None), "")
                line = text.count("\n", 0, hit.start()) + 1
                found[setting] = Statement(value.strip(), str(path), line, text.splitlines()[line - 1])
    return found


def same(one: str, other: str) -> bool:
    """Two spellings of one address."""
    try:
        return ip_address(one.partition("%")[0]) == ip_address(other)
    except ValueError:
        return False


def blocks(text: str, header: re.Pattern[str]) -> Iterator[tuple[re.Match[str], StatementSpan]]:
    """Each `header {` with what its braces hold, the header with it."""
    for hit in header.finditer(text):
        opening = text.find("{", hit.end() - 1)
        if opening < 0:
            continue
        depth = 0
        for at in range(opening, len(text)):
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            if depth == 0:
                yield hit, (hit.start(), at + 1)
                break


def nested(neighbor: re.Pattern[str], outer: re.Pattern[str], *, file: bool) -> Scopes:
    """`neighbor ADDRESS { … }`, what stands around it (`group "x" { … }`), and with `file` the whole text behind."""

    def scopes(text: str, address: str) -> list[StatementSpan]:
        mine = [span for hit, span in blocks(text, neighbor) if same(hit[1], address)]
        groups = [span for _, span in blocks(text, outer) for own in mine if span[0] < own[0] and own[1] <= span[1]]
        return [*mine, *groups, *([(0, len(text))] if file and mine else [])]

    return scopes
