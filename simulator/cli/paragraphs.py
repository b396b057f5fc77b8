"""Text laid out for a terminal's width: wrapped between words, with a hanging indent, and never cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

_GAP = 2


def wrapped(console: Console, text: Text, width: int) -> list[Text]:
    """The lines of a text. A word is broken only where it is longer than a whole line."""
    lines = text.wrap(console, max(width, 1), overflow="fold")
    for line in lines:
        line.rstrip()
    return list(lines) or [Text()]


def hanging(console: Console, head: Text, body: Text, indent: int) -> list[Text]:
    """`body` beside `head`, each line of it `indent` columns in; below the head where that is longer."""
    lines = wrapped(console, body, console.width - indent)
    if head.cell_len < indent:
        first = Text.assemble(head, " " * (indent - head.cell_len), lines[0])
        rest = lines[1:]
        above = [first]
    else:
        above, rest = wrapped(console, head, console.width), lines
    return [*above, *(Text.assemble(" " * indent, line) for line in rest)]


def paragraph(console: Console, text: Text, indent: int = 2) -> list[Text]:
    """A text whose lines after the first are `indent` columns in."""
    first, *rest = wrapped(console, text, console.width)
    if not rest:
        return [first]
    # The first line is as long as the width allows; what follows is wrapped again, within the indent.
    left = text[len(first.plain) :]
    left = left[len(left.plain) - len(left.plain.lstrip()) :]
    return [first, *(Text.assemble(" " * indent, line) for line in wrapped(console, left, console.width - indent))]


def joined(parts: Iterable[Text | str], gap: int = _GAP) -> Text:
    """Parts in one line, with a gap between each two."""
    return Text(" " * gap).join(Text(part) if isinstance(part, str) else part for part in parts)


class Grid:
    """Cells in columns, as wide as their widest one."""

    def __init__(self, headings: Sequence[str], rows: Sequence[Sequence[Text]], numbers: int) -> None:
        """`numbers`: how many of the last columns stand to the right."""
        self._rows = rows
        self._headings = [Text(heading, "bold") for heading in headings]
        self._widths = [max(cell.cell_len for cell in column) for column in zip(self._headings, *rows, strict=True)]
        self._numbers = numbers
        self.width = sum(self._widths) + _GAP * (len(self._widths) - 1)

    def heading(self) -> Text:
        return self._line(self._headings)

    def lines(self) -> list[Text]:
        return [self._line(row) for row in self._rows]

    def _line(self, cells: Sequence[Text]) -> Text:
        line = Text()
        for place, (cell, width) in enumerate(zip(cells, self._widths, strict=True)):
            space = " " * (width - cell.cell_len)
            right = place >= len(cells) - self._numbers
            line = Text.assemble(
                line, " " * (_GAP if place else 0), space if right else "", cell, "" if right else space
            )
        line.rstrip()
        return line
