"""How turnup reads exabgp.conf of its user."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from simulator.diagnosis.router_answer import Setting
from simulator.places.process import Program, find_program
from simulator.routers.own_file import INTERFACE, Fault, OwnFile
from simulator.routers.parsing import one_line, otherwise, run
from simulator.routers.statements import blocks, nested

EXABGP = Program("exabgp", "ExaBGP", "pip install exabgp==5.0.15")


def program() -> Path:
    """The ExaBGP beside this interpreter, else the one on PATH. Raises LabError."""
    beside = Path(sys.executable).with_name("exabgp")
    return beside if os.access(beside, os.X_OK) else find_program(EXABGP)


def _parse(path: Path, text: str, scratch: Path) -> list[Fault]:
    inherited = {name: value for name, value in os.environ.items() if not name.lower().startswith("exabgp")}
    env = {**inherited, "EXABGP_ROOT": str(scratch), "exabgp_log_destination": "stdout"}
    status, words = run(program(), ["validate", str(path)], path, text, scratch, env)
    if status == 0:
        return []
    what = words.rpartition("is not a valid config file:")[2]
    line = re.search(r"^(?: *problem parsing configuration file )?line (\d+)(?:: *(.*))?$", what, re.MULTILINE)
    said = re.sub(r"^line \d+:.*$", "", what, flags=re.MULTILINE)
    told = one_line(f"{said}\n{line[2] if line else ''}")
    return [Fault(str(path), int(line[1]) if line else 0, told)] if told else otherwise(path, words)


_INHERIT = re.compile(r"\binherit\s+\[?\s*([\w.-]+)")
_NEIGHBORS = nested(re.compile(r"\bneighbor\s+([0-9A-Fa-f:./]+)\s*\{"), re.compile(r"\bgroup\s+\S+\s*\{"), file=False)


def _scopes(text: str, address: str) -> list[tuple[int, int]]:
    """The neighbor's block, what stands around it, and the templates that it inherits."""
    found = _NEIGHBORS(text, address)
    names = {hit[1] for start, end in found for hit in _INHERIT.finditer(text, start, end)}
    templates = blocks(text, re.compile(r"\bneighbor\s+([\w.-]+)\s*\{"))
    return found + [span for hit, span in templates if hit[1] in names]


def _family(text: str, address: str) -> bool | None:
    """Without `family` ExaBGP offers all that it knows."""
    spans = _scopes(text, address)
    blocks_ = [hit[1] for span in spans for hit in re.compile(r"\bfamily\s*\{([^}]*)\}").finditer(text, *span)]
    wanted = re.compile(rf"\bipv{6 if ':' in address else 4}\s+unicast\b|\ball\b")
    return None if not spans else not blocks_ or any(wanted.search(each) for each in blocks_)


OWN_FILE = OwnFile(
    _parse,
    ((INTERFACE, re.compile(r'\bsource-interface\s+"?([\w.-]+)"?')),),
    scopes=_scopes,
    family=_family,
    settings=(
        (Setting.NEIGHBOR, re.compile(r"\bneighbor\s+(\S+)")),
        (Setting.LOCAL_AS, re.compile(r"\blocal-as\s+(\d+)")),
        (Setting.REMOTE_AS, re.compile(r"\bpeer-as\s+(\d+)")),
        (Setting.SOURCE, re.compile(r"\blocal-address\s+([0-9A-Fa-f:.]+)")),
        (Setting.PASSIVE, re.compile(r"\bpassive\b(?!\s+false)")),
        (Setting.MULTIHOP, re.compile(r"\b(?:outgoing-ttl|multihop)\s+(\d+)")),
        (Setting.MD5, re.compile(r"""\bmd5-password\s+(?:"([^"\n]*)"|'([^'\n]*)'|([^;\s]+))""")),
        (Setting.GTSM, re.compile(r"\bincoming-ttl\b")),
        (Setting.HOLD_TIME, re.compile(r"\bhold-time\s+(\d+)")),
        (Setting.AS4, re.compile(r"\basn4\s+(disable)\b")),
        (Setting.REFRESH, re.compile(r"\broute-refresh\s+(disable)\b")),
        (Setting.ROUTER_ID, re.compile(r"\brouter-id\s+([0-9.]+)")),
    ),
    anchors=((frozenset(), re.compile(r"\bneighbor\s+\S+\s*\{")),),
    ranges=re.compile(r"\bneighbor\s+([0-9A-Fa-f]*[:.][0-9A-Fa-f:.]*/\d+)\s*\{"),
    neighbors=re.compile(r"\bneighbor\s+([0-9A-Fa-f]*[:.][0-9A-Fa-f:.]+)\s*\{"),
)
