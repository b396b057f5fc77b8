"""How turnup reads frr.conf of its user."""

from __future__ import annotations

import re
from pathlib import Path

from simulator.places.process import Program
from simulator.routers.own_file import INTERFACE, VRF, Fault, OwnFile
from simulator.routers.parsing import otherwise, run

LIBRARY = Path("/usr/lib/frr")


def _program(path: str) -> Program:
    return Program(path, "FRR", "apt-get install frr")


BGPD, ZEBRA, STATICD, BFDD = (_program(str(LIBRARY / name)) for name in ("bgpd", "zebra", "staticd", "bfdd"))
VTYSH = _program("vtysh")


def _parse(path: Path, text: str, scratch: Path) -> list[Fault]:
    (scratch / "vtysh.conf").touch()
    argv = ["--config_dir", str(scratch), "--dryrun", "--inputfile", str(path)]
    status, words = run(VTYSH, argv, path, text, scratch)
    found = re.findall(r"^line (\d+): (.+)$", words, re.MULTILINE)
    if status == 0 and not found:
        return []
    return [Fault(str(path), int(line), " ".join(what.split())) for line, what in found] or otherwise(path, words)


OWN_FILE = OwnFile(
    _parse,
    (
        (INTERFACE, re.compile(r"^ +neighbor +\S+ +update-source +(?![\d.]+\s|[0-9A-Fa-f]*:)(\S+)", re.MULTILINE)),
        (INTERFACE, re.compile(r"^ +neighbor +(\S+) +interface\b", re.MULTILINE)),
        (VRF, re.compile(r"^router +bgp +\d+ +vrf +(\S+)", re.MULTILINE)),
    ),
    comments=re.compile(r"^[ \t]*!.*$", re.MULTILINE),
)
