"""The two pictures of the page: ratios beside the daemons, and growth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from simulator.bench.reading import OURS
from simulator.bench.record import JsonRow
from simulator.bench.svg import COLOURS, LogScale, Picture

_COLOUR: Final = {OURS: 0, "BIRD": 1, "FRR": 2, "GoBGP": 3, "OpenBGPD": 4}
_OTHER: Final = "something else: see the table"
"""Has turnup's colour, which is free where turnup is what is divided."""
_TIMES: Final = ("s", "ms")
_ROW, _LEFT, _RIGHT, _TOP = 26.0, 150.0, 700.0, 62.0


def _colour(who: str) -> int:
    return _COLOUR.get(who, 0) % COLOURS


def _names(picture: Picture, x: float, y: float, contenders: Iterable[str]) -> None:
    for who in dict.fromkeys(contenders):
        picture.dot(x, y - 4, f"f{_colour(who)}", who)
        picture.text(x + 9, y, who)
        x += 30 + 7 * len(who)


def ratios(rows: Sequence[JsonRow]) -> str:
    """A line a figure of time that has a ratio: a dot for each other contender, and a bar where the aim is."""
    figures = [(name, list(found)) for name, found in groupby(rows, key=lambda row: row["figure"])]
    shown = [
        (name, found)
        for name, found in figures
        if found[0]["unit"] in _TIMES and any(row["ratio"] for row in found[1:])
    ]
    values = [row["ratio"] for _, found in shown for row in found[1:] if row["ratio"]]
    scale = LogScale(min([*values, 0.1]), max([*values, 10.0]), _LEFT, _RIGHT)
    height = _TOP + _ROW * len(shown) + 34
    picture = Picture(_RIGHT + 30, height, "turnup's value divided by that of each contender")
    picture.text(16, 24, "turnup's value ÷ that of the contender (less is better; the bar is the aim)", "head")
    _names(
        picture, 16, 46, (row["who"] if row["who"] in _COLOUR else _OTHER for _, found in shown for row in found[1:])
    )
    for tick in scale.ticks:
        picture.line(scale(tick), _TOP, scale(tick), height - 28, "aim" if tick == 1 else "grid")
        picture.text(scale(tick), height - 12, f"{tick:g} ×", "faint", "middle")
    for number, (name, found) in enumerate(shown):
        y = _TOP + _ROW * (number + 0.5)
        picture.text(_LEFT - 12, y + 4, name, anchor="end")
        picture.line(_LEFT, y, _RIGHT, y)
        aim = _limit(found[0])
        if aim is not None:
            picture.line(scale(aim), y - 9, scale(aim), y + 9, "aim")
        for row in found[1:]:
            if row["ratio"]:
                picture.dot(scale(row["ratio"]), y, f"f{_colour(row['who'])}", f"{row['who']}: {row['ratio']:.2g} ×")
    return picture.write()


def _limit(row: JsonRow) -> float | None:
    words = str(row["aim"]).split()
    return float(words[1]) if words[-1:] == ["×"] else None


_PANEL_W, _PANEL_H, _GAP_X, _GAP_Y = 330.0, 190.0, 70.0, 78.0
_PANELS: Final = (("seconds", "s"), ("memory", "MB"))


def growth(rows: Sequence[JsonRow]) -> str:
    """Two panels a growth, time and memory; both axes are logarithmic."""
    points = [row for row in rows if row["size"] is not None and row["seconds"] is not None]
    growths = [(name, list(found)) for name, found in groupby(points, key=lambda row: row["growth"])]
    height = 70 + len(growths) * (_PANEL_H + _GAP_Y)
    picture = Picture(2 * (_PANEL_W + _GAP_X) + 30, height, "time and memory against size")
    picture.text(16, 24, "time and memory against size, both axes logarithmic", "head")
    _names(picture, 16, 46, (row["who"] for row in points))
    for number, (_, found) in enumerate(growths):
        for place, (key, unit) in enumerate(_PANELS):
            left = 60 + place * (_PANEL_W + _GAP_X)
            top = 84 + number * (_PANEL_H + _GAP_Y)
            _panel(picture, found, key, unit, left, top)
    return picture.write()


def _panel(picture: Picture, found: Sequence[JsonRow], key: str, unit: str, left: float, top: float) -> None:
    values = [row[key] for row in found if row[key]]
    if not values:
        return
    sizes = [row["size"] for row in found]
    across = LogScale(min(sizes), max(sizes), left, left + _PANEL_W)
    up = LogScale(min(values), max(values), top + _PANEL_H, top)
    picture.text(left, top - 10, f"{found[0]['growth']}: {unit} for {found[0]['unit']}", "head")
    for tick in across.ticks:
        picture.line(across(tick), top, across(tick), top + _PANEL_H)
        picture.text(across(tick), top + _PANEL_H + 18, f"{tick:,.0f}", "faint", "middle")
    for tick in up.ticks:
        picture.line(left, up(tick), left + _PANEL_W, up(tick))
        picture.text(left - 8, up(tick) + 4, f"{tick:g}", "faint", "end")
    for who in dict.fromkeys(row["who"] for row in found):
        mine: list[dict[str, Any]] = [row for row in found if row["who"] == who and row[key]]
        spots = [(across(row["size"]), up(row[key])) for row in mine]
        picture.path(spots, f"s{_colour(who)}")
        for (x, y), row in zip(spots, mine, strict=True):
            picture.dot(x, y, f"f{_colour(who)}", f"{who}, {row['size']:,} {row['unit']}: {row[key]:.3g} {unit}")
