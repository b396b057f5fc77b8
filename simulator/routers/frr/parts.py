"""What a user's frr.conf, and the `daemons` file beside it, ask FRR to run, and what of it the lab lacks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from simulator.places.errors import LabError
from simulator.routers.frr.file import LIBRARY

_MODULES = (LIBRARY / "modules", *sorted(Path("/usr/lib").glob("*/frr/modules")), Path("/usr/lib64/frr/modules"))
_PACKAGES = {"rpki": "frr-rpki-rtrlib", "snmp": "frr-snmp"}

_ASKS_FOR_MODULES = (
    (re.compile(r"^rpki\b"), ("bgpd",), "rpki"),
    (re.compile(r"^agentx\b"), ("zebra", "bgpd"), "snmp"),
    (re.compile(r"^ *bmp targets\b"), ("bgpd",), "bmp"),
)
"""A line of frr.conf, the daemons that it needs a module in, the module."""

_ASKS_FOR_BFD = re.compile(r"^bfd\b|^ +neighbor \S+ bfd\b|^ip(v6)? route .* bfd\b")

_NOBODY_SPEAKS = (
    (re.compile(r"^router ospf\b|^ +ip ospf\b"), "OSPF", "ospfd"),
    (re.compile(r"^router ospf6\b|^ +ipv6 ospf6\b"), "OSPFv3", "ospf6d"),
    (re.compile(r"^router (isis|openfabric)\b|^ +ip(v6)? router (isis|openfabric)\b"), "IS-IS", "isisd"),
    (re.compile(r"^router rip\b"), "RIP", "ripd"),
    (re.compile(r"^router ripng\b"), "RIPng", "ripngd"),
    (re.compile(r"^router eigrp\b"), "EIGRP", "eigrpd"),
    (re.compile(r"^router babel\b"), "Babel", "babeld"),
    (re.compile(r"^mpls ldp\b"), "LDP", "ldpd"),
    (re.compile(r"^ +ip(v6)? (pim|igmp|mld)\b"), "PIM", "pimd"),
    (re.compile(r"^ +(ip nhrp|ipv6 nhrp|tunnel protection)\b"), "NHRP", "nhrpd"),
    (re.compile(r"^ +vrrp \d"), "VRRP", "vrrpd"),
    (re.compile(r"^pbr-map\b"), "policy-based routing", "pbrd"),
    (re.compile(r"^segment-routing\b"), "segment routing", "pathd"),
)
"""A line of frr.conf, what it configures, and the daemon that the lab does not run."""


@dataclass(slots=True)
class Parts:
    """What to run besides zebra, staticd and bgpd, which always run."""

    bfdd: bool = False
    modules: dict[str, list[str]] = field(default_factory=dict)
    """Daemon → its modules."""
    remarks: list[str] = field(default_factory=list)
    """What the file asks for and the lab has not, one line each."""

    def options(self, daemon: str) -> list[str]:
        """The options that load a daemon's modules. Raises LabError for one that is not installed."""
        return [word for module in self.modules.get(daemon, ()) for word in ("-M", _installed(daemon, module))]

    def ask(self, daemon: str, module: str) -> None:
        known = self.modules.setdefault(daemon, [])
        if module not in known:
            known.append(module)


def parts(path: Path, text: str) -> Parts:
    """Of the user's own file at `path`, with this text."""
    found = Parts()
    absent: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, daemons, module in _ASKS_FOR_MODULES:
            for daemon in daemons if pattern.match(line) else ():
                found.ask(daemon, module)
        if not found.bfdd and _ASKS_FOR_BFD.match(line):
            found.bfdd = True
            found.remarks.append(
                f"{path}:{number}: bfdd runs, but the lab's edges speak no BFD: its sessions stay down"
            )
        for pattern, what, daemon in _NOBODY_SPEAKS:
            if what not in absent and pattern.match(line):
                absent[what] = f"{path}:{number}: nobody in the lab speaks {what}: {daemon} is not run"
    for daemon, module in _modules_of(path.with_name("daemons")):
        found.ask(daemon, module)
    found.remarks += absent.values()
    if "rpki" in found.modules.get("bgpd", ()):
        found.remarks.append(f"{path}: the lab has no RPKI cache: to bgpd every route is not found")
    return found


def _modules_of(daemons: Path) -> Iterator[tuple[str, str]]:
    """`bgpd_options="… -M rpki"` of the file that tells FRR's start script what to start."""
    try:
        text = daemons.read_text(errors="replace")
    except OSError:
        return
    for daemon, quoted in re.findall(r"^ *(zebra|staticd|bgpd|bfdd)_options=(.*)$", text, re.MULTILINE):
        try:
            words = [word for part in shlex.split(quoted, comments=True) for word in part.split()]
        except ValueError:
            continue
        for before, word in zip(["", *words], words, strict=False):
            if before in ("-M", "--module"):
                yield daemon, word
            elif word.startswith(("-M", "--module=")) and word not in ("-M", "--module"):
                yield daemon, word.removeprefix("--module=").removeprefix("-M")


def _installed(daemon: str, module: str) -> str:
    name = module.partition(":")[0]
    names = (f"{daemon}_{name}.so", f"{name}.so")
    if any((folder / file).exists() for folder in _MODULES for file in names):
        return module
    package = _PACKAGES.get(name)
    remedy = f"apt-get install {package}" if package else f"put it into {_MODULES[-2]}"
    raise LabError(f"FRR's module {name} for {daemon} is not installed: {remedy}")
