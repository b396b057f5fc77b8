"""How turnup reads gobgpd's configuration file of its user."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from simulator.diagnosis.router_answer import Setting
from simulator.places.process import Program
from simulator.routers.own_file import INTERFACE, NO_RPKI_CACHE, Fault, OwnFile
from simulator.routers.parsing import one_line, run
from simulator.routers.statements import StatementSpan, same

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
    what = re.split(r"\n+goroutine \d+ ", what)[0]  # where a Go program panics its stack follows
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


_ITEMS = r"(?:neighbors|peer-groups|dynamic-neighbors)"
_ITEM = re.compile(rf"^\[\[{_ITEMS}\]\]|^ *- +config:", re.MULTILINE)
_OTHER = re.compile(rf"^\[(?!\[?{_ITEMS}\b)|^[\w-]+:", re.MULTILINE)
_ADDRESS = re.compile(r'(?:neighbor-address|\bprefix)"?\s*[=:]\s*"?([0-9A-Fa-f]*[:.][0-9A-Fa-f:./]*)')
_GROUP = re.compile(r'\bpeer-group"?\s*[=:]\s*"?([\w.-]+)')
_GROUP_NAME = re.compile(r'\bpeer-group-name"?\s*[=:]\s*"?([\w.-]+)')


def _items(text: str) -> Iterator[tuple[int, int]]:
    """Each neighbor, peer group and range of a TOML file, or of a YAML list."""
    starts = [hit.start() for hit in _ITEM.finditer(text)]
    for start, end in pairwise([*starts, len(text)]):
        other = _OTHER.search(text, start, end)
        yield start, other.start() if other is not None else end


def _own_scopes(text: str, address: str) -> list[tuple[int, int]]:
    """The neighbor, or the range, and the peer group that it is of."""
    items = list(_items(text))
    own = [each for each in items if (hit := _ADDRESS.search(text, *each)) is not None and same(hit[1], address)]
    names = {hit[1] for each in own for hit in _GROUP.finditer(text, *each)}
    groups = [each for each in items if (hit := _GROUP_NAME.search(text, *each)) is not None and hit[1] in names]
    return own + groups


def _scopes(text: str, address: str) -> list[tuple[int, int]]:
    """The neighbor with this address, its peer group, and what is said of all."""
    found = _own_scopes(text, address)
    whole = re.compile(r"^\[global\.config\][^\[]*|^global:\n(?:[ \t]+.*\n|\n)*", re.MULTILINE)
    return found + [hit.span() for hit in whole.finditer(text) if found]


def _family(text: str, address: str) -> bool | None:
    """Without `afi-safis` GoBGP gives a session the family of its address; a neighbor's own come before its group's."""
    name = re.compile(r'afi-safi-name"?\s*[=:]\s*"?([\w-]+)')
    spans = _own_scopes(text, address)
    each = ([hit[1] for hit in name.finditer(text, *span)] for span in spans)
    names = next(filter(None, each), [])
    wanted = "ipv6-unicast" if ":" in address else "ipv4-unicast"
    return None if not spans else not names or wanted in names


_HEADER = re.compile(r"^[ \t]*(\[+[\w.-]+\]+)[ \t]*$", re.MULTILINE)
_LIMITED = "[neighbors.afi-safis.config]"
"""A prefix limit is said behind the family that it is of."""


def _place(text: str, part: StatementSpan, statement: str) -> tuple[int, str] | None:
    """A TOML table behind `[neighbors.config]`, or what is missing in one that is there already."""
    lines = [line for line in statement.splitlines() if not line.lstrip().startswith("#")]
    headers = [line.strip() for line in lines if line.lstrip().startswith("[")]
    if not headers:
        return None
    found = list(_HEADER.finditer(text, *part))
    if not found:
        return None  # GoBGP reads YAML and JSON too, which have no tables
    ends = [*(hit.start() for hit in found[1:]), part[1]]
    tables = [(hit[1], hit.end(), text[hit.end() : end].rstrip()) for hit, end in zip(found, ends, strict=True)]
    family, there = headers[-1] == _LIMITED, [each for each in tables if each[0] == headers[-1]]
    if len(there) == 1 and not family:
        _, at, body = there[0]
        keys = [line for line in lines if "=" in line]
        lacks = [key for key in keys if not re.search(rf"^[ \t]*{re.escape(key.split()[0])}\s*=", body, re.MULTILINE)]
        return (at, "".join(f"\n{line}" for line in lacks)) if lacks else None
    wanted = _LIMITED if "prefix-limit" in headers[-1] else "[neighbors.config]"
    anchors = [(at, body) for name, at, body in tables if name == wanted]
    if len(anchors) != 1:
        return None
    # A family goes with the `[[neighbors.afi-safis]]` that it is in.
    first = [line.strip() for line in lines].index(headers[-2 if family else -1])
    return anchors[0][0] + len(anchors[0][1]), "".join(f"\n{line}" for line in lines[first:])


OWN_FILE = OwnFile(
    _parse,
    ((INTERFACE, re.compile(r'\bbind-interface"?\s*[=:]\s*"?([\w.-]+)"?')),),
    absent=(
        (re.compile(r"^[ \t]*(\[\[?|\")?rpki-servers\b", re.MULTILINE), NO_RPKI_CACHE),
        (re.compile(r"^[ \t]*(\[\[?|\")?bmp-servers\b", re.MULTILINE), "the lab has no BMP station"),
        (re.compile(r"^[ \t]*(\[\[?|\")?zebra\b", re.MULTILINE), "the lab runs no zebra beside GoBGP"),
    ),
    scopes=_scopes,
    place=_place,
    family=_family,
    settings=(
        (Setting.NEIGHBOR, re.compile(r'neighbor-address"?\s*[=:]\s*"?([0-9A-Fa-f:.]+)')),
        (Setting.SHUTDOWN, re.compile(r'admin-down"?\s*[=:]\s*true')),
        (Setting.LOCAL_AS, re.compile(r'\blocal-as"?\s*[=:]\s*(\d+)|^[ \t]*"?as"?\s*[=:]\s*(\d+)', re.MULTILINE)),
        (Setting.REMOTE_AS, re.compile(r'peer-as"?\s*[=:]\s*(\d+)')),
        (Setting.SOURCE, re.compile(r'local-address"?\s*[=:]\s*"?([0-9A-Fa-f:.]+)')),
        (Setting.PASSIVE, re.compile(r'passive-mode"?\s*[=:]\s*true')),
        (Setting.MULTIHOP, re.compile(r'ebgp-multihop[\s\S]{0,60}?enabled"?\s*[=:]\s*(true)')),
        (Setting.MD5, re.compile(r"""auth-password"?\s*[=:]\s*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([^\s,}"']+))""")),
        (Setting.GTSM, re.compile(r'ttl-security[\s\S]{0,60}?enabled"?\s*[=:]\s*(true)')),
        (Setting.HOLD_TIME, re.compile(r'hold-time"?\s*[=:]\s*(\d+)')),
        (Setting.ROUTER_ID, re.compile(r'router-id"?\s*[=:]\s*"?([0-9.]+)')),
        (Setting.PREFIX_LIMIT, re.compile(r'max-prefixes"?\s*[=:]\s*(\d+)')),
    ),
    ranges=re.compile(r'dynamic-neighbors[\s\S]{0,80}?\bprefix"?\s*[=:]\s*"?([0-9A-Fa-f:./]+)'),
    neighbors=re.compile(r'neighbor-address"?\s*[=:]\s*"?([0-9A-Fa-f]*[:.][0-9A-Fa-f:.]+)'),
)
