"""What an earlier run left behind when it was killed."""

from __future__ import annotations

import contextlib

from rich.console import Console

from simulator.lab.state import clean, leftovers
from simulator.places.errors import LabError


def remove_leftovers(console: Console) -> None:
    """Remove what an earlier run left behind when it was killed, and say so."""
    with contextlib.suppress(LabError):
        for leftover in leftovers():
            for text in clean(leftover):
                console.print(f"turnup: of an earlier run: {text}", style="dim", highlight=False)
