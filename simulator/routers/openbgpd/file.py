"""How turnup reads bgpd.conf of its user."""

from __future__ import annotations

import re
from pathlib import Path

from simulator.places.process import Program
from simulator.routers.own_file import INTERFACE, NO_RPKI_CACHE, Fault, OwnFile
from simulator.routers.parsing import otherwise, run, write_file

BGPD, BGPCTL = (Program(f"/usr/sbin/{name}", "OpenBGPD", "apt-get install openbgpd") for name in ("bgpd", "bgpctl"))


def _parse(path: Path, text: str, scratch: Path) -> list[Fault]:
    copy = scratch / "bgpd.conf"  # bgpd refuses a file that others may read
    copy.touch(mode=0o600)
    write_file(copy, text)
    status, words = run(BGPD, ["-n", "-f", str(copy)], path, text, scratch)
    if status == 0:
        return []
    found = re.findall(r"^(.+?):(\d+): (.+)$", words.replace(str(copy), str(path)), re.MULTILINE)
    # What it includes by a relative name it names so.
    return [Fault(str(path.parent / file), int(line), what) for file, line, what in found] or otherwise(path, words)


OWN_FILE = OwnFile(
    _parse,
    ((INTERFACE, re.compile(r'\bdepend\s+on\s+"?([\w.-]+)"?')),),
    includes=True,
    absent=((re.compile(r"^[ \t]*rtr[ \t]", re.MULTILINE), NO_RPKI_CACHE),),
)
