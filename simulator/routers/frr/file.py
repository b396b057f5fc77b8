"""How turnup reads frr.conf of its user."""

from __future__ import annotations

import re
from pathlib import Path

from simulator.diagnosis.router_answer import Setting
from simulator.places.process import Program
from simulator.routers.own_file import INTERFACE, VRF, Fault, OwnFile
from simulator.routers.parsing import otherwise, run
from simulator.routers.statements import same

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


INSTANCE = re.compile(r"^router bgp \d+.*(?:\n[ \t].*|\n)*", re.MULTILINE)
_NEIGHBOR = re.compile(r"^ *neighbor +(\S+) +.*$", re.MULTILINE)
_RANGE = re.compile(r"^ *bgp listen range (\S+) peer-group (\S+)", re.MULTILINE)
_FOR_ALL = re.compile(r"^router bgp \d+.*$|^ *timers bgp .*$|^ *bgp router-id .*$", re.MULTILINE)


def _listening(text: str, prefix: str) -> set[str]:
    """The peer-groups that sessions from a prefix get."""
    return {hit[2] for hit in _RANGE.finditer(text) if same(hit[1], prefix)}


def scopes(text: str, address: str) -> list[tuple[int, int]]:
    """The neighbor's own lines, those of its peer-group, and those of its instance."""
    for instance in INSTANCE.finditer(text):
        lines = list(_NEIGHBOR.finditer(text, *instance.span()))
        own = [hit for hit in lines if same(hit[1], address)]
        groups = {m[1] for hit in own if (m := re.search(r"neighbor \S+ peer-group (\S+)", hit[0]))}
        groups |= _listening(instance[0], address)
        if not own and not groups:
            continue
        for_all = [hit.span() for hit in _FOR_ALL.finditer(text, *instance.span())]
        return [hit.span() for hit in own] + [hit.span() for hit in lines if hit[1] in groups] + for_all
    return []


def _family(text: str, address: str) -> bool | None:
    """Is the address's own family activated for it?"""
    wanted = "ipv6" if ":" in address else "ipv4"
    for instance in INSTANCE.finditer(text):
        lines = instance[0].splitlines()
        own = [line for line in lines if (m := re.match(r" *(?:no )?neighbor +(\S+)", line)) and same(m[1], address)]
        names = {m[1] for line in own if (m := re.search(r"peer-group (\S+)", line))}
        names |= _listening(instance[0], address)
        if not own and not names:
            continue
        default = f" no bgp default {wanted}-unicast" not in lines if wanted == "ipv4" else False
        active, inside = default or f" bgp default {wanted}-unicast" in lines, False
        for line in lines:
            if line.strip().startswith("address-family"):
                inside = bool(re.search(rf"address-family {wanted}(?: unicast)?\s*$", line))
            elif line.strip() == "exit-address-family":
                inside = False
            hit = re.match(r" *(no )?neighbor +(\S+) +activate", line)
            if inside and hit is not None and (hit[2] in names or same(hit[2], address)):
                active = hit[1] is None
        return active
    return None


OWN_FILE = OwnFile(
    _parse,
    (
        (INTERFACE, re.compile(r"^ +neighbor +\S+ +update-source +(?![\d.]+\s|[0-9A-Fa-f]*:)(\S+)", re.MULTILINE)),
        (INTERFACE, re.compile(r"^ +neighbor +(?!\d+\.|[0-9A-Fa-f]*:)(\S+) +interface\b", re.MULTILINE)),
        (INTERFACE, re.compile(r"^ +neighbor +(?:\d+\.|[0-9A-Fa-f]*:)\S+ +interface +(\S+)", re.MULTILINE)),
        (VRF, re.compile(r"^router +bgp +\d+ +vrf +(\S+)", re.MULTILINE)),
    ),
    comments=re.compile(r"^[ \t]*!.*$", re.MULTILINE),
    scopes=scopes,
    family=_family,
    settings=(
        (Setting.NEIGHBOR, re.compile(r"neighbor (\S+) remote-as")),
        (Setting.SHUTDOWN, re.compile(r"neighbor \S+ shutdown\b(.*)")),
        (Setting.LOCAL_AS, re.compile(r"^router bgp (\d+)|neighbor \S+ local-as (\d+)", re.MULTILINE)),
        (Setting.REMOTE_AS, re.compile(r"neighbor \S+ remote-as (\S+)")),
        (Setting.SOURCE, re.compile(r"neighbor \S+ update-source (\S+)")),
        (Setting.PASSIVE, re.compile(r"neighbor \S+ passive\b")),
        (Setting.MULTIHOP, re.compile(r"neighbor \S+ ebgp-multihop(?: (\d+))?")),
        (Setting.MD5, re.compile(r"neighbor \S+ password (?:[80] )?(\S+)")),
        (Setting.GTSM, re.compile(r"neighbor \S+ ttl-security\b")),
        (Setting.HOLD_TIME, re.compile(r"neighbor \S+ timers \d+ (\d+)|^ *timers bgp \d+ (\d+)", re.MULTILINE)),
        (Setting.ROUTER_ID, re.compile(r"bgp router-id (\S+)")),
        (Setting.ROLE, re.compile(r"neighbor \S+ local-role (\S+)")),
        (Setting.PREFIX_LIMIT, re.compile(r"neighbor \S+ maximum-prefix (\d+)")),
        (Setting.SENT_LIMIT, re.compile(r"neighbor \S+ maximum-prefix-out (\d+)")),
        (Setting.CAPABILITIES, re.compile(r"neighbor \S+ dont-capability-negotiate\b")),
        (Setting.NEXT_HOP, re.compile(r"neighbor \S+ next-hop-self\b")),
        (Setting.EXPORT, re.compile(r"neighbor \S+ (?:route-map|prefix-list|distribute-list|filter-list) (\S+) out")),
        (Setting.IMPORT, re.compile(r"neighbor \S+ (?:route-map|prefix-list|distribute-list|filter-list) (\S+) in")),
    ),
    anchors=(
        (
            frozenset({Setting.PREFIX_LIMIT, Setting.NEXT_HOP}),
            re.compile(r"^ *neighbor \S+ activate\b.*$", re.MULTILINE),
        ),
        (frozenset({Setting.FAMILY}), re.compile(r"(?!)")),
        (frozenset(), re.compile(r"^ *neighbor \S+ .*$", re.MULTILINE)),
    ),
    ranges=re.compile(r"^ *bgp listen range (\S+)", re.MULTILINE),
    neighbors=re.compile(r"^ +neighbor ([0-9A-Fa-f]*[:.][0-9A-Fa-f:.]+) (?:remote-as|peer-group)", re.MULTILINE),
)
