"""Tables in Markdown, between the markers of a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from simulator.bench.record import JsonRow, Measured, Part

_PART: Final = re.compile(r"(<!-- bench: (?P<name>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


class MarkerError(Exception):
    """A page that has no place for a part: one line."""


def put(page: str, part: Part, text: str) -> str:
    """The page with this text between the part's markers. Raises MarkerError where it has none."""
    if not any(found["name"] == part.value for found in _PART.finditer(page)):
        raise MarkerError(f"it has no line <!-- bench: {part.value} --> with a line <!-- end --> behind it")
    return _PART.sub(lambda found: f"{found[1]}{text}\n{found[3]}" if found["name"] == part.value else found[0], page)


def between(page: str, part: Part) -> str:
    """What stands between a part's markers; empty for a page without them."""
    found = re.search(rf"<!-- bench: {part.value} -->\n(.*?)\n?<!-- end -->", page, re.DOTALL)
    return found[1] if found else ""


def tables(part: Part, measured: Measured, picture: str) -> str:
    """Machine, picture and table of a part; `picture`: its file, as the page names it."""
    if not measured.rows:
        return "Nothing was measured yet."
    made = figures(measured.rows) if part is Part.FIGURES else growth(measured.rows)
    return "\n".join([f"{measured.told}.", "", f"![{_ALT[part]}]({picture})", "", *made]).rstrip("\n")


_ALT: Final = {
    Part.FIGURES: "turnup's time divided by that of each daemon, with the aims",
    Part.GROWTH: "time and memory against size, both axes logarithmic",
}


def figures(rows: Sequence[JsonRow]) -> Iterator[str]:
    """A line a figure: turnup, the others, the ratio to the least of them, the aim, and what came of it."""
    yield from _head("", "figure", "turnup", "CPU", "beside", "ratio", "aim", "verdict")
    for name, of_one in groupby(rows, key=lambda row: row["figure"]):
        mine, *others = of_one
        unit = mine["unit"]
        told = [_value(row, unit) for row in others]
        cpu = "" if mine["cpuSeconds"] is None else f"{mine['cpuSeconds']:.2g} s"
        ratio = "" if mine["ratio"] is None else f"{mine['ratio']:.2g} ×"
        yield _line(name, mine["what"], _spread(mine, unit), cpu, ", ".join(told), ratio, mine["aim"], mine["verdict"])


def _value(row: JsonRow, unit: str) -> str:
    if row["value"] is None:
        return f"{row['who']}: {row['verdict'] or 'nothing'}"
    return f"{row['who']} {number(row['value'])} {unit}"


def _spread(row: JsonRow, unit: str) -> str:
    if row["value"] is None:
        return ""
    told = f"{number(row['value'])} {unit}"
    if row["runs"] > 1 and row["low"] is not None and number(row["low"]) != number(row["high"]):
        told += f" ({number(row['low'])} to {number(row['high'])})"
    return told


def growth(rows: Sequence[JsonRow]) -> Iterator[str]:
    """A table a growth: a line a size, the contenders beside each other, and a line with the exponents."""
    for name, of_one in groupby(rows, key=lambda row: row["growth"]):
        found = list(of_one)
        contenders = [*dict.fromkeys(row["who"] for row in found)]
        yield f"**{name}**: {found[0]['what']}."
        yield ""
        yield from _head(found[0]["unit"], *(f"{who}: {what}" for who in contenders for what in _COLUMNS))
        for size, of_size in groupby(found, key=lambda row: row["size"]):
            by_who = {row["who"]: row for row in of_size}
            title = "exponent" if size is None else f"{size:,}"
            yield _line(title, *(cell for who in contenders for cell in _cells(by_who.get(who))))
        yield ""


_COLUMNS: Final = {"time": ("seconds", "s"), "CPU": ("cpuSeconds", "s"), "memory": ("memory", "MB")}


def _cells(row: JsonRow | None) -> Iterator[str]:
    for key, unit in _COLUMNS.values():
        value = row.get(key) if row is not None else None
        if value is None:
            yield row["note"] if row is not None and key == "seconds" and row["size"] is not None else ""
        elif row is not None and row["size"] is None:
            yield f"{value:.2f}"
        else:
            doubt = " (disturbed)" if row is not None and row["disturbed"] and key == "seconds" else ""
            yield f"{number(value)} {unit}{doubt}"


def number(value: float) -> str:
    """Three digits that count, and no more."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _head(*cells: str) -> Iterable[str]:
    return (_line(*cells), "|" + "---|" * len(cells))


def _line(*cells: Any) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
