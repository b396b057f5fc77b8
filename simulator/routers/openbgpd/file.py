"""How turnup reads bgpd.conf of its user."""

from __future__ import annotations

import re
from pathlib import Path

from simulator.diagnosis.router_answer import Setting
from simulator.places.process import Program
from simulator.routers.own_file import INTERFACE, NO_RPKI_CACHE, Fault, OwnFile
from simulator.routers.parsing import otherwise, run, write_file
from simulator.routers.statements import blocks, outside, same

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


_NEIGHBOR = re.compile(r"\bneighbor\s+(\$?[\w:./]+)\s*\{")
_MACRO = re.compile(r'^[ \t]*(\w+)\s*=\s*"?([^"\n]+?)"?\s*$', re.MULTILINE)


def _scopes(text: str, address: str) -> list[tuple[int, int]]:
    """The neighbor's block, what stands around it in its group, and what stands in no block."""
    macros: dict[str, str] = dict(_MACRO.findall(text))
    mine = [span for hit, span in blocks(text, _NEIGHBOR) if same(macros.get(hit[1].strip("$"), hit[1]), address)]
    groups = [span for _, span in blocks(text, re.compile(r"\bgroup\b[^{;\n]*\{"))]
    around = [span for span in groups for own in mine if span[0] < own[0] and own[1] <= span[1]]
    shared = [part for span in around for part in outside(text, *span, depth=1)]
    return [*mine, *shared, *(outside(text, 0, len(text)) if mine else ())]


def _view(path: Path, text: str, scratch: Path) -> str:
    """The file as bgpd has parsed it."""
    copy = scratch / "bgpd.conf"
    copy.touch(mode=0o600)
    write_file(copy, text)
    status, words = run(BGPD, ["-nv", "-f", str(copy)], path, text, scratch)
    return words if status == 0 else ""


def _family(text: str, address: str) -> bool | None:
    """bgpd announces the address's family, and no other, unless the file says otherwise."""
    spans = _scopes(text, address)
    words = re.compile(rf"\bannounce\s+(?:IPv{6 if ':' in address else 4})\s+(none|unicast|vpn)", re.IGNORECASE)
    told = next((hit for start, end in spans if (hit := words.search(text, start, end)) is not None), None)
    return None if not spans else told is None or told[1].lower() != "none"


OWN_FILE = OwnFile(
    _parse,
    ((INTERFACE, re.compile(r'\bdepend\s+on\s+"?([\w.-]+)"?')),),
    includes=True,
    absent=((re.compile(r"^[ \t]*rtr[ \t]", re.MULTILINE), NO_RPKI_CACHE),),
    scopes=_scopes,
    family=_family,
    settings=(
        (Setting.NEIGHBOR, re.compile(r"\bneighbor\s+(\$?[\w:.]+)", re.MULTILINE)),
        (Setting.SHUTDOWN, re.compile(r"^[ \t]*down\b(.*)$", re.MULTILINE)),
        (Setting.LOCAL_AS, re.compile(r"^[ \t]*local-as\s+(\$?\w+)|^[ \t]*AS\s+(\$?\w+)", re.MULTILINE)),
        (Setting.REMOTE_AS, re.compile(r"\bremote-as\s+(\$?\w+)", re.MULTILINE)),
        (Setting.SOURCE, re.compile(r"\blocal-address\s+(\$?[\w:.]+)", re.MULTILINE)),
        (Setting.PASSIVE, re.compile(r"^[ \t]*passive\b", re.MULTILINE)),
        (Setting.MULTIHOP, re.compile(r"^[ \t]*multihop\s+(\d+)", re.MULTILINE)),
        (Setting.MD5, re.compile(r'\btcp\s+md5sig\s+(?:password|key)\s+"?([^\s"]+)"?', re.MULTILINE)),
        (Setting.GTSM, re.compile(r"\bttl-security\s+yes\b", re.MULTILINE)),
        (Setting.HOLD_TIME, re.compile(r"^[ \t]*holdtime\s+(?!min)(\d+)", re.MULTILINE)),
        (Setting.PREFIX_LIMIT, re.compile(r"\bmax-prefix\s+(\d+)(?!\d|\s+out)", re.MULTILINE)),
        (Setting.SENT_LIMIT, re.compile(r"\bmax-prefix\s+(\d+)\s+out\b", re.MULTILINE)),
        (Setting.CAPABILITIES, re.compile(r"\bannounce\s+capabilities\s+no\b", re.MULTILINE)),
        (Setting.AS4, re.compile(r"\bannounce\s+as-4byte\s+no\b", re.MULTILINE)),
        (Setting.REFRESH, re.compile(r"\bannounce\s+(?:enhanced\s+)?refresh\s+no\b", re.MULTILINE)),
        (Setting.ROUTER_ID, re.compile(r"^[ \t]*router-id\s+([0-9.]+)", re.MULTILINE)),
        (Setting.ROLE, re.compile(r"^[ \t]*role\s+(\w+)|^[ \t]*announce\s+policy\s+(\w+)", re.MULTILINE)),
        (Setting.EXPORT, re.compile(r"\bexport\s+(\w+)", re.MULTILINE)),
    ),
    view=_view,
    constants=_MACRO,
    anchors=((frozenset(), re.compile(r"\bneighbor\s+\S+\s*\{")),),
    ranges=re.compile(r"\bneighbor\s+([0-9A-Fa-f:.]+/\d+)\s*\{"),
    neighbors=re.compile(r"^[ \t]*neighbor\s+(\$?[\w:.]+)(?:/32|/128)?\s*\{", re.MULTILINE),
)
