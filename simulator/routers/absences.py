"""What a user's file asks for and no lab has, in the languages of the daemons that run alone. FRR's: `frr_parts`."""

from __future__ import annotations

import re
from pathlib import Path

from simulator.routers.names import sources

_CACHE = "the lab has no RPKI cache: what it would tell is not known here"
_BFD = "the lab's edges speak no BFD"

_ABSENT: dict[str, tuple[tuple[re.Pattern[str], str], ...]] = {
    "bird": (
        (re.compile(r"^[ \t]*protocol[ \t]+ospf\b", re.MULTILINE), "nobody in the lab speaks OSPF"),
        (re.compile(r"^[ \t]*protocol[ \t]+rip\b", re.MULTILINE), "nobody in the lab speaks RIP"),
        (re.compile(r"^[ \t]*protocol[ \t]+babel\b", re.MULTILINE), "nobody in the lab speaks Babel"),
        (re.compile(r"^[ \t]*protocol[ \t]+rpki\b", re.MULTILINE), _CACHE),
        (re.compile(r"^[ \t]*protocol[ \t]+bfd\b", re.MULTILINE), _BFD),
    ),
    "openbgpd": ((re.compile(r"^[ \t]*rtr[ \t]", re.MULTILINE), _CACHE),),
    "gobgp": (
        (re.compile(r"^[ \t]*(\[\[?|\")?rpki-servers\b", re.MULTILINE), _CACHE),
        (re.compile(r"^[ \t]*(\[\[?|\")?bmp-servers\b", re.MULTILINE), "the lab has no BMP station"),
        (re.compile(r"^[ \t]*(\[\[?|\")?zebra\b", re.MULTILINE), "the lab runs no zebra beside GoBGP"),
    ),
}


def absences(kind: str, path: Path) -> list[str]:
    """One line each, with the file and the line that asks for it."""
    found: dict[str, str] = {}
    for file, text in sources(kind, path):
        for pattern, what in _ABSENT.get(kind, ()):
            hit = pattern.search(text)
            if hit is not None:
                found.setdefault(what, f"{file}:{text.count(chr(10), 0, hit.start()) + 1}: {what}")
    return list(found.values())
