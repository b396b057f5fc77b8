"""How turnup ends: the documented exit codes, and one line for whatever went wrong."""

from __future__ import annotations

import sys
from typing import NoReturn

PASSED = 0
FAILED = 1
"""A check or an expectation failed."""
USAGE = 2
"""Bad usage or a bad topology."""
LAB = 3
"""The lab itself failed: a missing daemon, no privilege, a port in use."""
INTERRUPTED = 130


def warn(*lines: str) -> None:
    """Say what does not end the command, one line each."""
    for line in lines:
        print(f"turnup: {line}", file=sys.stderr)  # noqa: T201 - the one place that writes plain errors


def fail(code: int, *lines: str) -> NoReturn:
    """Say what went wrong, one line each, and exit."""
    warn(*lines)
    raise SystemExit(code)
