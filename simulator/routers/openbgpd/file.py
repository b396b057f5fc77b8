"""How turnup reads bgpd.conf of its user."""

from __future__ import annotations

import re
from pathlib import Path

from simulator.diagnosis.router_answer import Setting
from simulator.places.process import Program
from simulator.routers.own_file import INTERFACE, NO_RPKI_CACHE, Fault, OwnFile
from simulator.routers.parsing import otherwise, run, write_file
from simulator.routers.statements import nested

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


_scopes = nested(
    re.compile(r"\bneighbor\s+([0-9A-Fa-f:.]+)(?:/\d+)?\s*\{"), re.compile(r"\bgroup\b[^{;\n]*\{"), file=True
)

OWN_FILE = OwnFile(
    _parse,
    ((INTERFACE, re.compile(r'\bdepend\s+on\s+"?([\w.-]+)"?')),),
    includes=True,
    absent=((re.compile(r"^[ \t]*rtr[ \t]", re.MULTILINE), NO_RPKI_CACHE),),
    scopes=_scopes,
    settings=(
        (Setting.NEIGHBOR, re.compile(r"\bneighbor\s+(\S+)", re.MULTILINE)),
        (Setting.SHUTDOWN, re.compile(r"^\s*down\b(.*)$", re.MULTILINE)),
        (Setting.LOCAL_AS, re.compile(r"^\s*local-as\s+(\$?\w+)|^\s*AS\s+(\$?\w+)", re.MULTILINE)),
        (Setting.REMOTE_AS, re.compile(r"\bremote-as\s+(\$?\w+)", re.MULTILINE)),
        (Setting.SOURCE, re.compile(r"\blocal-address\s+([0-9A-Fa-f:.]+)", re.MULTILINE)),
        (Setting.PASSIVE, re.compile(r"^\s*passive\b", re.MULTILINE)),
        (Setting.MD5, re.compile(r'\btcp\s+md5sig\s+(?:password|key)\s+"?([^\s"]+)"?', re.MULTILINE)),
        (Setting.GTSM, re.compile(r"\bttl-security\s+yes\b", re.MULTILINE)),
        (Setting.HOLD_TIME, re.compile(r"^\s*holdtime\s+(?!min)(\d+)", re.MULTILINE)),
        (Setting.PREFIX_LIMIT, re.compile(r"\bmax-prefix\s+(\d+)(?!\S*\s+out)", re.MULTILINE)),
        (Setting.ROUTER_ID, re.compile(r"^\s*router-id\s+([0-9.]+)", re.MULTILINE)),
        (Setting.ROLE, re.compile(r"^\s*role\s+(\w+)|^\s*announce\s+policy\s+(\w+)", re.MULTILINE)),
        (Setting.EXPORT, re.compile(r"\bexport\s+(\w+)", re.MULTILINE)),
    ),
    constants=re.compile(r'^\s*(\w+)\s*=\s*"?([^"\n]+?)"?\s*$', re.MULTILINE),
    anchors=((frozenset(), re.compile(r"\bneighbor\s+\S+\s*\{")),),
    neighbors=re.compile(r"^\s*neighbor\s+([0-9A-Fa-f]*[:.][0-9A-Fa-f:.]+)(?:/\d+)?\s*\{", re.MULTILINE),
)
