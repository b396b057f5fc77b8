"""How turnup reads gobgpd's configuration file of its user."""

from __future__ import annotations

import re
from pathlib import Path

from simulator.places.process import Program
from simulator.routers.own_file import INTERFACE, NO_RPKI_CACHE, Fault, OwnFile
from simulator.routers.parsing import one_line, run

GOBGPD, GOBGP = (Program(name, "GoBGP", "apt-get install gobgpd") for name in ("gobgpd", "gobgp"))

_TYPES = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}


def file_type(path: Path) -> str:
    """What a configuration file is written in, by its name."""
    return _TYPES.get(path.suffix.lower(), "toml")


def _parse(path: Path, text: str, scratch: Path) -> list[Fault]:
    argv = ["--dry-run", "--config-file", str(path), "--config-type", file_type(path), "--log-plain"]
    status, words = run(GOBGPD, argv, path, text, scratch)
    if status == 0:
        return []
    told = re.search(r'level=fatal msg=("(?:[^"\\]|\\.)*"|\S+)(?: Error=("(?:[^"\\]|\\.)*"|\S+))?', words)
    what = (told[2] or told[1]).strip('"').replace('\\"', '"').replace("\\n", "\n") if told else words
    line = re.search(r"\((\d+), \d+\)|\bline (\d+)", what)
    return [Fault(str(path), int(line[1] or line[2]) if line else _line_of_a_word(what, text), one_line(what))]


def _line_of_a_word(what: str, text: str) -> int:
    """The first line with the key or the value that GoBGP names where it tells no line; 0: there is no such line."""
    words = re.findall(r"""invalid keys: ([\w-]+)|([\w-]+)' as |parsing "([^"]+)"|lookup ([^\s:]+)""", what)
    for word in (word for found in words for word in found if word):
        for number, line in enumerate(text.splitlines(), 1):
            if word in line.partition("#")[0]:
                return number
    return 0


OWN_FILE = OwnFile(
    _parse,
    ((INTERFACE, re.compile(r'\bbind-interface"?\s*[=:]\s*"?([\w.-]+)"?')),),
    absent=(
        (re.compile(r"^[ \t]*(\[\[?|\")?rpki-servers\b", re.MULTILINE), NO_RPKI_CACHE),
        (re.compile(r"^[ \t]*(\[\[?|\")?bmp-servers\b", re.MULTILINE), "the lab has no BMP station"),
        (re.compile(r"^[ \t]*(\[\[?|\")?zebra\b", re.MULTILINE), "the lab runs no zebra beside GoBGP"),
    ),
)
