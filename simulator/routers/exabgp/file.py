"""How turnup reads exabgp.conf of its user."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from simulator.places.process import Program, find_program
from simulator.routers.own_file import INTERFACE, Fault, OwnFile
from simulator.routers.parsing import one_line, otherwise, run

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


OWN_FILE = OwnFile(
    _parse,
    ((INTERFACE, re.compile(r'\bsource-interface\s+"?([\w.-]+)"?')),),
)
