"""Parts of what a language's writer writes: the lines that say one thing, with the blocks that they stand in.

So a remedy is cut out of the same text that `turnup config` prints, and cannot drift away from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

_COMMENT = re.compile(r"^\s*(?:#|!|/\*)")
_BEHIND = re.compile(r"\s+#\s.*$")


def lines_of(text: str) -> list[str]:
    """The lines of a configuration without comments and empty lines; what a backslash continues is one line."""
    joined = re.sub(r" *\\\n\s*", " ", text)
    return [_BEHIND.sub("", line) for line in joined.splitlines() if line.strip() and not _COMMENT.match(line)]


def saying(text: str, wanted: re.Pattern[str]) -> list[int]:
    """The numbers of the lines (of `lines_of`) that match."""
    return [number for number, line in enumerate(lines_of(text)) if wanted.search(line)]


def changed(text: str, than: str) -> list[int]:
    """The numbers of the lines (of `lines_of`) that `text` has and `than` has not."""
    matcher = SequenceMatcher(None, lines_of(than), lines_of(text), autojunk=False)
    added = [span for kind, _, _, *span in matcher.get_opcodes() if kind in ("insert", "replace")]
    return [number for first, end in added for number in range(first, end)]


def with_blocks(text: str, numbers: Iterable[int]) -> str:
    """These lines, each in its blocks; a block that several share is written once."""
    lines, wanted = lines_of(text), sorted(set(numbers))
    shown = dict.fromkeys(wanted)
    for number in wanted:
        for above in _above(lines, number):
            shown[above] = None
            if (end := _end(lines, above)) is not None:
                shown[end] = None
    return "\n".join(lines[number] for number in sorted(shown))


def _above(lines: list[str], number: int) -> Iterator[int]:
    """The headers of the blocks around a line, the nearest first."""
    depth = _depth(lines[number])
    for above in range(number - 1, -1, -1):
        if _depth(lines[above]) < depth and not re.match(r"\s*[}\]]", lines[above]):
            depth = _depth(lines[above])
            yield above
        if not depth:
            return


def _end(lines: list[str], header: int) -> int | None:
    """Where its brace closes, or its bracket."""
    if not lines[header].rstrip().endswith(("{", "[")):
        return None
    depth = _depth(lines[header])
    for number in range(header + 1, len(lines)):
        if _depth(lines[number]) == depth and re.match(r"\s*[}\]]", lines[number]):
            return number
    return None


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
