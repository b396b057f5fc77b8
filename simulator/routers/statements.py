"""Where a user's own file configures one session, and what it says there: the statement with its file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from simulator.diagnosis.router_answer import Setting, Statement

StatementSpan = tuple[int, int]
Scopes = Callable[[str, str], list[StatementSpan]]
"""Of a text without comments, and an address: the parts that configure the session with it, the nearest first."""


@dataclass(frozen=True, slots=True)
class StatementHit:
    """Where a statement stands: offsets into the text of its file."""

    path: Path
    text: str
    """The whole file."""
    span: StatementSpan
    value_span: StatementSpan | None
    """None: a statement without a value."""

    @property
    def line(self) -> int:
        """From 1."""
        return self.text.count("\n", 0, self.span[0]) + 1

    @property
    def value(self) -> str:
        return self.text[slice(*self.value_span)].strip() if self.value_span is not None else ""


def hits(
    texts: Iterable[tuple[Path, str]],
    address: str,
    scopes: Scopes,
    settings: Iterable[tuple[Setting, re.Pattern[str]]],
    blank: Callable[[str], str],
) -> dict[Setting, StatementHit]:
    """The nearest statement of each setting for the session with `address`. Its value is the pattern's first group."""
    found: dict[Setting, StatementHit] = {}
    files, settings = list(texts), tuple(settings)
    # What one file names, another that it includes may define: they are one text.
    whole = blank("\n".join(text for _, text in files))
    for start, end in scopes(whole, address):
        for setting, pattern in settings:
            hit = pattern.search(whole, start, end)
            if hit is not None and setting not in found:
                group = next((number for number, value in enumerate(hit.groups(), 1) if value is not None), 0)
                found[setting] = _placed(files, hit.span(), hit.span(group) if group else None)
    return found


def _placed(files: list[tuple[Path, str]], span: StatementSpan, value: StatementSpan | None) -> StatementHit:
    """Where a place in all files, joined by line ends, is in its own file."""
    number, before = 0, 0
    while span[0] > before + len(files[number][1]):
        before += len(files[number][1]) + 1
        number += 1
    path, text = files[number]
    own = (span[0] - before, span[1] - before)
    return StatementHit(path, text, own, None if value is None else (value[0] - before, value[1] - before))


def statements(
    texts: Iterable[tuple[Path, str]],
    address: str,
    scopes: Scopes,
    settings: Iterable[tuple[Setting, re.Pattern[str]]],
    blank: Callable[[str], str],
    known: Mapping[str, str],
) -> dict[Setting, Statement]:
    """What is said there; a value that is the name of a `known` constant is that constant's."""
    found = {}
    for setting, hit in hits(texts, address, scopes, settings, blank).items():
        value = known.get(hit.value.strip("$"), hit.value)
        line = hit.text.splitlines()[hit.line - 1] if setting is not Setting.MD5 else ""
        found[setting] = Statement(value, str(hit.path), hit.line, line)
    return found


def chased(constants: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Constants with their values, without quotes; what is the name of another one has that one's."""
    found = {name: value.strip('"') for name, value in constants}
    for name in found:
        seen = {name}
        while (value := found[name]) in found and value not in seen:
            seen.add(value)
            found[name] = found[value]
    return found


def same(one: str, other: str) -> bool:
    """Two spellings of one address, or of one prefix that sessions are taken from."""
    try:
        return ip_network(one.partition("%")[0], strict=False) == ip_network(other, strict=False)
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
    """`neighbor ADDRESS { … }`, what stands around it (`group "x" { … }`), and with `file` what stands in no block."""

    def scopes(text: str, address: str) -> list[StatementSpan]:
        mine = [span for hit, span in blocks(text, neighbor) if same(hit[1], address)]
        around = [span for _, span in blocks(text, outer) for own in mine if span[0] < own[0] and own[1] <= span[1]]
        groups = [part for span in around for part in outside(text, *span, depth=1)]
        return [*mine, *groups, *(outside(text, 0, len(text)) if file and mine else ())]

    return scopes


def outside(text: str, first: int, last: int, depth: int = 0) -> Iterator[StatementSpan]:
    """Of a part, what stands in `depth` braces and no more: what is said there is said of all that is in them."""
    now, start = 0, first
    for at in range(first, last):
        if text[at] == "{":
            if now == depth:
                yield start, at
            now += 1
            start = at + 1
        elif text[at] == "}" and now:
            if now == depth:
                yield start, at
            now -= 1
            start = at + 1
    if now == depth:
        yield start, last
