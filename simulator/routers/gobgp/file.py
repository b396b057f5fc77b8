"""How turnup reads gobgpd's configuration file of its user."""

from __future__ import annotations

import re
from pathlib import Path

from simulator.diagnosis.router_answer import Setting
from simulator.places.process import Program
from simulator.routers.own_file import INTERFACE, NO_RPKI_CACHE, Fault, OwnFile
from simulator.routers.parsing import one_line, run
from simulator.routers.statements import same

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


def _scopes(text: str, address: str) -> list[tuple[int, int]]:
    """The `[[neighbors]]` of a TOML file, or the item of a YAML list, that has this address."""
    starts = [hit.start() for hit in re.finditer(r"^\[\[neighbors\]\]|^ *- +config:", text, re.MULTILINE)]
    found = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        other = re.compile(r"^\[(?!\[?neighbors)", re.MULTILINE).search(text, start, end)
        end = other.start() if other is not None else end
        hit = re.compile(r'neighbor-address"?\s*[=:]\s*"?([0-9A-Fa-f:.]+)').search(text, start, end)
        if hit is not None and same(hit[1], address):
            found.append((start, end))
    whole = re.compile(r"^\[global\.config\][^\[]*|^global:\n(?:[ \t]+.*\n|\n)*", re.MULTILINE)
    return found + [hit.span() for hit in whole.finditer(text) if found]


def _family(text: str, address: str) -> bool | None:
    """Without `afi-safis` GoBGP gives a session the family of its address."""
    spans = _scopes(text, address)[:1]
    names = [
        hit[1] for span in spans for hit in re.compile(r'afi-safi-name"?\s*[=:]\s*"?([\w-]+)').finditer(text, *span)
    ]
    wanted = "ipv6-unicast" if ":" in address else "ipv4-unicast"
    return None if not spans else not names or wanted in names


OWN_FILE = OwnFile(
    _parse,
    ((INTERFACE, re.compile(r'\bbind-interface"?\s*[=:]\s*"?([\w.-]+)"?')),),
    absent=(
        (re.compile(r"^[ \t]*(\[\[?|\")?rpki-servers\b", re.MULTILINE), NO_RPKI_CACHE),
        (re.compile(r"^[ \t]*(\[\[?|\")?bmp-servers\b", re.MULTILINE), "the lab has no BMP station"),
        (re.compile(r"^[ \t]*(\[\[?|\")?zebra\b", re.MULTILINE), "the lab runs no zebra beside GoBGP"),
    ),
    scopes=_scopes,
    family=_family,
    settings=(
        (Setting.NEIGHBOR, re.compile(r'neighbor-address"?\s*[=:]\s*"?([0-9A-Fa-f:.]+)')),
        (Setting.SHUTDOWN, re.compile(r'admin-down"?\s*[=:]\s*true')),
        (Setting.LOCAL_AS, re.compile(r'\blocal-as"?\s*[=:]\s*(\d+)|^[ \t]*"?as"?\s*[=:]\s*(\d+)', re.MULTILINE)),
        (Setting.REMOTE_AS, re.compile(r'peer-as"?\s*[=:]\s*(\d+)')),
        (Setting.SOURCE, re.compile(r'local-address"?\s*[=:]\s*"?([0-9A-Fa-f:.]+)')),
        (Setting.PASSIVE, re.compile(r'passive-mode"?\s*[=:]\s*true')),
        (Setting.MD5, re.compile(r"""auth-password"?\s*[=:]\s*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([^\s,}"']+))""")),
        (Setting.GTSM, re.compile(r'ttl-security[\s\S]{0,60}?enabled"?\s*[=:]\s*(true)')),
        (Setting.HOLD_TIME, re.compile(r'hold-time"?\s*[=:]\s*(\d+)')),
        (Setting.ROUTER_ID, re.compile(r'router-id"?\s*[=:]\s*"?([0-9.]+)')),
        (Setting.PREFIX_LIMIT, re.compile(r'max-prefixes"?\s*[=:]\s*(\d+)')),
    ),
    ranges=re.compile(r'dynamic-neighbors[\s\S]{0,80}?\bprefix"?\s*[=:]\s*"?([0-9A-Fa-f:./]+)'),
    neighbors=re.compile(r'neighbor-address"?\s*[=:]\s*"?([0-9A-Fa-f]*[:.][0-9A-Fa-f:.]+)'),
)
