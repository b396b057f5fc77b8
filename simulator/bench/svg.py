"""A small writer of SVG pictures that follow the reader's light or dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

# Text at least 4.5 : 1 and marks at least 3 : 1 against both backgrounds.
_STYLE = """
svg { --back: #ffffff; --text: #1b1b1f; --faint: #5c5f66; --line: #d6d8dd;
  --c0: #0f62ad; --c1: #b14a00; --c2: #4f7a1f; --c3: #8a3ffc; --c4: #9f1853; }
@media (prefers-color-scheme: dark) { svg { --back: #16181d; --text: #e8e8ec; --faint: #a3a7b0; --line: #3a3e47;
  --c0: #6cb6ff; --c1: #ff9d57; --c2: #9bd45f; --c3: #c9a6ff; --c4: #ff8ab8; } }
text { font: 12px system-ui, sans-serif; fill: var(--text); } .faint { fill: var(--faint); } .head { font-weight: 600; }
.back { fill: var(--back); } .grid { stroke: var(--line); } .aim { stroke: var(--text); stroke-width: 2; }
"""
COLOURS = 5


class Picture:
    """Shapes in the order in which they are drawn; lengths in pixels."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self._width, self._height = width, height
        colours = "".join(
            f".f{n} {{ fill: var(--c{n}); }} .s{n} {{ stroke: var(--c{n}); fill: none; stroke-width: 2; }}\n"
            for n in range(COLOURS)
        )
        self._parts = [
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}{colours}</style>",
            '<rect class="back" width="100%" height="100%"/>',
        ]

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        self._add("text", words, kind, x=x, y=y, text_anchor=anchor)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> None:
        self._add("line", "", kind, x1=x1, y1=y1, x2=x2, y2=y2)

    def dot(self, x: float, y: float, kind: str, title: str) -> None:
        self._parts.append(
            f'<circle class={quoteattr(kind)} cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{escape(title)}</title></circle>'
        )

    def path(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        self._add("polyline", "", kind, points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points))

    def _add(self, tag: str, words: str, kind: str, **attributes: float | str) -> None:
        given = {"class": kind, **{name.replace("_", "-"): value for name, value in attributes.items()}}
        told = " ".join(
            f"{name}={quoteattr(f'{value:.1f}' if isinstance(value, float) else str(value))}"
            for name, value in given.items()
            if value != ""
        )
        self._parts.append(f"<{tag} {told}>{escape(words)}</{tag}>" if words else f"<{tag} {told}/>")

    def write(self) -> str:
        """The whole file."""
        size = f'width="{self._width:g}" height="{self._height:g}" viewBox="0 0 {self._width:g} {self._height:g}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>'
        return "\n".join([head, *self._parts, "</svg>"]) + "\n"


class LogScale:
    """A logarithmic axis: values to pixels."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.first, self.last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
        self.last = max(self.last, self.first + 1)
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self.first) / (self.last - self.first)
        return self._start + share * (self._end - self._start)

    @property
    def ticks(self) -> list[float]:
        """The powers of ten."""
        return [10.0**power for power in range(self.first, self.last + 1)]
