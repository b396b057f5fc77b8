"""How turnup reads bird.conf of its user."""

from __future__ import annotations

import re
from pathlib import Path

from simulator.diagnosis.router_answer import Setting
from simulator.places.process import Program
from simulator.routers.own_file import INTERFACE, NO_RPKI_CACHE, VRF, Fault, OwnFile
from simulator.routers.parsing import otherwise, run
from simulator.routers.statements import blocks, chased, outside, same

BIRD, BIRDC = (Program(name, "BIRD", "apt-get install bird2") for name in ("bird", "birdc"))


def _parse(path: Path, text: str, scratch: Path) -> list[Fault]:
    status, words = run(BIRD, ["-p", "-c", str(path)], path, text, scratch)
    found = re.findall(r"^(?:bird: )?(/.+?):(\d+):\d+ (.+)$", words, re.MULTILINE)
    if status == 0:
        return []
    return [Fault(file, int(line), what) for file, line, what in found] or otherwise(path, words)


_PROTOCOL = re.compile(r"\bprotocol\s+bgp\b([^{;]*)\{")
_TEMPLATE = re.compile(r"\btemplate\s+bgp\s+'?([\w.:-]+)'?([^{;]*)\{")
_CONSTANT = re.compile(r"\bdefine\s+(\w+)\s*=\s*([^;\[]+?)\s*;")
_NAME = r"(?!(?:as|port|range|role|from|internal|external)\b)[\w:.]+"
"""An address, or the constant that stands for one."""
_NEIGHBOR = re.compile(rf"\bneighbor\s+(?:range\s+)?({_NAME}(?:/\d+)?)")


_PARENT = re.compile(r"\bfrom\s+'?([\w.:-]+)")


def _is_with(text: str, start: int, end: int, address: str) -> bool:
    """Is the protocol that stands there one with this neighbor, or with the constant that is this neighbor?"""
    named = [hit[1] for hit in _NEIGHBOR.finditer(text, start, end)]
    known = chased(_CONSTANT.findall(text)) if any(re.fullmatch(r"[A-Za-z_]\w*", each) for each in named) else {}
    return any(same(known.get(each, each), address) for each in named)


def _channels(text: str, start: int, end: int, channel: re.Pattern[str]) -> list[tuple[int, int]]:
    found = [(start + first, start + last) for _, (first, last) in blocks(text[start:end], channel)]
    word = channel.pattern[2:6]
    return found + [hit.span() for hit in re.compile(rf"\b{word}\s*;").finditer(text, start, end)]


def _scopes(text: str, address: str) -> list[tuple[int, int]]:
    """The protocol with this neighbor, the channel of its family first, and the templates that it comes from."""
    templates = {hit[1]: (hit[2], span) for hit, span in blocks(text, _TEMPLATE)}
    found = []
    for hit, (start, end) in blocks(text, _PROTOCOL):
        if not _is_with(text, start, end, address):
            continue
        channel = re.compile(r"\bipv6\s*\{" if ":" in address else r"\bipv4\s*\{")
        found += [*_channels(text, start, end, channel), *outside(text, start, end, depth=1)]
        parent = _PARENT.search(hit[1])
        while parent is not None and parent[1] in templates:
            header, span = templates.pop(parent[1])
            found += [*_channels(text, *span, channel), *outside(text, *span, depth=1)]
            parent = _PARENT.search(header)
    found += [hit.span() for hit in re.finditer(r"\brouter\s+id\s[^;]*;", text)]
    return found


def protocol_of(text: str, address: str) -> str:
    """The name of the protocol with this neighbor, in quotes where it stands in them; empty where it has none."""
    for hit, span in blocks(text, _PROTOCOL):
        if _is_with(text, *span, address):
            named = re.match(r"\s*('[^']+'|[A-Za-z_]\w*)", re.sub(r"\bfrom\s.*", "", hit[1], flags=re.DOTALL))
            return named[1] if named is not None else ""
    return ""


def _family(text: str, address: str) -> bool | None:
    spans = _scopes(text, address)
    word = "ipv6" if ":" in address else "ipv4"
    return any(re.match(rf"{word}\s*(?:\{{|;)", text[start:end]) for start, end in spans) if spans else None


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
    scopes=_scopes,
    family=_family,
    settings=(
        (Setting.NEIGHBOR, re.compile(rf"\bneighbor\s+({_NAME})")),
        (Setting.SHUTDOWN, re.compile(r"\bdisabled\b(?:\s+(?:on|yes))?\s*;")),
        (Setting.LOCAL_AS, re.compile(r"\blocal\b[^;{]*\bas\s+(\w+)")),
        (Setting.REMOTE_AS, re.compile(r"\bneighbor\b[^;{]*\bas\s+(\w+)|\bneighbor\b[^;{]*\b(external|internal)\b")),
        (Setting.SOURCE, re.compile(rf"\b(?:source\s+address|local)\s+({_NAME})")),
        (Setting.PASSIVE, re.compile(r"\bpassive\b(?:\s+(?:on|yes))?\s*;")),
        (Setting.MULTIHOP, re.compile(r"\bmultihop\b(?:\s+(\d+))?\s*;")),
        (Setting.MD5, re.compile(r'\bpassword\s+(?:"([^"]*)"|([A-Za-z_]\w*))')),
        (Setting.GTSM, re.compile(r"\bttl\s+security\s+(?:on|yes)\s*;|\bttl\s+security\s*;")),
        (Setting.HOLD_TIME, re.compile(r"(?<!startup )\bhold\s+time\s+(\w+)")),
        (Setting.PREFIX_LIMIT, re.compile(r"\b(?:import|receive)\s+limit\s+(\w+)")),
        (Setting.SENT_LIMIT, re.compile(r"\bexport\s+limit\s+(\w+)[^;]*")),
        (Setting.CAPABILITIES, re.compile(r"\bcapabilities\s+(?:off|no)\s*;")),
        (Setting.AS4, re.compile(r"\benable\s+as4\s+(?:off|no)\s*;")),
        (Setting.REFRESH, re.compile(r"\benable\s+route\s+refresh\s+(?:off|no)\s*;")),
        (Setting.ROUTER_ID, re.compile(rf"\brouter\s+id\s+({_NAME})")),
        (Setting.ROLE, re.compile(r"\blocal\s+role\s+(\w+)")),
        (Setting.NEXT_HOP, re.compile(r"\bnext\s+hop\s+(?:self|address)\b")),
        (Setting.EXPORT, re.compile(r"\bexport\s+(?!limit\b|table\b)([^;]+)")),
        (Setting.IMPORT, re.compile(r"\bimport\s+(?!limit|table|keep)([^;]+)")),
    ),
    name=protocol_of,
    constants=_CONSTANT,
    anchors=(
        (frozenset({Setting.PREFIX_LIMIT, Setting.NEXT_HOP}), re.compile(r"\bipv[46]\s*\{")),
        (frozenset(), re.compile(r"\bneighbor\s[^;{}]*;")),
    ),
    ranges=re.compile(r"\bneighbor\s+range\s+([\w:./]+)"),
    neighbors=re.compile(rf"\bneighbor\s+({_NAME})"),
)
