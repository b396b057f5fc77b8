"""How turnup ends: the documented exit codes, and one line for whatever went wrong."""

from __future__ import annotations

import sys
from typing import Final, NoReturn

PASSED = 0
FAILED = 1
"""A check or an expectation failed."""
USAGE = 2
"""Bad usage or a bad topology."""
LAB = 3
"""The lab itself failed: a missing daemon, no privilege, a port in use."""
INTERRUPTED = 130

_LONGEST: Final = 2000
"""Characters of a line: what a file has in one place may be a megabyte (simulator)."""


def warn(*lines: str) -> None:
    """Say what does not end the command, one line each."""
    for line in lines:
        print(f"turnup: {_plain(line)}", file=sys.stderr)  # noqa: T201 - the one place that writes plain errors


def _plain(line: str) -> str:
    """What files and routers hold begins no line of its own, and moves no cursor."""
    text = " ".join(line[: _LONGEST + 1].splitlines())
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    return text if text.isprintable() else "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def fail(code: int, *lines: str) -> NoReturn:
    """Say what went wrong, one line each, and exit."""
    warn(*lines)
    raise SystemExit(code)
