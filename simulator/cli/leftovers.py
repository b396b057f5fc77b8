"""What an earlier run left behind when it was killed."""

from __future__ import annotations

import contextlib

from rich.console import Console

from simulator.lab.state import clean, leftovers
from simulator.places.errors import LabError


def remove_leftovers(console: Console) -> None:
    """Remove what earlier runs left behind when they were killed, and say so in one line."""
    removed, ended = 0, 0
    with contextlib.suppress(LabError):
        for leftover in leftovers():
            with contextlib.suppress(LabError):  # `turnup clean` says so
                alive = sum(child.process.alive for child in leftover.children)
                removed += any(line.startswith("removed") for line in clean(leftover))
                ended += alive
    if removed:
        what = "a directory" if removed == 1 else f"{removed} directories"
        left = f", and ended {ended} of their processes" if ended else ""
        console.print(f"turnup: removed {what} that killed runs had left behind{left}", style="dim", highlight=False)
