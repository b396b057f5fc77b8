"""How turnup reads bird.conf of its user."""

from __future__ import annotations

import re
from pathlib import Path

from simulator.places.process import Program
from simulator.routers.own_file import INTERFACE, NO_RPKI_CACHE, VRF, Fault, OwnFile
from simulator.routers.parsing import otherwise, run

BIRD = Program("bird", "BIRD", "apt-get install bird2")


def _parse(path: Path, text: str, scratch: Path) -> list[Fault]:
    status, words = run(BIRD, ["-p", "-c", str(path)], path, text, scratch)
    found = re.findall(r"^(?:bird: )?(/.+?):(\d+):\d+ (.+)$", words, re.MULTILINE)
    if status == 0:
        return []
    return [Fault(file, int(line), what) for file, line, what in found] or otherwise(path, words)


OWN_FILE = OwnFile(
    _parse,
    (
        (INTERFACE, re.compile(r'\binterface\s+"([^"]+)"')),
        (INTERFACE, re.compile(r"\bneighbor\s+[0-9A-Fa-f:.]+\s*%\s*'?([\w.@-]+)'?")),
        (INTERFACE, re.compile(r"\blocal\s+[0-9A-Fa-f:.]+\s*%\s*'?([\w.@-]+)'?")),
        (VRF, re.compile(r'\bvrf\s+"([^"]+)"')),
    ),
    comments=re.compile(r"#[^\n]*|/\*.*?\*/", re.DOTALL),
    block=re.compile(r"^[ \t]*(?:protocol|template)\s+(\w+)", re.MULTILINE),
    includes=True,
    absent=(
        (re.compile(r"^[ \t]*protocol[ \t]+ospf\b", re.MULTILINE), "nobody in the lab speaks OSPF"),
        (re.compile(r"^[ \t]*protocol[ \t]+rip\b", re.MULTILINE), "nobody in the lab speaks RIP"),
        (re.compile(r"^[ \t]*protocol[ \t]+babel\b", re.MULTILINE), "nobody in the lab speaks Babel"),
        (re.compile(r"^[ \t]*protocol[ \t]+rpki\b", re.MULTILINE), NO_RPKI_CACHE),
        (re.compile(r"^[ \t]*protocol[ \t]+bfd\b", re.MULTILINE), "the lab's edges speak no BFD"),
    ),
)
